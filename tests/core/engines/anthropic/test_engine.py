"""The engine ``anthropic`` against a server that speaks the Messages interface, well and badly."""

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest
from http_peer import Peer, blocks, every_byte, frame, in_turn, serving, silence, text, told

from codetune_core.domain.execution import Message, ModelIdentity, Role, Usage
from codetune_core.domain.prompt import Decoding
from codetune_core.engines.anthropic.engine import AnthropicEngine
from codetune_core.engines.protocol import Chunk, Done, Generation, Infill
from codetune_core.engines.registry import build_named
from codetune_core.errors import (
    ContextTooLong,
    EngineLost,
    EngineOverloaded,
    EngineRefused,
    EngineTimeout,
    EngineUnusable,
)
from codetune_core.sections import EngineSettings, ModelSettings
from codetune_core.settings import Settings

NAME = "claude-sonnet-4-5-20250929"
ASKED = Generation(
    ModelIdentity(NAME, "anthropic", 200_000),
    (Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Yes?"), Message("user", "Go on")),
    1.5,
    64,
    Decoding(),
)
SCHEMA = {"type": "object", "properties": {"line": {"type": "integer"}}, "required": ["line"]}
MESSAGES = "/v1/messages"


def event(kind: str, **content: object) -> bytes:
    return frame({"type": kind, **content}, kind)


def start(**usage: int) -> bytes:
    counted = {"input_tokens": 12, "output_tokens": 1, **usage}
    return event("message_start", message={"id": "msg_1", "role": "assistant", "content": [], "usage": counted})


def block(kind: str, *pieces: str, field: str = "text", delta: str = "text_delta", index: int = 0) -> list[bytes]:
    deltas = [event("content_block_delta", index=index, delta={"type": delta, field: piece}) for piece in pieces]
    opened = event("content_block_start", index=index, content_block={"type": kind, "text": ""})
    return [opened, event("ping"), *deltas, event("content_block_stop", index=index)]


def tool(*pieces: str) -> list[bytes]:
    return block("tool_use", *pieces, field="partial_json", delta="input_json_delta")


def end(reason: str = "end_turn", tokens: int = 7) -> list[bytes]:
    told_end = {"stop_reason": reason, "stop_sequence": None}
    return [event("message_delta", delta=told_end, usage={"output_tokens": tokens}), event("message_stop")]


ANSWER = [start(), *block("text", "Hal", "lo 🎉"), *end()]


def refusal(status: int, kind: str, message: str, **headers: str):
    return told({"type": "error", "error": {"type": kind, "message": message}}, status, headers)


def server(*parts: bytes, answer=None, models: list[dict] | None = None) -> Peer:
    listed = told({"data": [{"id": NAME, "type": "model"}] if models is None else models, "has_more": False})
    return Peer({"/v1/models": listed, MESSAGES: answer or blocks(*(parts or ANSWER))})


@asynccontextmanager
async def running(peer: Peer, everything: Settings | None = None, **settings):
    async with serving(peer):
        asked = EngineSettings(name="anthropic", base_url=peer.base_url, key_env="CLAUDE_KEY", **settings)
        engine = AnthropicEngine.from_settings(asked, everything or Settings())
        try:
            yield engine
        finally:
            await engine.aclose()


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("CLAUDE_KEY", "sk-ant-secret")


async def check(peer: Peer, asked: Generation = ASKED, **settings) -> tuple[str, Done]:
    async with running(peer, **settings) as engine, aclosing(engine.generate(asked)) as stream:
        *chunks, done = [item async for item in stream]
    return "".join(chunk.text for chunk in chunks), done


async def test_it_streams_an_answer_with_the_servers_count():
    assert await check(server()) == ("Hallo 🎉", Done(Usage(12, 7), "stop"))


async def test_tokens_of_the_cache_are_of_the_prompt():
    parts = [start(cache_creation_input_tokens=100, cache_read_input_tokens=30), *block("text", "x"), *end()]
    assert (await check(server(*parts)))[1].usage == Usage(142, 7, 30)


async def test_any_cut_of_the_bytes_gives_the_same_text():
    assert (await check(server(*every_byte(ANSWER))))[0] == "Hallo 🎉"


async def test_what_is_asked_is_sent_in_the_fields_of_messages():
    peer = server()
    await check(peer, replace(ASKED, decoding=Decoding(top_p=0.9, top_k=40, seed=1, stop=("END", "\n"))))
    (posted,) = [asked for asked in peer.asked if asked.path == MESSAGES]
    assert posted.headers["x-api-key"] == "sk-ant-secret"
    assert posted.headers["anthropic-version"] == "2023-06-01"
    assert posted.body == {
        "model": NAME,
        "max_tokens": 64,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": "Go on"},
        ],
        "temperature": 1,
        "top_p": 0.9,
        "top_k": 40,
        "stop_sequences": ["END"],
        "stream": True,
    }


