"""The engine ``openai`` against servers that answer as the real ones do, well and badly."""

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest
from http_peer import Peer, blocks, every_byte, frame, in_turn, serving, silence, text, told
from openai_server import CONTEXT_ERRORS, DONE, card, chat, delta, error, gated, models, server, strict, usage

from codetune_core.domain.execution import Message, ModelIdentity, Usage
from codetune_core.domain.prompt import Decoding
from codetune_core.engines.openai.answer import Reading
from codetune_core.engines.openai.engine import OpenAIEngine
from codetune_core.engines.protocol import Chunk, Done, Generation
from codetune_core.engines.registry import build_named
from codetune_core.engines.token_bound import token_bound
from codetune_core.errors import (
    ContextTooLong,
    EngineLost,
    EngineOverloaded,
    EngineRefused,
    EngineTimeout,
    EngineUnusable,
)
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

MODEL = ModelIdentity("coder", "openai", 4096)
ASKED = Generation(MODEL, (Message("system", "Be brief."), Message("user", "Grüß mich")), 0.5, 64, Decoding())


@asynccontextmanager
async def running(peer: Peer, **settings):
    async with serving(peer):
        engine = OpenAIEngine.from_settings(
            EngineSettings(name="openai", base_url=peer.base_url, **settings), Settings()
        )
        try:
            yield engine
        finally:
            await engine.aclose()


async def items(engine, asked: Generation = ASKED) -> list[Chunk | Done]:
    async with aclosing(engine.generate(asked)) as stream:
        return [item async for item in stream]


async def check(peer: Peer, asked: Generation = ASKED, **settings) -> tuple[str, Done]:
    """The text that an engine streams from a server, and its end."""
    async with running(peer, **settings) as engine:
        *chunks, done = await items(engine, asked)
    return "".join(chunk.text for chunk in chunks), done


async def test_it_streams_an_answer_with_the_servers_own_count():
    answer = blocks(*chat("Hal", "lo ", "🎉", counted=usage(12, 3, cached=8)))
    assert await check(server(answer=answer)) == ("Hallo 🎉", Done(Usage(12, 3, 8), "stop"))


async def test_each_piece_is_handed_on_when_it_comes():
    answer, gates = gated(delta("", role="assistant"), delta("a"), delta("b"), delta(finish="stop"), DONE)
    async with running(server(answer=answer)) as engine, aclosing(engine.generate(ASKED)) as stream:
        gates[0].set()
        for gate, piece in zip(gates[1:3], "ab", strict=True):
            gate.set()
            assert await anext(stream) == Chunk(piece)
        gates[3].set()
        gates[4].set()
        assert isinstance(await anext(stream), Done)


