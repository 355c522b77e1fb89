"""What plugins ask a model is answered by the engine that is set, recorded, and paid."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from codetune_core.bootstrap.core import open_core
from codetune_core.bootstrap.plugins import RecordedAsk
from codetune_core.domain.execution import Message, Task
from codetune_core.errors import BudgetSpent, EngineLost, EngineRefused
from codetune_core.history.protocol import Filter
from codetune_core.plugins.protocol import Question
from codetune_core.settings import Options, resolve

SCRIPT = """
models:
  - {name: tiny, engine: scripted, context_tokens: 4096}
  - {name: free, engine: scripted, context_tokens: 4096}
rules:
  - {contains: break, answers: ["one two three"], fault: {kind: engine_lost, after_tokens: 2}}
  - {contains: refuse, fault: {kind: refused, message: "I do not"}}
  - {contains: slow, answers: ["one two three"], token_delay_ms: 600000}
default: {answers: ["one two"]}
"""
PROMPT = 8 + 3
"""Tokens of the word ``break``, as they are counted: never too low."""
ASKED = Question("it", "security", (Message("system", "s"), Message("user", "u")), model="tiny", max_tokens=50, seed=3)


@pytest.fixture(scope="session")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture
async def core(sqlite_url, tmp_path, monkeypatch):
    """Open a core over the scripted engine, with settings of the budget."""
    monkeypatch.delenv("CODETUNE_DATABASE_URL", raising=False)
    (tmp_path / "answers.yaml").write_text(SCRIPT)
    opened = []

    async def make(**budget):
        values = {
            "storage": {"database_url": sqlite_url},
            "engine": {"name": "scripted", "script": str(tmp_path / "answers.yaml")},
            "budget": {"prices": [{"model": "tiny", "prompt": 1, "completion": 1000}], **budget},
        }
        resolved = resolve([Options("test", values)])
        assert resolved.notices == ()
        opened.append(open_core(resolved.settings))
        return await opened[-1].__aenter__()

    yield make
    for each in opened:
        await each.__aexit__(None, None, None)


async def recorded(core):
    (execution,) = await core.history.page(Filter())
    return execution


async def test_an_answer_is_streamed_and_recorded_as_what_it_is(core):
    opened, pieces = await core(), []
    answered = await RecordedAsk(opened, user_id="ada", workspace="/w")(ASKED, pieces.append)
    assert pieces == ["one", " two"]
    assert (answered.model, answered.finish_reason, answered.usage.completion_tokens) == ("tiny", "stop", 2)
    execution = await recorded(opened)
    assert (execution.task, execution.user_id, execution.workspace) == (Task.REVIEW, "ada", "/w")
    assert execution.input_data == {"plugin": "it", "task": "security"}
    assert (execution.rendered_prompt, execution.output_data, execution.success) == ("s\n\nu", "one two", True)
    assert (execution.completion_tokens, execution.model_used) == (2, "tiny")
    assert execution.estimated_cost_usd == (answered.usage.prompt_tokens + 2000) * Decimal("1e-6")
    (generation,) = opened.engine.asked
    assert (generation.max_tokens, generation.decoding.seed, generation.infill) == (50, 3, None)


async def test_a_text_to_be_continued_is_sent_as_such(core):
    opened = await core()
    await RecordedAsk(opened)(replace(ASKED, task="odd", messages=(), prefix="a", suffix="b", model=""), print)
    (generation,) = opened.engine.asked
    assert (generation.infill.prefix, generation.infill.suffix, generation.model.name) == ("a", "b", "tiny")
    execution = await recorded(opened)
    assert (execution.task, execution.rendered_prompt) == (Task.ASK, "ab")


@pytest.mark.parametrize(
    ("word", "error", "output", "tokens"),
    [("break", EngineLost, "one two", 4 + PROMPT), ("refuse", EngineRefused, None, 0)],
)
async def test_a_failure_is_told_and_recorded_with_what_it_cost(core, word, error, output, tokens):
    opened = await core()
    with pytest.raises(error):
        await RecordedAsk(opened)(replace(ASKED, messages=(Message("user", word),)), lambda _: None)
    execution = await recorded(opened)
    assert (execution.success, execution.error_kind, execution.output_data) == (False, error.kind, output)
    assert execution.tokens_used == tokens


async def test_a_model_that_is_not_there_is_recorded_without_cost(core):
    opened = await core()
    with pytest.raises(EngineRefused, match="no model 'huge'"):
        await RecordedAsk(opened)(replace(ASKED, model="huge"), print)
    execution = await recorded(opened)
    assert (execution.success, execution.estimated_cost_usd, execution.tokens_used) == (False, None, None)


async def test_a_cancelled_question_stops_the_engine_and_is_recorded(core):
    opened, first = await core(), asyncio.Event()
    asked = replace(ASKED, messages=(Message("user", "slow"),))
    running = asyncio.create_task(RecordedAsk(opened)(asked, lambda _: first.set()))
    await first.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert opened.engine.cancelled == 1
    execution = await recorded(opened)
    assert (execution.error_kind, execution.output_data) == ("cancelled", "one")


async def test_a_plugin_cannot_spend_more_than_the_budget(core):
    opened = await core(per_day_usd=Decimal("0.0001"))
    with pytest.raises(BudgetSpent):
        await RecordedAsk(opened)(ASKED, print)
    assert opened.engine.started == 0


async def test_where_the_budget_is_spent_the_model_that_costs_nothing_answers(core):
    opened = await core(per_day_usd=Decimal("0.0001"), when_spent="fallback", fallback_model="free")
    answered = await RecordedAsk(opened)(ASKED, lambda _: None)
    assert answered.model == "free"
    with pytest.raises(EngineRefused):
        await RecordedAsk(opened)(replace(ASKED, messages=(Message("user", "refuse"),)), print)
