"""Faults that such tools are known for, each tried on a real language server whose model answers when the test says."""

import asyncio
import itertools
from pathlib import Path

import pytest
from gated_model import GatedModel
from virtual_time import run
from window import Window, create, place_of
from worker_here import RuffBeside, WorkerHere

from codetune_core.detectors.ruff_server import RuffServer
from codetune_core.workers.pool import WorkerProcess

CANCELLED, FAILED = -32800, -32803
MOST_SECONDS = 0.05
"""For the model to stop, once nobody waits for it."""
URI = "untitled:shop.py"
BAD = "return ftplib.FTP(text)"
SAFE = "return int(text)"
FIRST = "import ftplib\n\n\ndef first(text):\n    return ftplib.FTP(text)\n"
OPTIONS = {"detectors": {"disabled": ["secrets"]}}


@pytest.fixture(scope="module")
def ruff():
    beside = RuffBeside("S321", "S307")
    yield beside
    beside.close()


@pytest.fixture
def play(ruff, monkeypatch):
    """Runs a coroutine with a window, its model and its worker, in virtual time."""

    async def diagnostics(_, text, suffix=".py"):
        return ruff.ask(text, suffix)

    async def played(work, **options):
        model, worker = GatedModel(), WorkerHere()
        monkeypatch.setattr(WorkerProcess, "start", worker.start)
        server, _ = create(model, monkeypatch, "optimize", "explain-code")
        window = Window(server)
        await window.initialize(**OPTIONS)
        try:
            await work(window, model, worker, **options)
            assert not window.faults
        finally:
            await server.aclose()

    monkeypatch.setattr(RuffServer, "diagnostics", diagnostics)
    return lambda work, **options: run(played(work, **options))


def mend(replacement=SAFE, quote=BAD):
    return {"edits": [{"quote": quote, "replacement": replacement}], "explanation": "x"}


async def opened(window, text, uri=URI):
    """What is found in a text."""
    window.open(uri, text)
    await asyncio.sleep(1)
    return window.published[uri]["diagnostics"]


async def asked(model, count=1):
    while len(model.thinking) < count:
        await asyncio.sleep(0.001)
    return model.thinking[-1]


async def fixing(window, model, text, at=0):
    """A fix of a finding that the model thinks about; returns the request and the execution."""
    found = await opened(window, text)
    request = window.command("codetune.fixWithModel", URI, 1, found[at]["data"]["id"], uri=URI)
    return request, await asked(model)


def hover(window, at=0):
    return window.request(
        "textDocument/hover", {"textDocument": {"uri": URI}, "position": place_of(window.buffers[URI].text, at)}
    )


def menu(window):
    everything = {"start": {"line": 0, "character": 0}, "end": {"line": 4, "character": 9}}
    params = {"textDocument": {"uri": URI}, "range": everything, "context": {"diagnostics": []}}
    return window.request("textDocument/codeAction", params)


@pytest.mark.parametrize("how", ["fix", "review", "action", "completion"])
def test_while_a_model_thinks_everything_else_goes_on(play, how):
    """Held locks, and queues that fill up (llm-ls, ruff): a change is reviewed, and requests are answered."""

    async def work(window, model, worker):
        found = await opened(window, FIRST)
        place = {"start": {"line": 4, "character": 4}, "end": {"line": 4, "character": 4}}
        match how:
            case "fix":
                going = window.command("codetune.fixWithModel", URI, 1, found[0]["data"]["id"])
            case "review":
                going = window.command("codetune.reviewWithModel", URI)
            case "action":
                going = window.command("codetune.runAction", "explain-code", URI, 1, place)
            case _:
                going = complete(window, len(FIRST))
        thinking = await asked(model)
        others = [hover(window), menu(window), hover(window, 40)]
        if how != "completion":
            others.append(complete(window, len(FIRST)))
            (await asked(model, 2)).finish("x = 1")
        for other in others:
            assert "result" in await window.answer(other)
        assert not window.asked[going].answers
        window.open("untitled:other.py", FIRST.replace("first", "other"))
        await asyncio.sleep(1)
        assert window.published["untitled:other.py"]["diagnostics"]
        window.change(URI, len(FIRST), len(FIRST), "\n\ndef second(text):\n    return ftplib.FTP(text)\n")
        await asyncio.sleep(1)
        assert len(window.published[URI]["diagnostics"]) == 2
        assert window.published[URI]["version"] == 2
        thinking.finish("?")

    play(work)


