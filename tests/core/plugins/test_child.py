"""The process of a plugin, run here over pipes."""

import os
import struct
import threading

import pytest
from plugin_files import returns, tool

from codetune_core.domain.execution import ErrorKind
from codetune_core.errors import ContextTooLong, EngineLost
from codetune_core.plugins.child.guard import Guard, limit_memory
from codetune_core.plugins.child.lent_models import LentModels
from codetune_core.plugins.child.main import serve
from codetune_core.plugins.child.wire import Wire
from codetune_core.plugins.frames import (
    HEADER,
    REPORT,
    Answered,
    AskFailed,
    AskModel,
    Load,
    Loaded,
    LoadFailed,
    Piece,
    Result,
    Run,
    RunFailed,
    Shown,
    pack,
)

UNLIMITED = 2**62
DONE = Answered(prompt_tokens=1, completion_tokens=2, cached_prompt_tokens=3, model="tiny", finish_reason="stop")


class Owner:
    """The other end of the pipes of a plugin."""

    def __init__(self) -> None:
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        self.ended = threading.Event()
        self._source = os.fdopen(self._from, "rb")
        self._files = [os.fdopen(theirs_in, "rb"), os.fdopen(theirs_out, "wb")]
        self.wire = Wire(*self._files, self.ended.set)

    def send(self, frame) -> None:
        os.write(self._to, pack(frame))

    def read(self):
        return REPORT.validate_json(self._source.read(HEADER.unpack(self._source.read(HEADER.size))[0]))

    def close(self) -> None:
        os.close(self._to)
        assert self.ended.wait(60)
        for file in (*self._files, self._source):
            file.close()


@pytest.fixture
def owner():
    made = Owner()
    yield made
    made.close()


@pytest.fixture
def served(owner, folder):
    """Serve a plugin of some source in a thread, with a guard that hooks nothing."""
    threads = []

    def start(source: str, **load):
        (folder / "it.py").write_text(source)
        threads.append(threading.Thread(target=serve, args=(owner.wire, Guard())))
        threads[-1].start()
        owner.send(Load(**{"file": str(folder / "it.py"), "memory_bytes": UNLIMITED, **load}))
        return owner.read()

    yield start
    owner.wire._received.put(None)
    for thread in threads:
        thread.join()


def do(text="", **arguments):
    return Run(task="do", text=text, arguments=arguments)


def test_it_loads_shows_asks_and_answers(owner, served):
    run = """
        def setup(self):
            self.count = 0

        def run(self, request):
            self.count += 1
            self.show(f"{self.count}")
            return self.engine.generate(request.text, model="m", on_piece=self.show)
        """
    loaded = served(tool("it", run, capabilities=("model",)))
    assert isinstance(loaded, Loaded)
    assert (loaded.metadata.name, loaded.kind) == ("it", "tool")
    owner.send(do("hello"))
    assert owner.read() == Shown(text="1")
    asked = owner.read()
    assert isinstance(asked, AskModel)
    assert (asked.messages[0].content, asked.model, asked.max_tokens) == ("hello", "m", 1024)
    for frame in (Piece(text="a"), Piece(text="b"), DONE):
        owner.send(frame)
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    answer = {"text": "ab", "model": "tiny", "finish_reason": "stop", "usage": usage}
    assert [owner.read() for _ in range(3)] == [Shown(text="a"), Shown(text="b"), Result(value=answer)]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (returns("it", "1", top="raise SystemExit(4)"), "sys.exit(4)"),
        (returns("it", "1", top="raise MemoryError"), "plugins.memory_megabytes"),
        (returns("it", "1", top="raise ValueError('\\ud800')"), "ValueError: ?"),
        (returns("it", "1") + "\n\nclass B(Tool):\n    METADATA = Tool.METADATA", "has 2 classes with METADATA"),
        (tool("it", "METADATA = 1"), "has no METADATA"),
        (tool("it", "pass"), "Tool has no run"),
        (tool("it", "def run(self, request): ...\ndef __init__(self): 1 / 0"), "ZeroDivisionError: division by zero"),
    ],
)
def test_what_cannot_be_loaded_is_said(served, source, says):
    failed = served(source)
    assert isinstance(failed, LoadFailed)
    assert says in failed.message


@pytest.mark.parametrize(
    ("load", "says"),
    [
        ({"file": "/nowhere/it.txt"}, "is no Python file"),
        ({"file": "/nowhere/it.py"}, "No such file"),
        ({"file": "", "target": "json:JSONDecoder"}, "json:JSONDecoder is no AgentTool"),
        ({"file": "", "target": "json:nobody"}, "has no attribute 'nobody'"),
        ({"file": "", "target": "nowhere:Tool"}, "No module named 'nowhere'"),
    ],
)
def test_a_class_that_is_not_there_is_said(served, load, says):
    assert says in served("", **load).message


