"""When a model is asked for a completion, and who is answered with what it writes; time is virtual."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
import virtual_time

from codetune_core.domain.document import Document
from codetune_core.domain.execution import ErrorKind, ExecutionRequest, Feedback, Priority, Task
from codetune_core.execution.events import Event, Failed, Finished, Started, Token
from codetune_core.findings.baseline import Baseline
from codetune_core.settings import Settings
from codetune_server.completing import spot as spot_module
from codetune_server.completing.proposer import Proposer
from codetune_server.completing.spot import Spot
from codetune_server.holdings import Holding

URI = "untitled:cart.py"
BEFORE = "def total(prices):\n    "
ANSWER = ["return", " sum", "(prices", ")\n", "\n", "\n", "print", "(1)", "\n"]
FAILURE = Failed(kind=ErrorKind.OVERLOADED, message="come back later")


@dataclass
class Model:
    """Writes a piece each tenth of a second, and fails where it is told to."""

    answer: list[str] = field(default_factory=lambda: ANSWER[:4])
    failure: Failed | None = None
    finish_reason: str = "stop"
    output: str | None = None
    asked: list[ExecutionRequest] = field(default_factory=list)
    closed: list[float] = field(default_factory=list)

    async def execute(self, request: ExecutionRequest) -> AsyncGenerator[Event]:
        self.asked.append(request)
        try:
            yield Started(execution_id=uuid4(), prompt="complete", version=1, model="tiny")
            for piece in self.answer:
                await asyncio.sleep(0.1)
                yield Token(text=piece)
            if self.failure:
                yield self.failure
                return
            output = "".join(self.answer) if self.output is None else self.output
            yield Finished(output=output, finish_reason=self.finish_reason, execution_time_ms=1)
        except (GeneratorExit, asyncio.CancelledError):
            self.closed.append(asyncio.get_running_loop().time())
            raise

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        raise NotImplementedError

    async def aclose(self) -> None:
        """Nothing outlives its generator."""


class Editor:
    """Types at the end of a document, and asks."""

    def __init__(self, model: Model, **completion) -> None:
        self.model, self.told = model, []
        self.uri, self.text, self.version = URI, BEFORE, 1
        settings = Settings.model_validate({"completion": completion})
        self.holding = Holding(None, settings, Baseline(), (), (), ())
        self.proposer = Proposer(self._executor, lambda _: self.document, lambda *said: self.told.append(said))

    async def _executor(self):
        return self.model

    @property
    def document(self) -> Document:
        return Document(self.uri, self.text, "python", self.version)

    def type(self, text: str) -> None:
        self.text, self.version = self.text + text, self.version + 1

    def ask(self, *others: Document, invoked=False) -> asyncio.Task:
        document = self.document
        spot = Spot(document, document.position(len(document.text)), self.holding, others, invoked)
        return asyncio.create_task(self.proposer.propose(spot, self.proposer.number()))


def check(scenario, model=None, **completion):
    """Run a scenario with an editor, which is closed; returns the model."""
    model = model or Model()

    async def run():
        editor = Editor(model, **completion)
        try:
            await scenario(editor)
        finally:
            await editor.proposer.aclose()

    virtual_time.run(run())
    return model


def now() -> float:
    return asyncio.get_running_loop().time()


def test_the_model_is_asked_with_what_stands_around_the_cursor_before_anything_else():
    async def scenario(editor):
        hit = await editor.ask()
        assert hit.text == "return sum(prices)"
        assert UUID(hit.source)

    [request] = check(scenario).asked
    assert (request.task, request.prompt, request.priority) == (Task.COMPLETE, "complete", Priority.TYPING)
    assert request.variables["before"] == BEFORE
    assert (request.variables["after"], request.variables["language"]) == ("", "python")
    assert request.variables["at_line_start"] is False


def test_who_types_what_was_proposed_is_answered_at_once_by_no_new_call():
    async def scenario(editor):
        hit = await editor.ask()
        typed = ""
        for character in hit.text[:-1]:
            editor.type(character)
            typed += character
            began = now()
            assert await editor.ask() == type(hit)(hit.text.removeprefix(typed), hit.source)
            assert now() == began

    assert len(check(scenario).asked) == 1


def test_a_newer_request_answers_the_older_one_with_nothing_at_once():
    async def scenario(editor):
        older = editor.ask()
        await asyncio.sleep(0.01)
        editor.type("x")
        newer = editor.ask()
        began = now()
        assert (await older).text == ""
        assert now() == began
        await newer

    assert len(check(scenario).asked) == 1


def test_what_is_being_written_serves_the_next_request_where_it_still_fits():
    async def scenario(editor):
        older = editor.ask(invoked=True)
        await asyncio.sleep(0.05)
        editor.type("re")
        newer = editor.ask()
        assert (await older).text == ""
        assert (await newer).text == "turn sum(prices)"

    model = check(scenario)
    assert (len(model.asked), model.closed) == (1, [])


def test_what_does_not_fit_any_more_is_ended_and_asked_for_anew():
    async def scenario(editor):
        editor.ask(invoked=True)
        await asyncio.sleep(0.15)
        editor.type("yield")
        assert await editor.ask()

    model = check(scenario)
    assert len(model.asked) == 2
    assert model.closed[0] == pytest.approx(0.15)


def test_who_typed_blindly_does_not_wait_for_an_answer_that_turns_out_otherwise():
    async def scenario(editor):
        editor.ask(invoked=True)
        await asyncio.sleep(0.05)
        editor.type("yield")
        await editor.ask()

    model = check(scenario)
    assert len(model.asked) == 2
    assert model.closed[0] == pytest.approx(0.1)  # with the first piece


def test_a_cancelled_request_ends_the_answer_that_nobody_else_waits_for():
    async def scenario(editor):
        asked = editor.ask(invoked=True)
        await asyncio.sleep(0.15)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert asked.cancelled()
        await asyncio.sleep(1)

    assert check(scenario).closed == [pytest.approx(0.15)]


def test_a_request_that_is_cancelled_because_its_user_typed_on_leaves_its_answer_to_the_next():
    async def scenario(editor):
        asked = editor.ask(invoked=True)
        await asyncio.sleep(0.15)
        editor.type("return")
        asked.cancel()
        await asyncio.sleep(0.1)
        assert (await editor.ask()).text == " sum(prices)"

    model = check(scenario)
    assert (len(model.asked), model.closed) == (1, [])


def test_where_no_next_request_comes_that_answer_ends_too():
    async def scenario(editor):
        asked = editor.ask(invoked=True)
        await asyncio.sleep(0.15)
        editor.type("return")
        asked.cancel()
        await asyncio.sleep(5)

    model = check(scenario, Model(answer=["return", *(f" x{n}" for n in range(100))]))
    assert model.closed == [pytest.approx(0.65)]


def test_that_answer_ends_at_once_where_the_next_request_wants_another():
    async def scenario(editor):
        asked = editor.ask(invoked=True)
        await asyncio.sleep(0.15)
        editor.type("return")
        asked.cancel()
        await asyncio.sleep(0.01)
        editor.text = f"{BEFORE}yield "
        await editor.ask(invoked=True)

    assert check(scenario).closed == [pytest.approx(0.16)]


def test_cancelling_before_the_model_was_asked_asks_nobody():
    async def scenario(editor):
        editor.ask().cancel()
        await asyncio.sleep(5)

    assert check(scenario).asked == []


def test_the_model_is_stopped_once_nothing_that_it_adds_could_be_proposed():
    async def scenario(editor):
        assert (await editor.ask()).text == "return sum(prices)"
        assert now() < 2
        await asyncio.sleep(5)

    model = check(scenario, Model(answer=[*ANSWER, *(f"x{n}\n" for n in range(500))]))
    assert [at < 2 for at in model.closed] == [True]


@pytest.mark.parametrize(
    "pieces", [["a = 1\n    b = 2\n    c = 3\n    d = 4\n"], list("a = 1\n    b = 2\n    c = 3\n")]
)
def test_no_more_lines_are_proposed_than_are_wanted(pieces):
    async def scenario(editor):
        assert (await editor.ask()).text == "a = 1\n    b = 2"

    check(scenario, Model(answer=pieces), max_lines=2)


def test_of_an_answer_that_ran_out_of_tokens_the_last_line_is_left_out():
    async def scenario(editor):
        assert (await editor.ask()).text == "a = 1"

    check(scenario, Model(answer=["a = 1\n", "    b = unfin"], finish_reason="length"))


def test_what_a_model_thought_before_its_answer_is_not_proposed():
    async def scenario(editor):
        assert (await editor.ask()).text == "return 1"

    check(scenario, Model(answer=["<think>", "short", "</think>", "return 1"], output="return 1"))


def test_a_failure_is_told_and_nobody_is_asked_for_a_while_unless_by_a_key():
    async def scenario(editor):
        assert (await editor.ask()).text == ""
        assert editor.told == [("overloaded", "come back later")]
        editor.type("x")
        assert (await editor.ask()).text == ""
        assert len(editor.model.asked) == 1
        await editor.ask(invoked=True)
        assert len(editor.model.asked) == 2
        await asyncio.sleep(10)
        editor.model.failure = None
        editor.type("y")
        assert (await editor.ask()).text
        assert len(editor.model.asked) == 3

    check(scenario, Model(failure=FAILURE))


def test_what_is_refused_for_one_document_is_asked_for_another():
    async def scenario(editor):
        assert (await editor.ask()).text == ""
        editor.uri = "untitled:another.py"
        assert (await editor.ask()).text == ""
        editor.uri = URI
        editor.type("x")
        await editor.ask()

    refusal = Failed(kind=ErrorKind.REFUSED, message="it may not leave")
    assert len(check(scenario, Model(failure=refusal)).asked) == 2


def test_where_others_cannot_be_read_the_model_is_asked_without(monkeypatch):
    def broken(*_):
        raise OSError

    monkeypatch.setattr(spot_module, "readable", broken)

    async def scenario(editor):
        assert (await editor.ask()).text

    check(scenario)


def test_closing_ends_what_is_being_written():
    async def scenario(editor):
        editor.ask(invoked=True)
        await asyncio.sleep(0.15)

    assert check(scenario).closed == [pytest.approx(0.15)]


def test_other_open_documents_are_told_of_and_named():
    async def scenario(editor):
        await editor.ask(Document("untitled:bill.py", "def total(prices): return 0\n", "python", 1))

    [request] = check(scenario).asked
    assert request.variables["before"] == f"# Path: bill.py\n# def total(prices): return 0\n{BEFORE}"


async def test_others_that_are_not_looked_through_in_time_are_left_out(monkeypatch):
    held = threading.Event()
    monkeypatch.setattr(spot_module, "readable", lambda *_: held.wait(30) and ())
    editor = Editor(Model())
    try:
        assert (await editor.ask(invoked=True)).text
    finally:
        held.set()
        await editor.proposer.aclose()
    assert editor.model.asked[0].variables["before"] == BEFORE