async def test_what_is_asked_is_sent_in_openais_fields():
    decoding = Decoding(top_p=0.9, seed=7, stop=("\n\n", "END"), top_k=40, min_p=0.1, repetition_penalty=1.1)
    peer = server()
    await check(peer, replace(ASKED, decoding=decoding, sample_index=2, logprobs=True))
    assert peer.posts("/chat/completions") == [
        {
            "model": "coder",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Grüß mich"}],
            "temperature": 0.5,
            "max_tokens": 64,
            "top_p": 0.9,
            "seed": 9,
            "stop": ["\n\n", "END"],
            "logprobs": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]


async def test_half_a_character_which_an_editor_may_send_while_it_is_typed_is_no_failure():
    peer = server()
    await check(peer, replace(ASKED, messages=(Message("user", "x = '\ud83d' # 🎉"),)))
    assert peer.posts("/chat/completions")[0]["messages"][0]["content"] == "x = '?' # 🎉"


@pytest.mark.parametrize(
    ("owner", "extra"),
    [
        ("vllm", {"top_k": 40, "min_p": 0.1, "repetition_penalty": 1.1}),
        ("sglang", {"top_k": 40, "min_p": 0.1, "repetition_penalty": 1.1}),
        ("llamacpp", {"top_k": 40, "min_p": 0.1, "repeat_penalty": 1.1}),
        ("organization_owner", {"top_k": 40, "repeat_penalty": 1.1}),
        ("library", {}),
        ("mistralai", {}),
    ],
)
async def test_a_server_that_is_known_to_take_more_is_sent_more(owner, extra):
    peer = server(card(owned_by=owner))
    await check(peer, replace(ASKED, decoding=Decoding(top_k=40, min_p=0.1, repetition_penalty=1.1)))
    plain = {"model", "messages", "temperature", "max_tokens", "stream", "stream_options"}
    assert {name: value for name, value in peer.posts("completions")[0].items() if name not in plain} == extra


async def test_a_server_that_does_not_count_is_counted_never_too_low():
    answered, done = await check(server(answer=blocks(*chat("Hal", "lo"))))
    prompt = token_bound("Be brief.") + token_bound("Grüß mich")
    assert (answered, done) == ("Hallo", Done(Usage(prompt, token_bound("Hallo")), "stop"))


@pytest.mark.parametrize(
    ("told_reason", "reason"),
    [("stop", "stop"), ("length", "length"), ("tool_calls", "stop"), ("eos", "stop"), ("max_tokens", "length")],
)
async def test_the_reason_for_an_end_is_told(told_reason, reason):
    _, done = await check(server(answer=blocks(*chat("x", finish=told_reason))))
    assert done.finish_reason == reason


async def test_done_without_a_reason_is_a_stop():
    assert (await check(server(answer=blocks(delta("x"), DONE))))[1].finish_reason == "stop"


async def test_reasoning_is_no_part_of_the_answer():
    parts = (delta(None, reasoning_content="hm"), delta(None, reasoning="so"), delta("42"), delta(finish="stop"), DONE)
    assert (await check(server(answer=blocks(*parts))))[0] == "42"


@pytest.mark.parametrize(
    ("part", "is_heard"),
    [
        (delta("x"), True),
        (delta(None, reasoning_content="hm"), True),
        (delta(None, reasoning="hm"), True),
        (delta("", role="assistant"), False),
        (usage(1, 1), False),
    ],
)
def test_reasoning_is_a_sign_of_life_and_an_empty_piece_is_none(part, is_heard):
    reading = Reading()
    reading.take(part.decode().removeprefix("data: "))
    assert reading.heard is is_heard


async def test_probabilities_are_told_piece_by_piece():
    def likely(text: str, *numbers: float) -> bytes:
        told = {"content": [{"token": "t", "logprob": number, "top_logprobs": []} for number in numbers]}
        return frame({"choices": [{"index": 0, "delta": {"content": text}, "logprobs": told, "finish_reason": None}]})

    answer = blocks(likely("a", -0.5), likely("bc", -0.25, -0.5), delta(finish="stop"), DONE)
    async with running(server(answer=answer)) as engine:
        assert (await items(engine))[:-1] == [Chunk("a", -0.5), Chunk("bc", -0.75)]


async def test_any_cut_of_the_bytes_gives_the_same_text():
    parts = every_byte(chat("né", "🎉漢", "\r\n", counted=usage(1, 3)))
    assert (await check(server(answer=blocks(*parts))))[0] == "né🎉漢\r\n"


async def test_a_server_that_does_not_stream_is_understood():
    choice = {"index": 0, "message": {"role": "assistant", "content": "all at once"}, "finish_reason": "stop"}
    answer = told({"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 3}})
    assert await check(server(answer=answer)) == ("all at once", Done(Usage(3, 3), "stop"))


@pytest.mark.parametrize("then", ["cut", "silence"])
async def test_what_befalls_the_stream_after_the_end_does_no_harm(then):
    answer = blocks(delta("x") + delta(finish="stop"), then=then)
    assert (await check(server(answer=answer), gap_seconds=0.3))[0] == "x"


async def test_a_server_that_keeps_the_stream_open_after_done_is_left():
    peer = server(answer=blocks(*chat("x"), then="silence"))
    assert (await check(peer))[0] == "x"
    await asyncio.wait_for(peer.hung_up.wait(), 10)


async def test_streams_share_a_connection():
    peer = server()
    async with running(peer) as engine:
        for _ in range(5):
            await items(engine)
    assert len(peer.connections) == 1


@pytest.mark.parametrize("pieces", [0, 1, 2])
async def test_closing_the_answer_hangs_up_on_the_server(pieces):
    peer = server(answer=blocks(*map(delta, "abc"), then="silence"))
    async with running(peer) as engine:
        stream = engine.generate(ASKED)
        waiting = asyncio.ensure_future(anext(stream))
        if pieces:
            assert (await waiting).text == "a"
            for _ in range(pieces - 1):
                await anext(stream)
        else:
            while not peer.posts():
                await asyncio.sleep(0)
            waiting.cancel()
        await stream.aclose() if pieces else None
        await asyncio.wait_for(peer.hung_up.wait(), 10)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (error(401, "Incorrect API key"), EngineUnusable, "answered 401: Incorrect API key. Check the key"),
        (error(403, "Country not supported"), EngineUnusable, "answered 403"),
        (error(402, "Pay"), EngineUnusable, "no credit left"),
        (error(429, "You exceeded your current quota", "insufficient_quota"), EngineUnusable, "no credit left"),
        (error(404, "The model `coder` does not exist", "model_not_found"), EngineUnusable, "it has coder: set engine"),
        (error(404, 'model "coder" not found, try pulling it first'), EngineUnusable, "it has coder"),
        (error(400, "The requested model 'x' does not exist", "model_not_found"), EngineUnusable, "it has coder"),
        (error(500, "Internal Server Error"), EngineLost, "answered 500"),
        (text("<html><title>404</title>Not Found</html>", 404), EngineUnusable, "404 Not Found. Is engine.base_url"),
        (error(400, "temperature must be at most 2", param="temperature"), EngineRefused, "temperature must be at"),
        (told({"detail": [{"loc": ["body", "n"], "msg": "wrong"}]}, 422), EngineRefused, '"msg": "wrong"'),
        (error(429, "Slow down"), EngineOverloaded, "answered 429: Slow down"),
        (error(503, "Loading model"), EngineOverloaded, "answered 503: Loading model"),
        (error(500, "CUDA error"), EngineLost, "answered 500: CUDA error"),
        (text("<html><style>a{}</style><h1>502 Bad Gateway</h1></html>", 502), EngineLost, "502: 502 Bad Gateway"),
        (text("", 504), EngineTimeout, "answered 504: nothing more"),
        (blocks(delta("ha"), then="cut"), EngineLost, "hung up"),
        (blocks(delta("ha")), EngineLost, "hung up before its answer was complete"),
        (blocks(), EngineLost, "hung up before its answer was complete"),
        (blocks(frame("{")), EngineLost, "what is no piece of an answer: '{'"),
        (blocks(frame([1])), EngineLost, "what is no piece of an answer"),
        (blocks(frame({"choices": 7})), EngineLost, "what is no piece of an answer"),
        (blocks(frame({"choices": [{"delta": {"content": ["a"]}}]})), EngineLost, "no piece of an answer"),
        (blocks(b"\x00\xff\xfe" * 100), EngineLost, "hung up before its answer"),
        (blocks(delta("ha"), frame({"error": {"message": "OOM", "code": 500}})), EngineLost, "500: OOM"),
        (blocks(frame({"error": {"message": "busy", "code": 503}})), EngineOverloaded, "busy"),
        (blocks(frame({"object": "error", "message": "broken", "code": 500})), EngineLost, "broken"),
        (blocks(delta("ha"), delta(finish="abort"), DONE), EngineLost, "gave the answer up"),
        (blocks(delta("ha"), delta(finish="content_filter"), DONE), EngineRefused, "declines to answer"),
        (blocks(delta(None, refusal="I"), delta(None, refusal=" no"), delta(finish="stop")), EngineRefused, "I no"),
    ],
)  # fmt: skip
async def test_what_goes_wrong_is_said_in_words(answer, kind, words):
    with pytest.raises(kind) as caught:
        await check(server(answer=answer))
    assert type(caught.value) is kind
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "limit"),
    [
        (silence, "first_token_seconds"),
        (blocks(delta("", role="assistant"), then="silence"), "first_token_seconds"),
        (blocks(delta("ha"), then="silence"), "gap_seconds"),
    ],
)
async def test_silence_is_ended_and_the_limit_is_named(answer, limit):
    with pytest.raises(EngineTimeout, match=f"engine.{limit}"):
        await check(server(answer=answer), **{limit: 0.3})


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
        ({"Retry-After": "Fri, 01 Jan 2010 00:00:00 GMT"}, 0),
        ({"Retry-After": "soon"}, None),
        ({"retry-after-ms": "soon"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_an_overloaded_server_says_when_it_may_be_asked_again(status, headers, seconds):
    with pytest.raises(EngineOverloaded) as caught:
        await check(server(answer=error(status, "later", headers=headers)))
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("program", CONTEXT_ERRORS)
async def test_a_prompt_that_is_too_long_is_told_from_other_refusals(program):
    status, content = CONTEXT_ERRORS[program]
    with pytest.raises(ContextTooLong, match="does not fit the model"):
        await check(server(answer=told(content, status)))


@pytest.mark.parametrize("program", ["OpenAI", "vLLM", "vLLM before 0.10", "llama.cpp", "SGLang"])
async def test_the_context_that_a_refusal_names_is_remembered(program):
    status, content = CONTEXT_ERRORS[program]
    async with running(server(answer=told(content, status))) as engine:
        before = await engine.model("coder")
        with pytest.raises(ContextTooLong):
            await items(engine)
        assert (before.context_tokens, (await engine.model("coder")).context_tokens) == (8192, 4097)


@pytest.mark.parametrize(
    ("field", "decoding"),
    [("temperature", {}), ("top_p", {"top_p": 0.5}), ("seed", {"seed": 1}), ("stream_options", {})],
)
async def test_a_field_that_can_be_left_out_is_not_sent_again_once_it_was_refused(field, decoding, caplog):
    known = {"model", "messages", "temperature", "max_tokens", "top_p", "seed", "stream", "stream_options"} - {field}
    peer = server(answer=strict(*known))
    async with running(peer) as engine:
        for _ in range(3):
            assert (await items(engine, replace(ASKED, decoding=Decoding(**decoding))))[0] == Chunk("ok")
    assert [field in body for body in peer.posts("completions")] == [True, False, False, False]
    assert caplog.text.count(f"coder does not take {field}") == 1


async def test_newer_models_of_openai_are_told_the_length_in_their_own_field():
    peer = server(answer=strict("model", "messages", "max_completion_tokens", "stream"))
    assert (await check(peer))[0] == "ok"
    assert peer.posts("completions")[-1]["max_completion_tokens"] == 64


async def test_a_field_that_means_something_is_not_left_out():
    peer = server(answer=strict("model", "messages", "max_tokens", "temperature", "stream", "stream_options"))
    with pytest.raises(EngineRefused, match="'stop' is not supported"):
        await check(peer, replace(ASKED, decoding=Decoding(stop=("x",))))
    assert len(peer.posts("completions")) == 1


async def test_a_server_that_takes_no_length_at_all_is_refused():
    with pytest.raises(EngineRefused, match="max_completion_tokens"):
        await check(server(answer=strict("model", "messages", "temperature", "stream", "stream_options")))


async def test_a_limit_on_tokens_by_the_minute_is_no_prompt_that_is_too_long():
    with pytest.raises(EngineOverloaded):
        await check(server(answer=error(429, "Too many tokens: the limit is 10,000 by the minute")))


async def test_a_model_that_the_server_does_not_list_and_breaks_down_over_is_said():
    with pytest.raises(EngineUnusable, match="has no model other; it has coder"):
        await check(server(answer=error(500, "")), replace(ASKED, model=replace(MODEL, name="other")))


async def test_a_list_of_models_that_cannot_be_had_does_not_hide_the_refusal(monkeypatch):
    monkeypatch.setattr("codetune_core.engines.openai.models._LOOK_AGAIN_SECONDS", 0)
    peer = server(answer=error(404, "no such model"))
    peer.routes["/v1/models"] = in_turn(models(card()), error(401, "no"))
    with pytest.raises(EngineUnusable, match="answered 404: no such model"):
        await check(peer)


async def test_a_server_that_recovers_answers_again():
    peer = server(answer=in_turn(error(503, "loading"), blocks(*chat("ok"))))
    async with running(peer) as engine:
        with pytest.raises(EngineOverloaded):
            await items(engine)
        assert (await items(engine))[0] == Chunk("ok")


async def test_openai_itself_is_not_asked_without_a_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    engine = build_named("openai", Settings())
    with pytest.raises(EngineUnusable, match="openai needs a key: run `codetune keys set openai`"):
        await engine.model("gpt-5")
    await engine.aclose()


async def test_many_answers_are_streamed_at_once():
    peer = server(answer=blocks(*chat(*"abcdefgh")))
    async with running(peer) as engine:
        answers = await asyncio.gather(*(items(engine) for _ in range(32)))
    assert all("".join(item.text for item in answer[:-1]) == "abcdefgh" for answer in answers)
    assert len(peer.posts("completions")) == 32


async def test_the_models_are_asked_for_once_and_not_for_each_answer():
    peer = Peer({"/v1/models": models(card()), "/v1/chat/completions": blocks(*chat("x"))})
    async with running(peer) as engine:
        await asyncio.gather(*(engine.model("coder") for _ in range(8)))
        await items(engine)
    assert sum(asked.path == "/v1/models" for asked in peer.asked) == 1