async def test_a_schema_is_a_tool_that_must_be_called():
    peer = server(start(), *block("text", "Let me see."), *tool("", '{"li', 'ne": 3}'), *end("tool_use"))
    answered, done = await check(peer, replace(ASKED, output_schema=SCHEMA))
    assert (json.loads(answered), done.finish_reason) == ({"line": 3}, "stop")
    (body,) = peer.posts(MESSAGES)
    assert body["tools"] == [{"name": "answer", "description": "Give the answer.", "input_schema": SCHEMA}]
    assert body["tool_choice"] == {"type": "tool", "name": "answer"}


async def test_a_schema_that_is_a_choice_which_no_tool_takes_is_left_to_the_prompt():
    peer = server(start(), *block("text", '{"line": 3}'), *end("end_turn"))
    answered, _ = await check(peer, replace(ASKED, output_schema={"anyOf": [SCHEMA, SCHEMA]}))
    assert json.loads(answered) == {"line": 3}
    assert "tools" not in peer.posts(MESSAGES)[0]


async def test_a_tool_that_is_called_with_nothing_is_an_empty_object():
    answered, _ = await check(server(start(), *tool(""), *end("tool_use")), replace(ASKED, output_schema=SCHEMA))
    assert answered == "{}"


@pytest.mark.parametrize(
    ("told_reason", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("something_new", "stop"),
    ],
)
async def test_the_reason_for_an_end_is_told(told_reason, reason):
    assert (await check(server(start(), *block("text", "x"), *end(told_reason))))[1].finish_reason == reason


async def test_thinking_is_no_part_of_the_answer():
    thinking = block("thinking", "hm", field="thinking", delta="thinking_delta")
    assert (await check(server(start(), *thinking, *block("text", "42", index=1), *end())))[0] == "42"


async def test_events_of_a_later_version_do_no_harm():
    assert (await check(server(start(), event("novelty", x=1), *block("text", "x"), *end())))[0] == "x"


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (refusal(401, "authentication_error", "invalid x-api-key"), EngineUnusable, "Check the key"),
        (refusal(403, "permission_error", "no"), EngineUnusable, "answered 403"),
        (refusal(400, "billing_error", "Your credit balance is too low"), EngineUnusable, "no credit left"),
        (refusal(404, "not_found_error", f"model: {NAME}"), EngineUnusable, f"has no model {NAME}; it has {NAME}"),
        (refusal(400, "invalid_request_error", "max_tokens: too many"), EngineRefused, "max_tokens: too many"),
        (refusal(400, "invalid_request_error", "prompt is too long: 9 > 8 maximum"), ContextTooLong, "too long"),
        (refusal(413, "request_too_large", "Request exceeds the maximum size"), ContextTooLong, "does not fit"),
        (refusal(429, "rate_limit_error", "slow"), EngineOverloaded, "slow"),
        (refusal(529, "overloaded_error", "Overloaded"), EngineOverloaded, "answered 529: Overloaded"),
        (refusal(500, "api_error", "Internal"), EngineLost, "Internal"),
        (refusal(504, "timeout_error", "slow"), EngineTimeout, "answered 504"),
        (blocks(*end("refusal")), EngineRefused, "declines"),
        (blocks(start(), event("error", error={"type": "overloaded_error", "message": "x"})), EngineOverloaded, "529"),
        (blocks(start(), event("error", error={"type": "odd", "message": "?"})), EngineLost, "500"),
        (blocks(start(), *block("text", "ha"), then="cut"), EngineLost, "hung up"),
        (blocks(start(), *block("text", "ha")), EngineLost, "before its answer was complete"),
        (blocks(frame("{")), EngineLost, "what is no piece of an answer"),
        (blocks(frame("7")), EngineLost, "what is no piece of an answer"),
        (blocks(frame({})), EngineLost, "what is no piece of an answer"),
        (text("<h1>Bad gateway</h1>", 502), EngineLost, "Bad gateway"),
    ],
)  # fmt: skip
async def test_what_goes_wrong_is_said_in_words(answer, kind, words):
    with pytest.raises(kind) as caught:
        await check(server(answer=answer))
    assert type(caught.value) is kind
    assert words in str(caught.value)


