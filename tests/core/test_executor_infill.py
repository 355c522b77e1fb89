"""Completions: models that fill in are asked with the code around the cursor, others with a prompt about it."""

from dataclasses import replace

import pytest
from hostile import TOKEN, TOKENS
from running import MODEL, SQLITE, running, script

from codetune_core.domain.execution import ErrorKind, ExecutionRequest, ModelIdentity, Priority, Task
from codetune_core.domain.prompt import Variable, VariableType
from codetune_core.engines.fallback.chain import Link
from codetune_core.engines.fallback.engine import FallbackEngine
from codetune_core.engines.protocol import Infill
from codetune_core.engines.scripted import ScriptedEngine
from codetune_core.outbound.engine import GuardedEngine
from codetune_core.outbound.gate import Gate
from codetune_core.service_sections import OutboundSettings

BEFORE, AFTER = "def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n"
NAMES = ("before", "after")
PROMPT = {
    "name": "complete",
    "user_prompt_template": "Go on.\n{{ after }}\n{{ before }}",
    "variables": tuple(Variable(name=name, type=VariableType.CODE, required=False, cut=1) for name in NAMES),
    "max_tokens": 64,
}


def request(before=BEFORE, after=AFTER, **changes) -> ExecutionRequest:
    told = {"before": before, "after": after}
    return replace(ExecutionRequest(Task.COMPLETE, "complete", told, priority=Priority.TYPING), **changes)


def filling(**changes) -> ScriptedEngine:
    return ScriptedEngine(script("a + b").model_copy(update={"infill": True, **changes}))


async def run(database, engine, *requests, asked=None, **prompt):
    """The last events, what the engine was asked, and what was recorded."""
    async with running(database, engine) as core:
        await core.add(**{**PROMPT, **prompt})
        for each in requests or (request(),):
            events = await core.run(each)
        return events, (asked or engine).asked, await core.recorded()


@SQLITE
async def test_a_model_that_fills_in_is_asked_with_the_code_and_no_messages(database):
    events, [asked], [row] = await run(database, filling())
    assert events[-1].output == "a + b"
    assert (asked.infill, asked.messages, asked.priority) == (Infill(BEFORE, AFTER), (), Priority.TYPING)
    assert (asked.max_tokens, asked.temperature) == (64, 0)
    assert row.rendered_prompt == f"[before]\n{BEFORE}\n\n[after]\n{AFTER}"
    assert row.prompt_tokens > 10


@SQLITE
async def test_a_model_that_does_not_is_asked_by_the_prompt(database):
    _, [asked], _ = await run(database, ScriptedEngine(script("a + b")))
    assert asked.infill is None
    assert "Go on." in asked.messages[-1].content


@SQLITE
@pytest.mark.parametrize(
    "changes",
    [
        {"variables": (Variable(name="code", type=VariableType.CODE),), "user_prompt_template": "{{ code }}"},
        {"task": Task.GENERATE},
    ],
)
async def test_only_a_completion_of_what_stands_before_a_cursor_is_an_infill(database, changes):
    task = changes.pop("task", Task.COMPLETE)
    told = {"code": BEFORE} if changes else {"before": BEFORE}
    _, [asked], _ = await run(database, filling(), request(task=task, variables=told), **changes)
    assert asked.infill is None


@SQLITE
async def test_code_cannot_forge_a_special_token_and_what_a_model_repeats_of_it_is_as_it_was(database):
    tokens = " ".join(TOKENS)
    _, [asked], _ = await run(database, filling(), request(f"x = '{tokens}", f"{tokens}'"))
    assert not TOKEN.search(asked.infill.prefix)
    assert not TOKEN.search(asked.infill.suffix)
    repeating = ScriptedEngine(script(asked.infill.suffix).model_copy(update={"infill": True}))
    async with running(database, repeating) as core:
        assert (await core.run(request()))[-1].output == f"{tokens}'"


@SQLITE
async def test_the_same_code_is_answered_from_the_cache_and_no_other(database):
    others = [
        request(f"{BEFORE} "),
        request(after=f"{AFTER} "),
        request(before=BEFORE + AFTER[:1], after=AFTER[1:]),
        request(tenant="another"),
    ]
    engine = filling()
    _, asked, rows = await run(database, engine, request(), *others, request(), *others)
    assert len(asked) == 1 + len(others)
    assert [row.from_cache for row in rows] == [False] * 5 + [True] * 5


@SQLITE
async def test_an_infill_and_a_prompt_of_the_same_values_have_keys_of_their_own(database):
    await run(database, filling())
    prompted = ScriptedEngine(script("a + b"))
    async with running(database, prompted) as core:
        await core.run(request())
        assert [row.from_cache for row in await core.recorded()] == [False, False]
    assert len(prompted.asked) == 1


@SQLITE
async def test_what_is_farthest_from_the_cursor_is_left_out_first(database):
    before = "".join(f"before{n} = {n}\n" for n in range(2000))
    after = "".join(f"\nafter{n} = {n}" for n in range(2000))
    events, [asked], [row] = await run(database, filling(), request(before, after))
    prefix, suffix = asked.infill.prefix, asked.infill.suffix
    assert before.endswith(f"\n{prefix}")
    assert after.startswith(suffix)
    assert 2000 < row.prompt_tokens <= MODEL.context_tokens - 64
    assert len(prefix) > 2 * len(suffix) > 100
    lost = (len(before) - len(prefix), len(after) - len(suffix))
    assert events[0].cut == (
        f"before: the first {lost[0]:,} characters left out",
        f"after: the last {lost[1]:,} characters left out",
    )


@SQLITE
async def test_a_model_without_room_for_any_code_says_so(database):
    engine = filling(models=(ModelIdentity("tiny", "scripted", 70),))
    events, asked, _ = await run(database, engine)
    assert (events[-1].kind, asked) == (ErrorKind.CONTEXT_TOO_LONG, [])
    assert "leaves no room for code" in events[-1].message


@SQLITE
@pytest.mark.parametrize("fills_in", [True, False])
async def test_a_chain_behind_the_gate_says_of_the_engine_that_answers_whether_it_fills_in(
    database, tmp_path, fills_in
):
    first = filling(infill=fills_in)
    chain = FallbackEngine((Link("first", first), Link("second", filling(infill=not fills_in))), 60)
    engine = GuardedEngine(chain, Gate(OutboundSettings(), tmp_path))
    _, [asked], _ = await run(database, engine, asked=first)
    assert (asked.infill is not None) == fills_in
