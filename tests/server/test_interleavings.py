"""Whatever comes between: no stale edit, one answer to each request, and no range outside of its text.

The language server, the worker and ruff are real; the model answers when the example says, and time is virtual, so that
each example runs the same way every time.
"""

import asyncio
import itertools
import re
from contextlib import suppress
from dataclasses import asdict, dataclass

import pytest
from gated_model import LOST, GatedModel
from hypothesis import example, given, settings
from hypothesis import strategies as st
from virtual_time import VirtualLoop
from window import Window, create, is_in, place_of
from worker_here import RuffBeside, WorkerHere

from codetune_core.detectors.ruff_server import RuffServer
from codetune_core.workers.pool import WorkerProcess
from codetune_server.offers import Deed, Wanted

BAD = "ftplib.FTP(text)"
PLAIN = """\
import ftplib


def first(text):
    return ftplib.FTP(text)


def second(text):
    return ftplib.FTP(text)


# wish: read a number
"""
STRANGE = (  # line ends of Windows, tabs, what takes two units, blanks at a line's end, and no end of the last line
    "import ftplib\r\n\r\n\r\ndef first(text):\r\n\tcake = '🎂🎂'; return ftplib.FTP(text)\r\n\r\n\r\n"
    "def second(text):\r\n\treturn ftplib.FTP(text)  \r\n\r\n# wish: read a number"
)
OPTIONS = {"editor": {"debounce_min_ms": 80, "debounce_max_ms": 80}, "detectors": {"disabled": ["secrets"]}}
CANCELLED, FAILED, INVALID = -32800, -32803, -32602
WRITTEN = re.compile(r"# written-(\d+)")


class Rig:
    """A server that serves example after example, in a loop of its own; made anew after one that failed."""

    def __init__(self, monkeypatch) -> None:
        self._monkeypatch, self._ruff = monkeypatch, RuffBeside("S321", "S307")
        self._runner = None
        self._numbers = itertools.count(1)
        monkeypatch.setattr(RuffServer, "diagnostics", self._diagnostics)

    def run(self, example) -> None:
        """Run an example, which gets the window, the model, the worker and a name for its document."""
        if self._runner is None:
            self._runner = asyncio.Runner(loop_factory=VirtualLoop)
            self._runner.run(self._begin())
        try:
            self._runner.run(self._one(example))
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        if self._runner:
            with suppress(AssertionError):
                self._runner.run(self._window.server.aclose())
            self._runner.close()
            self._runner = None

    def close(self) -> None:
        self.end()
        self._ruff.close()

    async def _diagnostics(self, text, suffix=".py"):
        return self._ruff.ask(text, suffix)

    async def _begin(self) -> None:
        self._model, self._worker = GatedModel(), WorkerHere()
        self._monkeypatch.setattr(WorkerProcess, "start", self._worker.start)
        server, self._backend = create(self._model, self._monkeypatch, "optimize", "generate", "explain-code")
        self._window = Window(server)
        await self._window.initialize(**OPTIONS)

    async def _one(self, example) -> None:
        self._window.renew()
        self._worker.delays = itertools.cycle(example.delays)
        self._worker.verified.clear()
        play = Play(self._window, self._model, self._worker, f"untitled:{next(self._numbers)}.py")
        await play.run(example)


@dataclass
class Example:
    """What happens: the text, how long the worker's messages take, and steps with what they need."""

    text: str
    read_for: float | None
    delays: list[float]
    steps: list[tuple]


