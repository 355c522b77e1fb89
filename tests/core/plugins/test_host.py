"""The host of plugins, over real processes."""

import asyncio
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import plugin_files
import psutil
import pytest
from plugin_files import Memory, returns, tool

from codetune_core.domain.execution import Usage
from codetune_core.errors import EngineOverloaded, EngineRefused, InvalidInput, PluginError, SettingsError
from codetune_core.plugins.api import Request
from codetune_core.plugins.discover import Status
from codetune_core.plugins.process import Limits

DO = Request("do", "text", {"n": 1})
GOOD = returns("good", "[request.task, request.text, dict(request.arguments)]")
ASKS = """
    def run(self, request):
        return self.engine.generate(request.text, stop=("x",), seed=7, max_tokens=5, on_piece=self.show)
"""


def put(folder, **sources):
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)


def status(host, name="it"):
    return host.state(name).status


async def test_a_plugin_is_loaded_when_it_is_first_used_and_stays(folder, host):
    put(folder, it=returns("it", "__import__('os').getpid()"))
    one = host()
    assert status(one) is Status.NOT_LOADED
    first, second = [(await one.run("it", DO)).value for _ in range(2)]
    assert first == second != os.getpid()
    assert status(one) is Status.LOADED
    await one.unload("it")
    assert status(one) is Status.NOT_LOADED
    assert not psutil.pid_exists(first)
    assert (await one.run("it", DO)).value != first


async def test_a_request_arrives_as_it_was_sent(folder, host):
    put(folder, good=GOOD)
    arguments = {"a": [1, 2.5, None, True, {"ü": "\u2060\n"}]}
    outcome = await host().run("good", Request("do", "täxt\n", arguments))
    assert outcome.value == ["do", "täxt\n", arguments]
    assert (outcome.usage, outcome.models) == (Usage(), ())


async def test_a_changed_file_is_picked_up_by_a_reload_and_only_then(folder, host):
    put(folder, it=returns("it", "1", version="1"))
    one = host()
    assert (await one.run("it", DO)).value == 1
    put(folder, it=returns("it", "2", version="2", tasks=("do", "more")))
    assert (await one.run("it", DO)).value == 1
    reloaded = await one.reload("it")
    assert (reloaded.metadata.version, reloaded.metadata.tasks) == ("2", ("do", "more"))
    assert (await one.run("it", DO)).value == 2


async def test_a_file_that_was_mended_is_loaded_and_one_that_is_gone_is_said(folder, host):
    put(folder, it="def (")
    one = host()
    assert status(one) is Status.ERROR
    put(folder, it=returns("it", "1"))
    assert (await one.reload("it")).status is Status.LOADED
    (folder / "it.py").unlink()
    with pytest.raises(PluginError, match="is gone"):
        await one.reload("it")
    assert "it" not in {found.name for found in one.list()}