def test_a_packaged_class_is_loaded(served):
    loaded = served("", file="", target="codetune_core.plugins.shipped.codet5p:CodeT5Plus")
    assert (loaded.metadata.name, loaded.kind) == ("codet5p", "codegen")


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        ("1 / 0", ErrorKind.INTERNAL, r"ZeroDivisionError: division by zero (line"),
        ("raise SystemExit('x')", ErrorKind.INTERNAL, "sys.exit('x')"),
        ("return {1}", ErrorKind.INTERNAL, "cannot be sent (set)"),
        ("request.expect('a')", ErrorKind.INVALID_INPUT, "do needs a text"),
        ("raise errors.SettingsError('set it')", ErrorKind.INVALID_INPUT, "set it"),
        ("raise errors.EngineTimeout('late')", ErrorKind.TIMEOUT, "late"),
        ("self.engine.generate('x', max_tokens=0)", ErrorKind.INTERNAL, "max_tokens"),
        ("self.engine.generate([1])", ErrorKind.INTERNAL, "AttributeError"),
    ],
)
def test_what_a_run_raises_is_said_and_the_next_is_another(owner, served, body, kind, says):
    run = f"def run(self, request):\n    if request.arguments:\n        {body}\n    return 'fine'"
    served(tool("it", run, top="from codetune_core import errors"))
    owner.send(do(n=1))
    failed = owner.read()
    assert isinstance(failed, RunFailed)
    assert failed.kind is kind
    assert says in failed.message
    owner.send(do())
    assert owner.read() == Result(value="fine")


def test_a_model_that_fails_raises_the_host_s_error(owner):
    models = LentModels(owner.wire)
    owner.send(AskFailed(kind=ErrorKind.CONTEXT_TOO_LONG, message="too long"))
    with pytest.raises(ContextTooLong, match="too long"):
        models.complete("prefix")
    assert owner.read() == AskModel(prefix="prefix", max_tokens=256, temperature=0)


def test_a_host_that_ends_ends_the_question(owner):
    owner.wire._received.put(None)
    with pytest.raises(EngineLost, match="the host ended"):
        LentModels(owner.wire).generate("x")


def test_frames_that_come_in_pieces_are_joined(owner):
    frame = pack(do("x" * 1000))
    for part in (frame[:2], frame[2:7], frame[7:500], frame[500:]):
        os.write(owner._to, part)
    assert owner.wire.receive() == do("x" * 1000)


def test_a_broken_frame_ends_the_process(owner, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    os.write(owner._to, struct.pack(">I", 2) + b"{]")
    assert owner.wire.receive() is None
    assert owner.ended.wait(60)


def test_the_first_frame_must_say_what_to_load(owner):
    owner.send(do())
    with pytest.raises(TypeError, match="the first frame is Run"):
        serve(owner.wire, Guard())


@pytest.fixture
def guard():
    return Guard()


REFUSED = [
    ("socket.connect", (None, ("127.0.0.1", 1)), "network"),
    ("socket.getaddrinfo", ("example.com", 80, 0, 0, 0), "network"),
    ("subprocess.Popen", ("true", [], None, None), "processes"),
    ("os.system", ("true",), "processes"),
    ("import", ("multiprocessing.popen_spawn_posix", None, [], [], []), "processes"),
    ("open", ("/home/ada/.ssh/id_rsa", "r", os.O_RDONLY), "files"),
    ("open", (b"/etc/shadow", "rb", os.O_RDONLY), "files"),
    ("open", (f"/proc/{os.getppid()}/environ", "r", os.O_RDONLY), "files"),
    ("open", (os.__file__, "w", os.O_WRONLY | os.O_CREAT), "files"),
    ("open", ("/dev/shm/../../home/ada/x", None, os.O_RDWR), "files"),
    ("os.listdir", ("/home",), "files"),
    ("os.rename", ("{tmp}/a", "/home/ada/b", -1, -1), "files"),
    ("os.remove", ("/home/ada/b", -1), "files"),
]
ALLOWED = [
    ("open", (os.__file__, "r", os.O_RDONLY)),
    ("open", (3, "w", os.O_WRONLY)),
    ("open", (os.devnull, "w", os.O_WRONLY)),
    ("open", ("{tmp}/x", "w", os.O_WRONLY | os.O_CREAT)),
    ("os.listdir", ("{tmp}",)),
    ("os.remove", ("{tmp}/x", -1)),
    ("import", ("multiprocessing", None, [], [], [])),
    ("compile", (b"", "x")),
]


def placed(arguments, folder):
    return tuple(each.replace("{tmp}", str(folder)) if isinstance(each, str) else each for each in arguments)


@pytest.mark.parametrize(("event", "arguments", "capability"), REFUSED)
def test_what_is_not_declared_is_refused_and_what_is_declared_is_not(
    tmp_path, monkeypatch, event, arguments, capability
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    guard = Guard()
    with pytest.raises(PermissionError, match=f"does not declare the capability '{capability}'"):
        guard(event, placed(arguments, tmp_path))
    guard.allow([capability])
    guard(event, placed(arguments, tmp_path))
    guard.allow(["model"])
    with pytest.raises(PermissionError):
        guard(event, placed(arguments, tmp_path))


@pytest.mark.parametrize(("event", "arguments"), ALLOWED)
def test_what_every_program_does_is_allowed(tmp_path, monkeypatch, event, arguments):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    Guard()(event, placed(arguments, tmp_path))


def test_a_link_out_of_the_own_folder_leads_nowhere(tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "own"))
    (tmp_path / "own" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(PermissionError, match=f"write {tmp_path}/secret"):
        Guard()("open", (str(tmp_path / "own" / "link"), "w", os.O_WRONLY))


def test_where_there_are_no_limits_none_are_set(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "resource", None)
    limit_memory(1)