def complete(window, at):
    text = window.buffers[URI].text
    params = {"textDocument": {"uri": URI}, "position": place_of(text, at), "context": {"triggerKind": 1}}
    return window.request("textDocument/inlineCompletion", params, URI)


def test_each_of_many_superseded_requests_is_answered(play):
    """lsp-ai, helix-gpt and famulus leave editors waiting for what they overtook."""

    async def work(window, model, worker):
        await opened(window, "total = ")
        requests = []
        for typed in "price_of(":
            end = len(window.buffers[URI].text)
            requests.append(complete(window, end))
            await asyncio.sleep(0.03)
            window.change(URI, end, end, typed)
        last = complete(window, len(window.buffers[URI].text))
        while not window.asked[last].answers:
            for thinking in list(model.thinking):
                thinking.finish("price_of(cart)")
            await asyncio.sleep(0.05)
        await asyncio.sleep(2)
        assert [len(window.asked[number].answers) for number in [*requests, last]] == [1] * 10
        assert [item["insertText"] for item in window.asked[last].answers[0]["result"]] == ["cart)"]
        assert not model.thinking

    play(work)


@pytest.mark.parametrize("name", ["codetune.fixWithModel", "codetune.reviewWithModel", "codetune.runAction"])
def test_a_cancelled_request_is_answered_at_once_and_its_model_stops(play, name):
    async def work(window, model, worker):
        found = await opened(window, FIRST)
        place = {"start": {"line": 4, "character": 4}, "end": {"line": 4, "character": 4}}
        more = {
            "codetune.fixWithModel": (1, found[0]["data"]["id"]),
            "codetune.reviewWithModel": (),
            "codetune.runAction": (1, place),
        }[name]
        prompt = ["optimize"] if name == "codetune.runAction" else []
        request = window.command(name, *prompt, URI, *more)
        (await asked(model)).say("{")
        began = asyncio.get_running_loop().time()
        window.cancel(request)
        assert (await window.answer(request))["error"]["code"] == CANCELLED
        assert not model.thinking
        assert asyncio.get_running_loop().time() - began < MOST_SECONDS

    play(work)


def test_the_model_sees_what_is_typed_and_not_what_is_on_the_disk(play, tmp_path: Path):
    """snyk-ls offers nothing on a dirty buffer, and its agent works on HEAD."""
    file = tmp_path / "shop.py"
    file.write_text("import ftplib\n\n\ndef old_name(text):\n    return ftplib.FTP(text)\n")

    async def work(window, model, worker):
        uri = file.as_uri()
        await opened(window, file.read_text(), uri)
        at = file.read_text().index("old_name")
        window.change(uri, at, at + len("old_name"), "unsaved_name")
        await asyncio.sleep(1)
        finding = window.published[uri]["diagnostics"][0]
        window.command("codetune.fixWithModel", uri, 2, finding["data"]["id"], uri=uri)
        fix = await asked(model)
        window.command("codetune.reviewWithModel", uri)
        review = await asked(model, 2)
        for thinking in (fix, review):
            assert "unsaved_name" in thinking.request.variables["code"]
            assert "old_name" not in str(thinking.request.variables)
        fix.finish(mend())
        await asyncio.sleep(1)
        assert window.buffers[uri].text == f"import ftplib\n\n\ndef unsaved_name(text):\n    {SAFE}\n"
        assert "old_name" in file.read_text()

    play(work)


@pytest.mark.parametrize("at", range(3))
def test_of_equal_lines_the_one_that_was_asked_about_is_changed(play, at):
    """ai-lsp takes the first match."""
    functions = [f"def f{number}(text):\n    return ftplib.FTP(text)\n" for number in range(3)]

    async def work(window, model, worker):
        _, thinking = await fixing(window, model, "import ftplib\n\n\n" + "\n\n".join(functions), at)
        thinking.finish(mend())
        await asyncio.sleep(1)
        wanted = [text.replace(BAD, SAFE) if number == at else text for number, text in enumerate(functions)]
        assert window.buffers[URI].text == "import ftplib\n\n\n" + "\n\n".join(wanted)

    play(work)