LOADING_FAULTS = {
    "raises": ("raise RuntimeError('no luck')", r"RuntimeError: no luck \(line \d+ of raises.py\)"),
    "imports": ("import nowhere_to_be_found", "No module named 'nowhere_to_be_found'"),
    "exits": ("import sys; sys.exit('bye')", r"called sys.exit\('bye'\)"),
    "ends": ("import os; os._exit(7)", "ended with exit code 7"),
    "killed": ("import os; os.kill(os.getpid(), 9)", "was killed by signal 9"),
    "prints": ("import os; os.write(1, b'x' * 100); os._exit(0)", "ended with exit code 0: x{100}"),
    "hog": ("x = bytearray(2_000_000_000)", "more memory than plugins.memory_megabytes"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "nothing": ("class Tool: pass\nAgentTool = object", "0 classes with METADATA"),
}


async def test_plugins_that_cannot_be_loaded_have_their_reason_and_stop_nobody(folder, host):
    put(folder, good=GOOD, **{name: returns(name, "1", top=top) for name, (top, _) in LOADING_FAULTS.items()})
    one = host(megabytes=600)
    gathered = await asyncio.gather(*(one.load(name) for name in LOADING_FAULTS), return_exceptions=True)
    for (name, (_, says)), error in zip(LOADING_FAULTS.items(), gathered, strict=True):
        assert isinstance(error, PluginError), name
        assert re.search(f"^{name} cannot be loaded: .*{says}", str(error)), str(error)
        assert one.state(name).status is Status.ERROR
        assert one.state(name).reason in str(error)
    assert (await one.run("good", DO)).value == ["do", "text", {"n": 1}]
    put(folder, raises=returns("raises", "1"))
    assert (await one.run("raises", DO)).value == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("METADATA = 3", "has no METADATA"),
        ("pass", "has no run"),
        (
            "def run(self, request): ...\ndef setup(self):\n    self.engine.generate('x')",
            "asks a model while it is loaded",
        ),
        ("METADATA = METADATA.model_copy(update={'name': 'other'})", "its code says that its name is other"),
        ("METADATA = METADATA.model_copy(update={'interface': '9.0'})", "needs interface 9.0"),
        ("def run(self, request): ...\ndef setup(self):\n    1 / 0", "division by zero"),
    ],
)
async def test_code_that_is_no_plugin_is_refused(folder, host, body, says):
    whole = body if "run" in body or body == "pass" else f"{body}\ndef run(self, request): ..."
    put(folder, it=tool("it", whole))
    with pytest.raises(PluginError, match=says):
        await host().load("it")


FAULTS = {
    "1 / 0": "ZeroDivisionError: division by zero",
    "__import__('sys').exit(3)": r"called sys.exit\(3\)",
    "{1, 2}": "cannot be sent .set",
    "print": "cannot be sent .builtin_function",
    "float('nan')": "cannot be sent .float",
    r"'\ud800'": "cannot be sent .str",
    "{1: 2}": "cannot be sent .dict",
    "b'bytes'": "cannot be sent .bytes",
    "(a := [], a.append(a), a)[2]": "cannot be sent .list",
    "deep(5000)": "cannot be sent .list",
    "'x' * 20_000_000": "cannot be sent .str.: 20,000,",
    "bytearray(2_000_000_000)": "more memory than plugins.memory_megabytes",
    "self": "cannot be sent .Tool",
    "(x for x in 'abc')": "cannot be sent .generator",
    "open('/etc/hostname').read()": "does not declare the capability 'files'",
    "__import__('os').fork()": "does not declare the capability 'processes'",
    "__import__('subprocess').run(['true'])": "does not declare the capability 'processes'",
    "__import__('socket').create_connection(('127.0.0.1', 9))": "does not declare the capability 'network'",
}


async def test_runs_that_fail_in_the_plugin_fail_alone(folder, host):
    deep = "def deep(n):\n    a = []\n    for _ in range(n):\n        a = [a]\n    return a"
    put(folder, it=tool("it", "def run(self, request):\n    return eval(request.text)", top=deep))
    one = host(megabytes=600)
    process = (await one.load("it"), one._named("it").process)[1]
    for expression, says in FAULTS.items():
        with pytest.raises(PluginError, match=f"it failed: .*({says})"):
            await one.run("it", Request("do", expression))
        assert (await one.run("it", Request("do", "'fine'"))).value == "fine"
    assert one._named("it").process is process


DEATHS = {
    "os._exit(3)": "ended with exit code 3",
    "os.kill(os.getpid(), 11)": "was killed by signal 11",
    "os.write(self.engine._wire._sink.fileno(), b'garbage' * 100)": "more than the 16,000,000 allowed",
    r"os.write(self.engine._wire._sink.fileno(), b'\0\0\0\2{]')": "broke the protocol",
    "self.engine._wire.send(frames.Loaded(metadata=Tool.METADATA, kind=Tool.KIND))": "sent a loaded where none belongs",
    "os.close(self.engine._wire._sink.fileno())": "ended with exit code",
}