@dataclass
class Play:
    """Plays an example and holds the server to what it promises."""

    window: Window
    model: GatedModel
    worker: WorkerHere
    uri: str
    written: int = 0

    async def run(self, example: Example) -> None:
        self.window.open(self.uri, example.text)
        await self.pause(example.read_for)
        for name, *what in example.steps:
            getattr(self, name)(*what)
            await self.pause(what[-1])
        await self.finish()

    async def pause(self, seconds: float | None) -> None:
        if seconds is not None:
            await asyncio.sleep(seconds)

    async def finish(self) -> None:
        """Everybody answers, and all is quiet."""
        for _ in range(20):
            await asyncio.sleep(5)
            if all(each.answers for each in self.window.asked.values()) and not self.model.thinking:
                break
            for at in range(len(self.model.thinking)):
                self.answer(at, "good", None)
        self.window.close(self.uri)
        await asyncio.sleep(5)
        self.check()

    def check(self) -> None:
        window = self.window
        for asked in window.asked.values():
            assert len(asked.answers) == 1, asked
            for item in (asked.answers[0].get("result") or ()) if asked.method.endswith("inlineCompletion") else ():
                assert item["range"] == {"start": asked.params["position"], "end": asked.params["position"]}
            error = asked.answers[0].get("error", {"code": CANCELLED})
            assert error["code"] in {CANCELLED, FAILED}, asked
        assert not window.faults
        assert not self.model.thinking
        for before, after in window.applied:
            assert after in self.worker.verified
            self.check_edit(before, after)
        for text, diagnostics in window.diagnosed:
            for diagnostic in diagnostics:
                assert is_in(text, diagnostic["range"]), diagnostic
                for related in diagnostic.get("relatedInformation", ()):
                    assert is_in(text, related["location"]["range"])

    def check_edit(self, before: str, after: str) -> None:
        """One of the asked places was written to, and everything else is letter for letter what it was."""
        (number,) = set(WRITTEN.findall(after)) - set(WRITTEN.findall(before))
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
        line = next(at for at, text in enumerate(new) if f"# written-{number}" in text)
        asked = {each.about for each in self.window.asked.values() if each.text == before} - {None}
        if len(old) == len(new):
            assert line in asked
            call = "eval" if f"eval(text)  # written-{number}" in new[line] else "int"  # unchecked where nothing parses
            old[line] = old[line].replace(BAD, f"{call}(text)  # written-{number}")
            assert new == old
        else:
            size, kept = len(after) - len(before), alike(before, after)
            assert "def more(text)" in after[kept : kept + size]
            assert before == after[:kept] + after[kept + size :]
            assert line > min(asked)

    # Steps

    def type_(self, at: float, new: str, _: float | None) -> None:
        offset = self.offset(at)
        self.window.change(self.uri, offset, offset, new)

    def line(self, at: float, new: str, _: float | None) -> None:
        """Add a line, or to a line: most code still parses after that."""
        text = self.window.buffers[self.uri].text
        ends = [0, *(found.end() for found in re.finditer("\n", text))]
        self.window.change(self.uri, *[ends[int(at * len(ends)) % len(ends)]] * 2, new.strip("a\t") + "\n")

    def delete(self, at: float, _: float | None) -> None:
        start = self.offset(at)
        self.window.change(self.uri, start, self.offset(at, 2), "")

    def offset(self, at: float, further: int = 0) -> int:
        """An offset that is not between the two characters of a line's end."""
        text = self.window.buffers[self.uri].text
        offset = min(len(text), int(at * len(text)) + further)
        return offset + (text[offset - 1 : offset + 1] == "\r\n")

    def save(self, _: float | None) -> None:
        self.window.save(self.uri)

    def reopen(self, how: str, _: float | None) -> None:
        text = self.window.buffers[self.uri].text
        self.window.close(self.uri)
        self.window.open(self.uri, f"# again\n{text}" if how == "changed" else text)

    def fix(self, at: int, _: float | None) -> None:
        if found := self.found(at):
            version, diagnostic = found
            what = (self.uri, version, diagnostic["data"]["id"])
            self.window.command("codetune.fixWithModel", *what, uri=self.uri, about=line_of(diagnostic))

    def resolve(self, at: int, _: float | None) -> None:
        if found := self.found(at):
            version, diagnostic = found
            wanted = asdict(Wanted(Deed.MEND, self.uri, version, diagnostic["data"]["id"]))
            self.window.request("codeAction/resolve", {"title": "Fix", "data": wanted}, self.uri, line_of(diagnostic))

    def run_action(self, prompt: str, at: float, _: float | None) -> None:
        buffer = self.window.buffers[self.uri]
        calls = [found.start() for found in re.finditer("wish" if prompt == "generate" else "return", buffer.text)] or [
            0
        ]
        place = place_of(buffer.text, calls[int(at * len(calls)) % len(calls)])
        what = (prompt, self.uri, buffer.version, {"start": place, "end": place})
        self.window.command("codetune.runAction", *what, uri=self.uri, about=place["line"])

    def review(self, _: float | None) -> None:
        self.window.command("codetune.reviewWithModel", self.uri, uri=self.uri)

    def complete(self, at: float, trigger: int, _: float | None) -> None:
        self.ask("inlineCompletion", at, context={"triggerKind": trigger})

    def hover(self, at: float, _: float | None) -> None:
        self.ask("hover", at)

    def cancel(self, at: int, _: float | None) -> None:
        open_ = [number for number, asked in self.window.asked.items() if not asked.answers]
        if open_:
            self.window.cancel(open_[at % len(open_)])

    def begin(self, at: int, _: float | None) -> None:
        if self.model.thinking:
            self.model.thinking[at % len(self.model.thinking)].say("{")

    def answer(self, at: int, how: str, _: float | None) -> None:
        if self.model.thinking:
            thinking = self.model.thinking[at % len(self.model.thinking)]
            thinking.finish(self.said(thinking.request, how))

    def wait(self, _: float | None) -> None:
        pass

    # What is asked and answered

    def ask(self, method: str, at: float, **more) -> None:
        text = self.window.buffers[self.uri].text
        place = place_of(text, int(at * len(text)))
        params = {"textDocument": {"uri": self.uri}, "position": place, **more}
        self.window.request(f"textDocument/{method}", params, self.uri)

    def found(self, at: int):
        params = self.window.published.get(self.uri)
        found = [each for each in (params or {"diagnostics": []})["diagnostics"] if each["code"] == "S321"]
        return (params["version"], found[at % len(found)]) if found else None

    def said(self, request, how: str):
        """What the model answers: something good, bad, or nothing at all."""
        if how == "lost":
            return LOST
        if how == "prose":
            return "I would rather not."
        self.written += 1
        code = request.variables.get("code", "")
        new = f"{'int' if how == 'good' else 'eval'}(text)  # written-{self.written}"
        match request.prompt:
            case "fix-finding":
                return {"edits": [{"quote": BAD, "replacement": new}], "explanation": "x"}
            case "optimize":
                steps = [{"quote": BAD, "replacement": new, "reason": "x"}]
                return {"summary": "x", "steps": steps if BAD in code else [], "risks": []}
            case "generate":
                return {"code": f"def more(text):\n    return {new}\n", "notes": ""}
            case "model-review":
                told = range(1, len(request.variables.get("candidates", ())) + 1)
                verdict = {"call": "confirm" if how == "good" else "refute", "reason": "x", "evidence": ["text"]}
                return {"verdicts": [{"candidate": each, **verdict} for each in told], "claims": []}
            case _:
                return f"more_{self.written}"


def alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    differ = (at for at, (mine, theirs) in enumerate(zip(one, other, strict=False)) if mine != theirs)
    return next(differ, min(len(one), len(other)))


def line_of(diagnostic) -> int:
    return diagnostic["range"]["start"]["line"]


def one_of(*what) -> st.SearchStrategy:
    return st.sampled_from(what)


SPOT = st.floats(0, 1).map(lambda at: round(at, 3))
WHICH = st.integers(0, 3)
PAUSE = one_of(None, 0.0, 0.002, 0.01, 0.1, 0.6, 2.0)
HOW = one_of("good", "good", "bad", "prose", "lost")
ANSWER = st.tuples(st.just("answer"), WHICH, HOW, PAUSE)
FIX = st.tuples(one_of("fix", "resolve"), WHICH, PAUSE)
STEPS = st.one_of(
    FIX,
    ANSWER,
    ANSWER,
    st.tuples(one_of("line", "line", "type_"), SPOT, one_of("# x", "# 🎉", "\n", "a", "\t"), PAUSE),
    st.tuples(st.just("delete"), SPOT, PAUSE),
    st.tuples(one_of("save", "review", "wait"), PAUSE),
    st.tuples(st.just("reopen"), one_of("changed", "as it was"), PAUSE),
    st.tuples(one_of("fix", "cancel", "begin"), WHICH, PAUSE),
    st.tuples(st.just("run_action"), one_of("optimize", "generate", "explain-code"), SPOT, PAUSE),
    st.tuples(st.just("complete"), SPOT, one_of(1, 2), PAUSE),
    st.tuples(st.just("hover"), SPOT, PAUSE),
)
EXAMPLES = st.builds(
    Example,
    one_of(PLAIN, STRANGE),
    one_of(2.0, 2.0, 0.1, None),
    st.lists(one_of(0.0, 0.005, 0.05, 0.3), min_size=1, max_size=3),
    st.lists(STEPS, min_size=6, max_size=16),
)


CHANGED_AT_ONCE = Example(PLAIN, 2.0, [0.0], [("run_action", "optimize", 0.9, 0.004), ("line", 0.999, "# x", 0.1)])
"""The text changes while the editor is asked for the progress of what it has chosen."""


@pytest.fixture(scope="module")
def rig():
    with pytest.MonkeyPatch.context() as patch:
        made = Rig(patch)
        yield made
        made.close()


@settings(max_examples=150, derandomize=True, database=None)
@given(EXAMPLES)
@example(CHANGED_AT_ONCE)
def test_whatever_comes_between_no_edit_is_stale_and_each_request_has_one_answer(rig, what):
    rig.run(what)