BODIES = {
    "windows": "import ftplib\r\n\r\n\r\ndef first(text):\r\n    return ftplib.FTP(text)\r\n",
    "tabs": "import ftplib\n\n\ndef first(text):\n\tif text:\n\t\treturn ftplib.FTP(text)\n\treturn None\n",
    "no last end": "import ftplib\n\n\ndef first(text):\n    return ftplib.FTP(text)",
    "trailing blanks": "import ftplib  \n\t\n\ndef first(text):   \n    return ftplib.FTP(text)  \n \n",
    "emoji": "import ftplib\n\n\ndef first(text):\n    '🎂🎂🎂'; return ftplib.FTP(text)  # 🎉\n",
    "emoji above": "# 🎂👩‍👩‍👧\nimport ftplib\n\n\ndef first(text):\n    é = '🎉'; return ftplib.FTP(text)\n",
    "form feed": "import ftplib\n\x0c\n\ndef first(text):\n    '\u2028'; return ftplib.FTP(text)\n",
}


@pytest.mark.parametrize("name", BODIES)
def test_an_edit_keeps_everything_else_letter_for_letter(play, name):
    """Columns in another unit (lsp-ai, ruff-lsp), line ends, tabs and blanks that get lost."""
    text = BODIES[name]

    async def work(window, model, worker):
        _, thinking = await fixing(window, model, text)
        thinking.finish(mend())
        await asyncio.sleep(1)
        assert window.buffers[URI].text == text.replace(BAD, SAFE)

    play(work)


def test_a_finding_of_a_model_behind_emoji_stands_exactly_on_what_it_quotes(play):
    text = "def first(text):\n    '🎂🎂'; return open(text)\n"

    async def work(window, model, worker):
        window.open(URI, text)
        await asyncio.sleep(1)
        going = window.command("codetune.reviewWithModel", URI)
        claim = {"quote": "open(text)", "symbol": "first", "rule": "path", "cwe": "CWE-22", "severity": "high"}
        claim |= {"confidence": "high", "message": "x", "evidence": ["text"], "fix": "x"}
        while not window.asked[going].answers:
            for thinking in list(model.thinking):
                thinking.finish({"verdicts": [], "claims": [claim]})
            await asyncio.sleep(0.01)
        assert window.asked[going].answers[0]["result"]["new"] == 1, window.asked[going].answers
        await asyncio.sleep(1)
        (shown,) = window.published[URI]["diagnostics"]
        start = text.index("open(")
        assert shown["range"] == {"start": place_of(text, start), "end": place_of(text, start + len("open(text)"))}

    play(work)


def test_keystrokes_do_not_become_requests_to_the_model(play):
    """theia asks at each keystroke, ai-diagnos-lsp six times a save."""

    async def work(window, model, worker):
        await opened(window, FIRST)
        for typed in itertools.islice(itertools.cycle("# x\n"), 40):
            end = len(window.buffers[URI].text)
            window.change(URI, end, end, typed)
            await asyncio.sleep(0.05)
        assert not model.asked
        for _ in range(5):
            window.save(URI)
        await asyncio.sleep(2)
        assert len(model.asked) == 1

    play(work)


def test_entries_of_models_hide_no_other_and_only_what_is_checked_is_preferred(play):
    """vscode-copilot-release#5502; semgrep prefers both "fix" and "ignore", ai-lsp prefers everything."""

    async def work(window, model, worker):
        await opened(window, "import yaml\n\n\ndef first(text):\n    return eval(text)\n")
        entries = (await window.answer(menu(window)))["result"]
        titles = [entry["title"] for entry in entries]
        of_rule = next(at for at, title in enumerate(titles) if title.startswith("Fix: "))
        of_model = [at for at, title in enumerate(titles) if " with m" in title]
        assert of_model
        assert of_rule < min(of_model)
        assert not [entry["title"] for entry in entries if entry.get("isPreferred") and " with m" in entry["title"]]
        assert sum(bool(entry.get("isPreferred")) for entry in entries) <= 1

    play(work)