async def test_a_plugin_that_dies_or_breaks_the_protocol_is_an_error_and_begins_anew(folder, host):
    top = "import os\nfrom codetune_core.plugins import frames"
    put(folder, it=tool("it", "def run(self, request):\n    return eval(request.text)", top=top), good=GOOD)
    one = host()
    for expression, says in DEATHS.items():
        with pytest.raises(PluginError, match=says):
            await one.run("it", Request("do", expression))
        assert status(one) is Status.ERROR
    assert (await one.run("good", DO)).value
    assert (await one.run("it", Request("do", "'fine'"))).value == "fine"
    assert status(one) is Status.LOADED


async def test_what_a_plugin_prints_is_no_answer(folder, host):
    top = "import os, sys\nprint('at import')\nos.write(1, b'garbage')\nos.write(2, b'\\xff')"
    run = "def run(self, request):\n    print('x' * 100_000)\n    os.write(1, b'{}' * 100)\n    return input.__name__"
    put(folder, it=tool("it", run, top=top))
    assert (await host().run("it", DO)).value == "input"


@pytest.mark.parametrize("body", ["while True: pass", "import time; time.sleep(1000)"])
async def test_a_run_without_end_is_ended_at_its_limit(folder, host, body):
    put(folder, it=tool("it", f"def run(self, request):\n    if request.text:\n        {body}\n    return 1"))
    one = host()
    await one.load("it")
    one._named("it").process._limits = Limits(0.5, 0)
    with pytest.raises(PluginError, match=r"it did not answer within 0.5 s: raise plugins\.timeout_seconds"):
        await one.run("it", DO)


async def test_a_plugin_that_does_not_finish_loading_is_ended_at_its_limit(folder, host):
    put(folder, it=returns("it", "1", top="while True:\n    pass"))
    with pytest.raises(PluginError, match=r"did not load within 1 s: raise plugins\.timeout_seconds"):
        await host(seconds=1).load("it")


async def test_all_that_a_plugin_started_ends_with_it(folder, host):
    run = """
        def run(self, request):
            children = [subprocess.Popen(["sleep", "1000"]).pid for _ in range(20)]
            if request.text:
                os._exit(1)
            return children
        """
    put(folder, it=tool("it", run, top="import os, subprocess", capabilities=("processes",)))
    one = host()
    children = (await one.run("it", Request("do"))).value
    assert all(psutil.pid_exists(child) for child in children)
    with pytest.raises(PluginError, match="exit code 1"):
        await one.run("it", DO)
    assert [
        child for child in children if psutil.pid_exists(child) and psutil.Process(child).status() != "zombie"
    ] == []


async def test_a_cancelled_run_ends_the_process_and_the_next_begins_anew(folder, host):
    run = (
        "def run(self, request):\n    self.show(str(os.getpid()))\n    while request.text:\n        pass\n    return 1"
    )
    put(folder, it=tool("it", run, top="import os"))
    one, shown = host(), asyncio.Queue()
    running = asyncio.create_task(one.run("it", DO, shown.put_nowait))
    pid = int(await shown.get())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not psutil.pid_exists(pid)
    assert status(one) is Status.NOT_LOADED
    assert (await one.run("it", Request("do"))).value == 1


async def test_runs_of_one_plugin_wait_for_each_other_and_not_for_those_of_another(folder, host):
    put(folder, it=tool("it", ASKS, capabilities=("model",)), good=GOOD)
    opened, order = asyncio.Event(), []

    async def ask(question, push):
        order.append(question.messages[0].content)
        await opened.wait()
        return await Memory("fine")(question, push)

    one = host(ask=ask)
    runs = [asyncio.create_task(one.run("it", Request("do", text))) for text in "ab"]
    assert (await one.run("good", DO)).value
    opened.set()
    assert [(await each).value["text"] for each in runs] == ["fine", "fine"]
    assert order == ["a", "b"]