async def test_an_overloaded_service_says_when_it_may_be_asked_again():
    with pytest.raises(EngineOverloaded) as caught:
        await check(server(answer=refusal(429, "rate_limit_error", "slow", **{"retry-after": "12"})))
    assert caught.value.retry_after == 12


@pytest.mark.parametrize(
    ("answer", "limit"),
    [
        (silence, "first_token_seconds"),
        (blocks(start(), event("ping"), then="silence"), "first_token_seconds"),
        (blocks(start(), *block("text", "x"), then="silence"), "gap_seconds"),
    ],
)
async def test_silence_is_ended_and_the_limit_is_named(answer, limit):
    with pytest.raises(EngineTimeout, match=f"engine.{limit}"):
        await check(server(answer=answer), **{limit: 0.3})


async def test_a_field_that_a_model_does_not_take_is_left_out_from_then_on():
    said = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    peer = server(answer=in_turn(refusal(400, "invalid_request_error", said), blocks(*ANSWER)))
    asked = replace(ASKED, decoding=Decoding(top_p=0.9))
    async with running(peer) as engine:
        for _ in range(2):
            async with aclosing(engine.generate(asked)) as stream:
                assert await anext(stream) == Chunk("Hal")
    assert [{"temperature", "top_p"} & body.keys() for body in peer.posts(MESSAGES)] == [
        {"temperature", "top_p"},
        {"temperature"},
        {"temperature"},
    ]


async def test_closing_the_answer_hangs_up():
    peer = server(answer=blocks(start(), *block("text", "x"), then="silence"))
    async with running(peer) as engine:
        async with aclosing(engine.generate(ASKED)) as stream:
            assert await anext(stream) == Chunk("x")
        await asyncio.wait_for(peer.hung_up.wait(), 10)


async def test_it_does_not_fill_in():
    peer = server()
    with pytest.raises(EngineUnusable, match="fills nothing in"):
        await check(peer, replace(ASKED, messages=(), infill=Infill("a", "b")))
    assert peer.asked == []


async def test_without_a_key_nobody_is_asked(monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    engine = build_named("anthropic", Settings())
    with pytest.raises(EngineUnusable, match="anthropic needs a key: run `codetune keys set anthropic`, or set ANTHRO"):
        await engine.model("claude")
    await engine.aclose()


@pytest.mark.parametrize(
    ("name", "asked", "settings", "models", "meant"),
    [
        (NAME, "", "auto", None, (NAME, 200_000)),
        ("", NAME, "auto", None, (NAME, 200_000)),
        ("", "", NAME, None, (NAME, 200_000)),
        ("claude-new", "", "auto", [{"id": "claude-new", "max_input_tokens": 1_000_000}], ("claude-new", 1_000_000)),
        ("claude-x", "", "auto", [{"id": "claude-x-2026", "max_input_tokens": 500_000}], ("claude-x", 500_000)),
    ],
)
async def test_a_model_is_the_one_that_is_named_or_set(name, asked, settings, models, meant):
    everything = Settings(models=ModelSettings(review=settings))
    async with running(server(models=models), everything, model=asked) as engine:
        found = await engine.model(name, Role.REVIEW)
    assert (found.name, found.context_tokens, found.engine) == (*meant, "anthropic")


async def test_which_model_is_meant_has_to_be_said():
    async with running(server()) as engine:
        with pytest.raises(EngineUnusable, match=f"Set engine.model; it has {NAME}"):
            await engine.model("")
        with pytest.raises(EngineUnusable, match="no model for embedding"):
            await engine.model(NAME, Role.EMBEDDING)


async def test_a_server_that_lists_no_models_answers_for_a_name():
    async with running(Peer({MESSAGES: blocks(*ANSWER)})) as engine:
        assert (await engine.model("claude")).context_tokens == 200_000


async def test_a_wrong_key_is_said_when_the_models_are_asked_for():
    async with running(Peer({"/v1/models": refusal(401, "authentication_error", "invalid x-api-key")})) as engine:
        with pytest.raises(EngineUnusable, match="invalid x-api-key"):
            await engine.model("claude")
