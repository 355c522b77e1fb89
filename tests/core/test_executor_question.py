"""What was asked a moment ago is known, and nothing else is taken for it."""

import asyncio
import datetime as dt
from uuid import UUID

import pytest

from codetune_core.domain.execution import ExecutionRequest, ModelIdentity, Task
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.prompt import PromptVersion, Variable, VariableType, Wording
from codetune_core.executor import question
from codetune_core.executor.question import Questions
from codetune_core.prompts.library import Choice

MODEL = ModelIdentity("tiny", "scripted", 10_000)
VERSION = new_id()


class Tokens:
    """An engine that counts a token for each character."""

    def count_tokens(self, model, text):
        return len(text)


def choice(version_id: UUID = VERSION, template: str = "{{ a }} and {{ b }}", **wording) -> Choice:
    variables = tuple(Variable(name=name, type=VariableType.NUMBER, required=False, default=0) for name in "ab")
    said = Wording(user_prompt_template=template, variables=variables, max_tokens=10, **wording)
    version = PromptVersion(version_id, new_id(), 1, said, dt.datetime.now(dt.UTC), "me")
    return Choice(None, version)


async def ask(questions: Questions, values, *, chosen=None, model=MODEL, may_know=True, **changes):
    request = ExecutionRequest(Task.ASK, "p", values, **changes)
    return await questions.asked(chosen or choice(), request, model, as_infill=False, may_know=may_know)


async def test_an_equal_request_asks_the_same_once_more():
    questions = Questions(Tokens())
    assert await ask(questions, {"a": 1}) is await ask(questions, {"a": 1}, user_id="another", session_id="s")


@pytest.mark.parametrize("may_know", [True, False])
@pytest.mark.parametrize(
    "other",
    [
        {"values": {"a": 1.0}},
        {"values": {"a": 2}},
        {"values": {"b": 1}},
        {"values": {"a": 1, "b": 1}},
        {"tenant": "t"},
        {"sample_index": 1},
        {"chosen": choice(new_id(), "{{ a }}, {{ b }}")},
        {"chosen": choice(new_id(), temperature=0.5)},
        {"model": ModelIdentity("tiny", "scripted", 10_000, revision="r")},
        {"model": ModelIdentity("tiny", "scripted", 10_000, adapter="x")},
    ],
)
async def test_what_is_known_is_what_would_have_been_made(other, may_know):
    questions = Questions(Tokens())
    wanted = {"values": {"a": 1}, **other}
    await ask(questions, {"a": 1}, may_know=may_know)
    for _ in range(2):
        assert await ask(questions, may_know=may_know, **wanted) == await ask(Questions(Tokens()), **wanted)


async def test_true_is_not_taken_for_one():
    questions = Questions(Tokens())
    await ask(questions, {"a": 1})
    with pytest.raises(Exception, match="must be a number"):
        await ask(questions, {"a": True})


@pytest.mark.parametrize(
    ("values", "changes"),
    [({"a": 1}, {"may_know": False}), ({"a": type("N", (int,), {})(1)}, {})],
    ids=["not to be remembered", "no plain JSON"],
)
async def test_what_is_not_to_be_known_is_made_anew(values, changes):
    questions = Questions(Tokens())
    first = await ask(questions, values, **changes)
    assert await ask(questions, values, **changes) is not first


async def test_what_was_cut_is_made_anew():
    variables = (Variable(name="code", type=VariableType.CODE, cut=1),)
    said = Wording(user_prompt_template="{{ code }}", variables=variables, max_tokens=10)
    chosen = Choice(None, PromptVersion(VERSION, new_id(), 1, said, dt.datetime.now(dt.UTC), "me"))
    questions, small = Questions(Tokens()), ModelIdentity("tiny", "scripted", 150)
    asked = await ask(questions, {"code": "a line\n" * 100}, chosen=chosen, model=small)
    assert asked.rendered.cut
    assert await ask(questions, {"code": "a line\n" * 100}, chosen=chosen, model=small) is not asked


async def test_only_so_many_are_known():
    questions = Questions(Tokens())
    first = await ask(questions, {"a": -1})
    for number in range(question._MOST_KNOWN):
        await ask(questions, {"a": number})
    assert await ask(questions, {"a": -1}) is not first


async def test_all_is_forgotten_in_time(monkeypatch):
    monkeypatch.setattr(question, "_KNOWN_SECONDS", 0)
    questions = Questions(Tokens())
    first = await ask(questions, {"a": 1})
    async with asyncio.timeout(10):
        while await ask(questions, {"a": 1}) is first:
            await asyncio.sleep(0)