async def test_a_model_s_answer_is_streamed_and_counted(folder, host):
    put(folder, it=tool("it", ASKS, capabilities=("model",)))
    memory, shown = Memory("Hel", "lo"), []
    outcome = await host(ask=memory).run("it", Request("do", "Say"), shown.append)
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    assert outcome.value == {"text": "Hello", "model": "tiny", "finish_reason": "stop", "usage": usage}
    assert (shown, outcome.usage, outcome.models) == (["Hel", "lo"], Usage(3, 2, 1), ("tiny",))
    (question,) = memory.asked
    assert (question.plugin, question.task, question.stop, question.seed, question.max_tokens) == (
        "it",
        "do",
        ("x",),
        7,
        5,
    )
    assert [(message.role, message.content) for message in question.messages] == [("user", "Say")]


async def test_several_answers_are_added_up(folder, host):
    run = "def run(self, request):\n    return [self.engine.complete(text, 's').text for text in ('a', 'b')]"
    put(folder, it=tool("it", run, capabilities=("model",)))
    memory = Memory("x")
    outcome = await host(ask=memory).run("it", DO)
    assert (outcome.value, outcome.usage, outcome.models) == (["x", "x"], Usage(6, 2, 2), ("tiny",))
    assert [(question.prefix, question.suffix, question.messages) for question in memory.asked] == [
        ("a", "s", ()),
        ("b", "s", ()),
    ]


async def test_who_declares_no_model_is_lent_none(folder, host):
    put(folder, it=tool("it", ASKS))
    memory = Memory("x")
    with pytest.raises(EngineRefused, match="does not declare the capability 'model'"):
        await host(ask=memory).run("it", DO)
    assert memory.asked == []


@pytest.mark.parametrize("error", [EngineOverloaded("try later"), SettingsError("set engine.name"), InvalidInput("no")])
async def test_what_fails_a_model_is_told_as_it_is_and_leaves_the_plugin_loaded(folder, host, error):
    put(folder, it=tool("it", ASKS, capabilities=("model",)))

    async def ask(question, push):
        push("half")
        raise error

    one = host(ask=ask)
    with pytest.raises(type(error), match=str(error)):
        await one.run("it", DO)
    assert status(one) is Status.LOADED


async def test_a_plugin_may_go_on_without_the_answer_that_failed(folder, host):
    run = """
        def run(self, request):
            try:
                self.engine.generate("x")
            except Exception as error:
                return f"{type(error).__name__}: {error}"
        """
    put(folder, it=tool("it", run, capabilities=("model",)))

    async def ask(question, push):
        raise RuntimeError("with the user's code in it")

    assert (await host(ask=ask).run("it", DO)).value == "ExecutionError: an unexpected error (RuntimeError)"


async def test_the_clock_of_a_run_stands_still_while_a_model_answers(folder, host):
    put(folder, it=tool("it", ASKS, capabilities=("model",)))

    async def ask(question, push):
        await asyncio.sleep(1.5)
        return await Memory("late")(question, push)

    one = host(ask=ask)
    await one.load("it")
    one._named("it").process._limits = Limits(1, 0)
    assert (await one.run("it", DO)).value["text"] == "late"


async def test_a_cancelled_run_stops_its_model(folder, host):
    put(folder, it=tool("it", ASKS, capabilities=("model",)))
    asked, stopped = asyncio.Event(), asyncio.Event()

    async def ask(question, push):
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    running = asyncio.create_task(host(ask=ask).run("it", DO))
    await asked.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert stopped.is_set()


async def test_a_plugin_that_dies_stops_its_model(folder, host):
    run = """
        def run(self, request):
            threading.Thread(target=self.engine.generate, args=("x",)).start()
            while not self.engine._turn.locked():
                pass
            if request.text:
                os._exit(1)
            return 1
        """
    put(folder, it=tool("it", run, top="import os, threading", capabilities=("model",)))
    stopped = []

    async def ask(question, push):
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(question)

    one = host(ask=ask)
    with pytest.raises(PluginError, match="exit code 1"):
        await one.run("it", DO)
    assert len(stopped) in {0, 1}  # it may have died before its question was read


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (Request("undo"), "it has no task 'undo'; it has do"),
        (Request("do", "\ud800"), "cannot be sent"),
        (Request("do", "", {"a": float("inf")}), "cannot be sent"),
        (Request("do", "x" * 17_000_000), "cannot be sent"),
        (Request("do", "", {"a": {1}}), "cannot be sent"),
    ],
)
async def test_a_request_that_no_plugin_can_be_sent_is_refused(folder, host, request_, says):
    put(folder, it=returns("it", "1"))
    one = host()
    with pytest.raises(InvalidInput, match=says):
        await one.run("it", request_)
    assert (await one.run("it", DO)).value == 1


