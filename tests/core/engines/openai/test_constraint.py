"""What the engine ``openai`` does so that an answer fills a schema, by what its server really holds to."""

import json
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest
from http_peer import Peer, blocks, in_turn, serving
from openai_server import DONE, card, chat, constrained, delta, error, server

from codetune_core.domain.execution import Message, ModelIdentity
from codetune_core.domain.prompt import Decoding
from codetune_core.engines.openai.constraint import strict_response_format
from codetune_core.engines.openai.engine import OpenAIEngine
from codetune_core.engines.protocol import Chunk, Generation
from codetune_core.errors import EngineLost, EngineOverloaded, EngineRefused
from codetune_core.prompts.schemas.registry import SCHEMAS, bounded_json_schema
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

SCHEMA = {"type": "object", "properties": {"severity": {"enum": ["high"]}}, "required": ["severity"]}
ASKED = Generation(
    ModelIdentity("coder", "openai", 4096), (Message("user", "How bad?"),), 0, 64, Decoding(), output_schema=SCHEMA
)
FIELDS = {"response_format", "structured_outputs", "guided_json", "json_schema"}


@asynccontextmanager
async def running(peer: Peer):
    async with serving(peer):
        engine = OpenAIEngine.from_settings(EngineSettings(name="openai", base_url=peer.base_url), Settings())
        try:
            yield engine
        finally:
            await engine.aclose()


async def answer(engine, asked=ASKED) -> str:
    async with aclosing(engine.generate(asked)) as stream:
        return "".join([item.text async for item in stream if isinstance(item, Chunk)])


def sent(peer: Peer) -> list[set[str]]:
    """The fields about a schema of each request."""
    return [FIELDS & body.keys() for body in peer.posts("completions")]


@pytest.mark.parametrize(
    ("owner", "honoured", "tried"),
    [
        ("vllm", "response_format", ["response_format"]),
        ("vllm", "structured_outputs", ["response_format", "structured_outputs"]),
        ("vllm", "guided_json", ["response_format", "structured_outputs", "guided_json"]),
        ("llamacpp", "json_schema", ["response_format", "json_schema"]),
        ("library", "response_format", ["response_format"]),
        ("somebody", "response_format", ["response_format"]),
    ],
)
@pytest.mark.parametrize("otherwise", ["ignores", "refuses"])
async def test_the_words_that_a_server_holds_to_are_found_once(owner, honoured, tried, otherwise):
    peer = server(card(owned_by=owner), answer=constrained(honoured, otherwise=otherwise))
    async with running(peer) as engine:
        for _ in range(3):
            assert json.loads(await answer(engine)) == {"severity": "high"}
    assert sent(peer) == [{field} for field in [*tried, *[honoured] * 3]]


@pytest.mark.parametrize("otherwise", ["ignores", "refuses"])
@pytest.mark.parametrize(("owner", "probes"), [("somebody", 1), ("vllm", 3)])
async def test_a_server_that_holds_to_nothing_is_sent_nothing(owner, probes, otherwise):
    peer = server(card(owned_by=owner), answer=constrained(otherwise=otherwise))
    async with running(peer) as engine:
        for _ in range(2):
            assert await answer(engine) == "Good morning! How can I help?"
    assert [bool(fields) for fields in sent(peer)] == [True] * probes + [False] * 2


async def test_a_server_that_ignores_the_schema_is_left_at_its_first_wrong_word():
    peer = server(answer=in_turn(blocks(*map(delta, ["Good", " morning"]), then="silence"), blocks(*chat("free"))))
    async with running(peer) as engine:
        assert await answer(engine) == "free"


async def test_blanks_in_json_do_not_matter():
    probed = ('{\n  "', "waterfall", '" : ', '"cobalt-7"', "\n}")
    peer = server(answer=in_turn(blocks(*chat(*probed)), blocks(*chat("{}"))))
    async with running(peer) as engine:
        await answer(engine)
    assert sent(peer) == [{"response_format"}] * 2


async def test_a_model_that_is_still_reasoning_is_trusted():
    thinks = (delta(None, reasoning_content="hm"), delta(finish="length"), DONE)
    peer = server(answer=in_turn(blocks(*thinks), blocks(*chat("{}"))))
    async with running(peer) as engine:
        await answer(engine)
    assert sent(peer) == [{"response_format"}] * 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (error(503, "loading"), EngineOverloaded),
        (error(429, "slow down"), EngineOverloaded),
        (error(500, "broken"), EngineLost),
        (blocks(delta("{"), then="cut"), EngineLost),
    ],
)
async def test_a_fault_while_finding_out_proves_nothing(fault, kind):
    peer = server(answer=in_turn(fault, constrained("response_format")))
    async with running(peer) as engine:
        with pytest.raises(kind):
            await answer(engine)
        assert json.loads(await answer(engine)) == {"severity": "high"}


async def test_a_schema_that_the_server_cannot_hold_to_is_not_sent_again_others_are():
    async def picky(request, body):
        if "severity" in json.dumps(body.get("response_format", "")):
            return await error(400, "Invalid schema for response_format 'answer': 'required' is")(request, body)
        return await constrained("response_format")(request, body)

    peer = server(answer=picky)
    other = {"type": "object", "properties": {"line": {"type": "integer"}}, "required": ["line"]}
    async with running(peer) as engine:
        for _ in range(2):
            assert await answer(engine) == "Good morning! How can I help?"
        assert json.loads(await answer(engine, replace(ASKED, output_schema=other))) == {"line": 1}
    assert [bool(fields) for fields in sent(peer)] == [True, True, False, False, True]


TAKEN = {"type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "$ref", "$defs"}
TAKEN |= {"description", "pattern", "format", "minimum", "maximum", "minItems", "maxItems"}


def schemas_in(node):
    """Every schema within a schema."""
    yield node
    for key, value in node.items():
        inner = value.values() if key in {"properties", "$defs"} else value if key == "anyOf" else [value]
        for each in inner if key in {"properties", "$defs", "anyOf", "items"} else ():
            yield from schemas_in(each)


@pytest.mark.parametrize("name", SCHEMAS)
def test_openai_is_sent_what_its_strict_mode_takes(name):
    whole = bounded_json_schema(name)
    sent = strict_response_format(whole)["response_format"]["json_schema"]["schema"]
    assert sent.keys() == whole.keys() - {"default"} | ({"required"} if "properties" in whole else set())
    for schema in schemas_in(sent):
        assert schema.keys() <= TAKEN
        assert "$ref" not in schema or len(schema) == 1
        if "properties" in schema:
            assert schema["required"] == list(schema["properties"])
            assert schema["additionalProperties"] is False


def test_a_property_may_be_called_like_a_keyword():
    schema = {"type": "object", "properties": {"default": {"type": "string", "default": "x"}}}
    sent = strict_response_format(schema)["response_format"]["json_schema"]["schema"]
    assert sent == {"type": "object", "properties": {"default": {"type": "string"}}, "required": ["default"]}


async def test_a_refusal_that_is_not_about_the_schema_stays_one():
    peer = server(answer=in_turn(constrained("response_format"), error(400, "temperature must be at most 2")))
    async with running(peer) as engine:
        with pytest.raises(EngineRefused, match="temperature"):
            await answer(engine)


async def test_without_a_schema_nothing_is_found_out():
    peer = server(answer=constrained("response_format"))
    async with running(peer) as engine:
        await answer(engine, replace(ASKED, output_schema=None))
    assert sent(peer) == [set()]
