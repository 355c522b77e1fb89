"""The engine that replays a script."""

import asyncio
from dataclasses import replace

import pytest

from codetune_core.domain.execution import ErrorKind, Message, ModelIdentity, Usage
from codetune_core.domain.prompt import Decoding
from codetune_core.engines.protocol import Chunk, Done, Generation
from codetune_core.engines.registry import available, build
from codetune_core.engines.scripted import Fault, Reply, Rule, Script, ScriptedEngine, read_script
from codetune_core.errors import EngineRefused, ExecutionError, SettingsError
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

MODEL = ModelIdentity("scripted", "scripted", 32_768)
ASKED = Generation(MODEL, (Message("system", "Explain."), Message("user", "SELECT 1")), 0, 100, Decoding())


async def played(engine, asked=ASKED) -> list:
    return [item async for item in engine.generate(asked)]


async def answer(engine, asked=ASKED) -> str:
    return "".join(item.text for item in await played(engine, asked) if isinstance(item, Chunk))


def engine(*rules, **default) -> ScriptedEngine:
    return ScriptedEngine(Script(rules=rules, default=Reply(**default) if default else None))


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ({"contains": "SELECT"}, True),
        ({"contains": "select"}, False),
        ({"pattern": r"(?i)select \\d"}, False),
        ({"pattern": r"(?i)select \d"}, True),
        ({"pattern": "^SELECT"}, False),
        ({"pattern": "(?m)^SELECT"}, True),
        ({"contains": "Explain", "pattern": "1$"}, True),
        ({"contains": "Explain", "pattern": "2$"}, False),
        ({}, True),
    ],
)
async def test_a_rule_answers_the_prompts_that_it_matches(rule, matches):
    scripted = engine(Rule(**rule, answers=("rule",)), answers=("default",))
    assert await answer(scripted) == ("rule" if matches else "default")


async def test_the_first_rule_that_matches_answers():
    assert await answer(engine(Rule(answers=("first",)), Rule(answers=("second",)))) == "first"


async def test_without_a_rule_and_a_default_it_refuses():
    with pytest.raises(EngineRefused):
        await played(engine())


@pytest.mark.parametrize("text", ["", " ", "one", "two words", "  indented\n\n  lines \t\n", "ä ö\u2028ü"])
async def test_a_text_comes_as_it_is_written(text):
    assert await answer(engine(answers=(text,))) == text


async def test_a_list_comes_token_by_token():
    items = await played(engine(answers=(("de", "f f", "()"),)))
    assert items[:3] == [Chunk("de"), Chunk("f f"), Chunk("()")]
    assert isinstance(items[3], Done)


@pytest.mark.parametrize(("longest", "text", "reason"), [(2, "one two", "length"), (3, "one two three", "stop")])
async def test_it_stops_at_the_longest_answer(longest, text, reason):
    scripted = engine(answers=("one two three",))
    items = await played(scripted, replace(ASKED, max_tokens=longest))
    assert "".join(item.text for item in items[:-1]) == text
    assert items[-1].finish_reason == reason
    assert items[-1].usage.completion_tokens == longest


async def test_the_usage_of_the_script_goes_before_what_was_counted():
    assert (await played(engine(answers=("x",), usage=Usage(7, 8, 2))))[-1].usage == Usage(7, 8, 2)


@pytest.mark.parametrize("kind", list(ErrorKind))
@pytest.mark.parametrize("after", [0, 1, 3])
async def test_a_fault_comes_when_the_script_says_with_its_kind(kind, after):
    scripted = engine(answers=("one two three",), fault=Fault(kind=kind, after_tokens=after, message="said"))
    stream = scripted.generate(ASKED)
    for _ in range(after):
        assert isinstance(await anext(stream), Chunk)
    with pytest.raises(Exception, match="said") as raised:
        await anext(stream)
    assert getattr(raised.value, "kind", "internal") == kind
    assert isinstance(raised.value, ExecutionError) is (kind is not ErrorKind.INTERNAL)
    assert (scripted.started, scripted.failed) == (1, 1)


async def test_samples_differ_and_each_is_the_same_every_time():
    scripted = engine(answers=("a", "b", "c"))
    seen = [await answer(scripted, replace(ASKED, sample_index=index)) for index in (0, 1, 2, 3, 1)]
    assert seen == ["a", "b", "c", "a", "b"]


async def test_what_is_drawn_differs_unless_a_seed_is_given():
    scripted = engine(answers=("a", "b"))
    drawn = replace(ASKED, temperature=0.7)
    seeded = replace(drawn, decoding=Decoding(seed=1))
    assert [await answer(scripted, drawn) for _ in range(3)] == ["a", "b", "a"]
    assert [await answer(scripted, seeded) for _ in range(3)] == ["a", "a", "a"]


async def test_it_counts_what_was_finished_and_what_was_stopped():
    scripted = engine(answers=("one two",))
    await played(scripted)
    stream = scripted.generate(ASKED)
    await anext(stream)
    await stream.aclose()
    waiting = asyncio.create_task(played(ScriptedEngine(scripted._script, lambda _: asyncio.Event().wait())))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (scripted.started, scripted.finished, scripted.cancelled, scripted.failed) == (2, 1, 1, 0)
    assert scripted.asked == [ASKED, ASKED]


async def test_it_knows_the_models_of_its_script():
    scripted = ScriptedEngine(Script(models=(MODEL, ModelIdentity("b", "scripted", 10))))
    assert (await scripted.model("")).name == "scripted"
    assert (await scripted.model("b")).context_tokens == 10
    with pytest.raises(EngineRefused, match="it has b, scripted"):
        await scripted.model("c")


YAML = """
models:
  - {name: tiny, engine: scripted, context_tokens: 4096, revision: r1}
rules:
  - contains: SELECT
    answers: [[find, ings]]
    usage: {prompt_tokens: 3, completion_tokens: 2}
  - pattern: "def .*"
    fault: {kind: overloaded, after_tokens: 1}
default: {answers: [forty two], delay_ms: 0}
"""


async def test_a_script_is_read_from_yaml(tmp_path):
    path = tmp_path / "script.yaml"
    path.write_text(YAML)
    built = build(Settings(engine=EngineSettings(name="scripted", script=path)))
    assert (await built.model("")).revision == "r1"
    assert [item.text for item in (await played(built))[:-1]] == ["find", "ings"]
    await built.aclose()


@pytest.mark.parametrize(
    "content", ["rules: [", "rules: 3", "unknown: 1", "rules: [{fault: {kind: broken}}]", "- 1", "\udc80"]
)
def test_what_is_no_script_is_said(tmp_path, content):
    path = tmp_path / "script.yaml"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError, match=r"engine\.script: .*script\.yaml"):
        read_script(path)


def test_a_script_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        read_script(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("settings", "words"), [({"name": "scripted"}, "engine.script"), ({"name": "gpt"}, "there is no engine 'gpt'")]
)
def test_an_engine_that_cannot_be_made_is_said(settings, words):
    with pytest.raises(SettingsError, match=words):
        build(Settings(engine=EngineSettings(**settings)))


async def test_where_no_engine_is_set_whoever_asks_is_told_what_to_set():
    none = build(Settings(engine=EngineSettings(name="none")))
    for asking in (none.model(""), anext(none.generate(ASKED))):
        with pytest.raises(SettingsError, match=r"no engine is set; set engine\.name .*scripted"):
            await asking
    await none.aclose()


def test_the_shipped_engine_is_registered():
    assert "scripted" in available()