async def test_a_plugin_that_refuses_a_request_says_so_as_such(folder, host):
    run = "def run(self, request):\n    request.expect('n', text=False)\n    request.expect('m')"
    put(folder, it=tool("it", run))
    with pytest.raises(InvalidInput, match="do knows no argument n; it knows m"):
        await host().run("it", DO)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nobody", "there is no plugin 'nobody'"),
        ("ruff", "is a detector: `codetune review` runs it"),
        ("bad", "is not used .error."),
    ],
)
async def test_what_is_no_plugin_or_is_not_used_is_not_run(folder, host, name, says):
    put(folder, bad="(")
    with pytest.raises(PluginError, match=says):
        await host().run(name, DO)


async def test_vectors_are_checked(folder, host):
    body = "def embed(self, texts):\n    return [(len(text), 0.5) for text in texts if text != 'skip']"
    put(folder, it=tool("it", body, base="EmbeddingPlugin", tasks=("embed",)))
    one = host()
    assert (await one.run("it", Request("embed", "abc"))).value == {"dimensions": 2, "vectors": [[3.0, 0.5]]}
    outcome = await one.run("it", Request("embed", "", {"texts": ["a", "bc"]}))
    assert outcome.value["vectors"] == [[1.0, 0.5], [2.0, 0.5]]
    with pytest.raises(PluginError, match="2 texts gave 1 vectors"):
        await one.run("it", Request("embed", "", {"texts": ["a", "skip"]}))
    with pytest.raises(InvalidInput, match="texts is a list of texts"):
        await one.run("it", Request("embed", "", {"texts": [1]}))


async def test_a_plugin_sees_no_secrets_and_writes_into_its_own_folder_only(folder, host, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("CODETUNE_DATABASE_URL", "postgresql://ada:s3cr3t@host/db")
    run = """
        def run(self, request):
            pathlib.Path("mine").write_text("x")
            with tempfile.TemporaryFile() as file:
                file.write(b"x")
            return [dict(os.environ), os.getcwd()]
        """
    put(folder, it=tool("it", run, top="import os, pathlib, tempfile"))
    one = host()
    environment, cwd = (await one.run("it", DO)).value
    assert "s3cr3t" not in str(environment)
    assert "sk-secret" not in str(environment)
    assert environment["HOME"] == environment["TMPDIR"] == cwd
    await one.unload("it")
    assert not Path(cwd).exists()


async def test_what_lies_in_the_working_directory_is_not_imported(folder, host, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('taken')")
    monkeypatch.chdir(tmp_path)
    put(folder, good=GOOD)
    assert (await host().run("good", DO)).value


async def test_a_process_ends_with_its_owner_also_while_it_computes(folder, tmp_path):
    put(
        folder,
        it=tool(
            "it", "def run(self, request):\n    self.show(str(os.getpid()))\n    while True: pass", top="import os"
        ),
    )
    owner = f"""
import asyncio, os, sys
sys.path.insert(0, {str(Path(plugin_files.__file__).parent)!r})
from pathlib import Path
from plugin_files import host_of
from codetune_core.plugins.api import Request

def show(text):
    print(text, flush=True)
    os.kill(os.getpid(), 9)

asyncio.run(host_of(Path({str(folder)!r})).run("it", Request("do"), show))
"""
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", owner], capture_output=True, text=True, check=False
    )
    pid = int(ended.stdout)
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(30)
    assert not psutil.pid_exists(pid)
