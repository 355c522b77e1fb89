"""The engine ``huggingface`` against a server that speaks Hugging Face's interface, through huggingface_hub's code."""

import asyncio
import datetime as dt
import json
import logging
import subprocess
import sys
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal

import pytest
from huggingface_hub import constants
from huggingface_hub.inference._common import _UNSUPPORTED_TEXT_GENERATION_KWARGS
from huggingface_hub.inference._providers import CONVERSATIONAL_AUTO_ROUTER
from huggingface_server import (
    MODELS,
    HuggingFaceServer,
    answers,
    delta,
    huggingface_server,
    says,
    silence,
    streams,
    token,
    used,
)

from codetune_core.domain.execution import Message, ModelIdentity, Role, Usage
from codetune_core.domain.prompt import Decoding
from codetune_core.engines.huggingface.engine import HuggingFaceEngine
from codetune_core.engines.huggingface.session import Session
from codetune_core.engines.huggingface.stops import Until
from codetune_core.engines.protocol import Chunk, Done, Generation, Infill
from codetune_core.engines.registry import build
from codetune_core.errors import (
    ContextTooLong,
    EngineLost,
    EngineOverloaded,
    EngineRefused,
    EngineTimeout,
    EngineUnusable,
    SettingsError,
)
from codetune_core.history.prices import Prices
from codetune_core.http import keys
from codetune_core.sections import BudgetSettings, EngineSettings
from codetune_core.settings import Settings

CHAT = "/v1/chat/completions"
QWEN = "Qwen/Qwen2.5-Coder-32B-Instruct"
TOKEN = "hf_a_token_of_ours"
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.fixture
async def server():
    async with huggingface_server() as running:
        running.on(CHAT, streams(delta("Hel"), delta("lo"), delta("", "stop"), used(7, 2), "data: [DONE]"))
        yield running


@pytest.fixture
def router(server, monkeypatch) -> HuggingFaceServer:
    """The server stands where Hugging Face's router does."""
    own = keys.Own(f"{server.url}/v1", ("HF_TOKEN",))
    monkeypatch.setitem(keys.OWN, "huggingface", own)
    monkeypatch.setattr(CONVERSATIONAL_AUTO_ROUTER, "base_url", server.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return server


class Naps:
    """Waits for no time, and remembers for how long it should have."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
async def engines():
    made = []
    yield made
    for engine in made:
        await engine.aclose()


@pytest.fixture
def make(engines):
    """Make the engine by its settings."""

    def made(naps=None, **written) -> HuggingFaceEngine:
        asked = EngineSettings(name="huggingface", **written)
        engine = HuggingFaceEngine(Session(asked, naps or Naps()), Settings(engine=asked))
        engines.append(engine)
        return engine

    return made


async def ask(engine, name=QWEN, **asked) -> list:
    identity = await engine.model(name)
    return await played(engine, generation(identity, **asked))


async def played(engine, asked) -> list:
    return [item async for item in engine.generate(asked)]


def generation(identity, **asked) -> Generation:
    messages = () if "infill" in asked else (Message("system", "Be brief."), Message("user", "hello"))
    written = {"messages": messages, "temperature": 0.5, "max_tokens": 100, "decoding": Decoding(), **asked}
    return Generation(identity, **written)


def text(items) -> str:
    return "".join(item.text for item in items if isinstance(item, Chunk))


async def test_a_chat_is_streamed_with_its_usage(router, make):
    assert await ask(make()) == [Chunk("Hel"), Chunk("lo"), Done(Usage(7, 2), "stop")]


async def test_half_a_character_which_an_editor_may_send_while_it_is_typed_is_no_failure(router, make):
    engine = make()
    asked = generation(await engine.model(QWEN), messages=(Message("user", "x = '\ud83d'"),))
    assert text(await played(engine, asked)) == "Hello"
    assert router.bodies(CHAT)[0]["messages"] == [{"role": "user", "content": "x = '?'"}]


async def test_it_works_where_the_hub_is_set_offline(router, make):
    assert constants.is_offline_mode()
    assert text(await ask(make())) == "Hello"


async def test_what_is_asked_for_is_sent(router, make):
    decoding = Decoding(top_p=0.9, top_k=40, min_p=0.1, repetition_penalty=1.1, seed=5, stop=("END",))
    await ask(make(), decoding=decoding, sample_index=2, logprobs=True)
    assert router.bodies(CHAT) == [
        {
            "model": QWEN,
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}],
            "max_tokens": 100,
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 40,
            "min_p": 0.1,
            "repetition_penalty": 1.1,
            "seed": 7,
            "stop": ["END"],
            "logprobs": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]


async def test_the_token_is_sent(router, make):
    await ask(make())
    assert {asked.headers["Authorization"] for asked in router.asked} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("provider", "name", "expected"),
    [
        ("auto", QWEN, (QWEN, 16384)),
        ("cheapest", QWEN, (f"{QWEN}:cheapest", 16384)),
        ("together", QWEN, (f"{QWEN}:together", 32768)),
        ("nscale", f"{QWEN}:together", (f"{QWEN}:together", 32768)),
        ("auto", "org/unpriced", ("org/unpriced", 4096)),
        ("auto", "qwen2.5-coder-32b-instruct", (QWEN, 16384)),
    ],
)
async def test_the_provider_is_chosen_by_the_settings_or_the_name(router, make, provider, name, expected):
    engine = make(provider=provider)
    identity = await engine.model(name)
    assert (identity.name, identity.context_tokens) == expected
    await ask(engine, name)
    assert router.bodies(CHAT)[0]["model"] == identity.name


@pytest.mark.parametrize(
    ("provider", "name", "told"),
    [
        ("auto", "Qwen/Qwen2.5-Coder-32B", f"no Inference Provider serves .*{QWEN}"),
        ("gone", QWEN, "gone does not serve .* who does: together, nscale"),
        ("auto", "org/nobody", "nobody now"),
    ],
)
async def test_a_model_that_nobody_serves_is_refused_with_what_is_served(router, make, provider, name, told):
    with pytest.raises(EngineRefused, match=told):
        await make(provider=provider).model(name)


async def test_without_a_model_the_settings_are_named(router, make):
    with pytest.raises(EngineUnusable, match=r"engine\.model"):
        await make().model("")
    assert (await make(model=QWEN).model("")).name == QWEN


async def test_the_model_of_the_role_is_asked_for(router):
    written = Settings(engine=EngineSettings(name="huggingface"), models={"review": QWEN})
    engine = build(written)
    assert (await engine.model("", Role.REVIEW)).name == QWEN
    await engine.aclose()


async def test_prices_are_those_of_the_list(router, make):
    engine = make()
    assert engine.prices() == ()
    for name in (QWEN, f"{QWEN}:nscale", "org/unpriced"):
        await engine.model(name)
    found = {price.model: (price.prompt, price.completion) for price in engine.prices()}
    assert found == {QWEN: (Decimal("0.8"), Decimal("1.2")), f"{QWEN}:nscale": (Decimal("0.06"), Decimal("1.2"))}
    assert {price.engine for price in engine.prices()} == {"huggingface"}


async def test_the_list_is_read_once(router, make):
    engine = make()
    await asyncio.gather(*(ask(engine) for _ in range(5)))
    assert len(router.bodies("/v1/models")) == 1


@pytest.mark.parametrize(
    ("provider", "asked"), [("auto", f"{QWEN}:nscale"), ("nscale", f"{QWEN}:nscale"), ("fastest", f"{QWEN}:nscale")]
)
async def test_a_schema_is_sent_to_who_keeps_to_one(router, make, provider, asked):
    await ask(make(provider=provider), output_schema=SCHEMA)
    (sent,) = router.bodies(CHAT)
    assert sent["model"] == asked
    assert sent["response_format"]["json_schema"]["schema"] == SCHEMA


async def test_a_schema_is_sent_to_nobody_who_does_not_know_one(router, make):
    await ask(make(provider="together"), output_schema=SCHEMA)
    assert "response_format" not in router.bodies(CHAT)[0]


async def test_probabilities_come_by_token(router, make):
    told = {"content": [{"token": "a", "logprob": -1.0}, {"token": "b", "logprob": -2.0}]}
    other = {"content": [{"token": "c", "logprob": -1.0}, {"token": "?", "logprob": -2.0}]}
    router.on(CHAT, streams(delta("ab", logprobs=told), delta("cd", "length", logprobs=other)))
    items = await ask(make(), logprobs=True)
    assert items[:3] == [Chunk("a", -1.0), Chunk("b", -2.0), Chunk("cd", -3.0)]
    assert items[3].finish_reason == "length"


async def test_what_a_server_does_not_count_is_never_counted_too_low(router, make):
    router.on(CHAT, streams(delta("x = 1\n", "stop")))
    done = (await ask(make()))[-1]
    assert done.usage.prompt_tokens >= len("Be brief.hello") / 2
    assert done.usage.completion_tokens >= 4


async def test_tokens_that_were_read_before_are_told(router, make):
    router.on(CHAT, streams(delta("a", "stop"), used(9, 1, prompt_tokens_details={"cached_tokens": 8})))
    assert (await ask(make()))[-1].usage == Usage(9, 1, 8)


async def test_reasoning_is_no_part_of_the_answer(router, make):
    thinks = delta("")
    thinks["choices"][0]["delta"] = {"reasoning_content": "hmm", "content": None}
    router.on(CHAT, streams(thinks, delta("yes", "stop")))
    assert text(await ask(make())) == "yes"


@pytest.mark.parametrize(
    ("fault", "error", "told"),
    [
        (answers({"error": "Invalid credentials in Authorization header"}, 401), EngineUnusable, "settings/tokens"),
        (answers({"error": "exceeded your monthly included credits"}, 402), EngineUnusable, "credits are used up"),
        (
            answers({"error": "gated repo"}, 403, **{"X-Error-Code": "GatedRepo"}),
            EngineUnusable,
            f"Accept the terms at https://huggingface.co/{QWEN},",
        ),
        (answers({"error": {"message": "no such model"}}, 404), EngineUnusable, r"engine\.model"),
        (answers({"error": "endpoint is paused"}, 400), EngineUnusable, "Resume"),
        (answers({"error": {"message": "maximum context length is 10"}}, 400), ContextTooLong, "does not fit"),
        (answers({"error": "bad"}, 422), EngineRefused, "bad"),
        (answers({"error": "down"}, 500), EngineLost, "500: down"),
        (says("<html>Bad gateway</html>", 502), EngineLost, "Bad gateway"),
        (answers({"error": "too slow"}, 504), EngineTimeout, "504"),
        (says("", 307, Location="http://elsewhere.test/"), EngineUnusable, r"moved to http://elsewhere\.test/"),
        (streams(delta("half")), EngineLost, "before its answer was complete"),
        (streams(delta("half"), then="cut"), EngineLost, "hung up"),
        (streams("data: {garbage"), EngineLost, "no answer"),
        (streams("data: [1, 2]"), EngineLost, "no answer"),
        (says("hello"), EngineLost, "before its answer was complete"),
        (streams({"error": {"message": "boom"}}), EngineLost, "boom"),
        (streams({"error": "busy", "error_type": "overloaded"}), EngineOverloaded, "busy"),
        (streams({"error": "`inputs` tokens + 5", "error_type": "validation"}), ContextTooLong, "does not fit"),
        (streams(delta("", "content_filter")), EngineRefused, "filter"),
    ],
)
async def test_what_goes_wrong_is_said_with_what_to_do(router, make, fault, error, told):
    router.on(CHAT, fault)
    with pytest.raises(error, match=told) as caught:
        await ask(make())
    assert type(caught.value) is error
    assert TOKEN not in str(caught.value)


async def test_a_busy_server_says_when_to_come_again(router, make):
    router.on(CHAT, answers({"error": "slow down"}, 429, **{"Retry-After": "17"}))
    with pytest.raises(EngineOverloaded) as caught:
        await ask(make())
    assert caught.value.retry_after == 17


async def test_a_server_that_repeats_the_token_does_not_get_it_shown(router, make):
    router.on(CHAT, answers({"error": f"{TOKEN} is wrong"}, 401))
    with pytest.raises(EngineUnusable, match=r"\*\*\* is wrong"):
        await ask(make())


async def test_a_model_that_loads_is_waited_for(router, make, caplog):
    naps = Naps()
    loading = {"error": f"Model {QWEN} is currently loading", "estimated_time": 20.5}
    router.on(CHAT, answers(loading, 503), answers({"error": "loading"}, 503), *router.answers[CHAT])
    with caplog.at_level(logging.INFO):
        assert text(await ask(make(naps))) == "Hello"
    assert naps.seconds == [20.5, 5]
    assert "loads its model; it is asked again in 20 s" in caplog.text


async def test_a_model_that_loads_for_longer_than_may_be_waited_is_overloaded(router, make):
    naps = Naps()
    router.on(CHAT, answers({"error": "loading", "estimated_time": 400.0}, 503))
    with pytest.raises(EngineOverloaded) as caught:
        await ask(make(naps, first_token_seconds=300))
    assert (caught.value.retry_after, naps.seconds) == (400, [])


async def test_an_unavailable_server_is_not_waited_for(router, make):
    naps = Naps()
    router.on(CHAT, answers({"error": "overloaded"}, 503, **{"Retry-After": "3"}))
    with pytest.raises(EngineOverloaded):
        await ask(make(naps))
    assert naps.seconds == []


@pytest.mark.parametrize(
    ("fault", "limits", "told"),
    [
        (silence, {"first_token_seconds": 0.1}, r"0\.1 seconds \(engine\.first_token_seconds\)"),
        (streams(then="silence"), {"first_token_seconds": 0.1}, r"engine\.first_token_seconds"),
        (streams(delta(""), then="silence"), {"first_token_seconds": 0.1}, r"engine\.first_token_seconds"),
        (streams(delta("a"), then="silence"), {"gap_seconds": 0.1}, r"0\.1 seconds \(engine\.gap_seconds\)"),
    ],
)
async def test_silence_ends_in_time_and_the_connection_with_it(router, make, fault, limits, told):
    router.on(CHAT, fault)
    with pytest.raises(EngineTimeout, match=told):
        await played(make(**limits), generation(ModelIdentity(QWEN, "huggingface", 100)))
    while router.open:
        await router.was_closed.wait()


async def test_a_server_that_accepts_and_never_answers_ends_in_time(monkeypatch, make):
    async def swallow(reader, writer):
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    engine = make(base_url=f"http://127.0.0.1:{port}", first_token_seconds=0.1)
    with pytest.raises(EngineTimeout, match=r"engine\.first_token_seconds"):
        await engine.model("")
    listening.close()


async def test_a_server_that_is_not_there_is_said_so(make, unused_port):
    with pytest.raises(EngineLost, match=r"cannot be reached: see engine\.base_url"):
        await make(base_url=f"http://127.0.0.1:{unused_port}").model("")


@pytest.fixture
async def unused_port():
    listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    listening.close()
    await listening.wait_closed()
    return port


async def test_an_answer_that_is_complete_is_not_lost_for_what_follows_it(router, make):
    router.on(CHAT, streams(delta("all", "stop"), "data:[DONE]"))
    assert text(await ask(make())) == "all"


async def test_closing_the_answer_stops_the_server(router, make):
    engine = make()
    identity = await engine.model(QWEN)
    router.was_closed.clear()
    router.on(CHAT, streams(delta("a"), then="silence"))
    async with aclosing(engine.generate(generation(identity))) as items:
        await anext(items)
        assert router.open == 1
    await router.was_closed.wait()
    assert router.open == 0


async def test_a_cancelled_request_stops_the_server(router, make):
    engine = make()
    identity = await engine.model(QWEN)
    router.was_closed.clear()
    router.on(CHAT, silence)
    asking = asyncio.create_task(played(engine, generation(identity)))
    while not router.open:  # a turn of the loop, until the server was asked
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await router.was_closed.wait()


async def test_a_hundred_cancellations_leave_nothing_open(router, make):
    engine = make()
    identity = await engine.model(QWEN)
    router.on(CHAT, streams(delta("a"), delta("b"), then="silence"))

    async def read(pieces: int) -> None:
        async with aclosing(engine.generate(generation(identity))) as items:
            for _ in range(pieces):
                await anext(items)
            await asyncio.Event().wait()

    asking = [asyncio.create_task(read(number % 3)) for number in range(100)]
    while sum(path == CHAT for path in (asked.path for asked in router.asked)) < 60:
        await asyncio.sleep(0)
    for task in asking:
        task.cancel()
    ended = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ended)
    while router.open:
        await asyncio.sleep(0)
    router.on(CHAT, streams(delta("well", "stop")))
    assert text(await played(engine, generation(identity))) == "well"


async def test_connections_are_used_again(router, make):
    engine = make()
    for _ in range(3):
        await ask(engine)
    assert len(router.bodies(CHAT)) == 3
    assert len({asked.port for asked in router.asked}) == 1


@pytest.fixture
def logged_out(router, monkeypatch, tmp_path) -> HuggingFaceServer:
    """Nobody is logged in to the hub."""
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.utils._auth.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(keys, "_keyring_get", lambda _: None)  # whoever runs the tests may have a key there
    return router


@pytest.mark.parametrize(
    ("value", "told"), [("", "set HF_TOKEN, or run `hf auth login`"), ("sk-other", "no token of Hugging Face")]
)
async def test_without_a_token_nothing_is_sent(logged_out, make, monkeypatch, value, told):
    router = logged_out
    monkeypatch.setenv("HF_TOKEN", value)
    engine = make()
    with pytest.raises(EngineUnusable, match=told):
        await engine.model(QWEN)
    with pytest.raises(EngineUnusable, match=told):
        await played(engine, generation(ModelIdentity(QWEN, "huggingface", 100)))
    assert router.asked == []


async def test_the_login_of_the_hub_is_used(logged_out, make, tmp_path):
    (tmp_path / "token").write_text("hf_stored\n")
    await ask(make())
    assert logged_out.asked[0].headers["Authorization"] == "Bearer hf_stored"


async def test_a_token_that_was_refused_is_looked_for_anew(router, make, monkeypatch):
    engine = make()
    identity = await engine.model(QWEN)
    router.on(CHAT, answers({"error": "expired"}, 401), *router.answers[CHAT])
    with pytest.raises(EngineUnusable):
        await played(engine, generation(identity))
    monkeypatch.setenv("HF_TOKEN", "hf_new")
    assert text(await played(engine, generation(identity))) == "Hello"
    assert router.asked[-1].headers["Authorization"] == "Bearer hf_new"


async def test_the_token_of_hugging_face_is_not_sent_to_a_server_of_ones_own(server, make, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    server.on("/info", answers({"model_id": "m", "max_total_tokens": 10}))
    await ask(make(base_url=server.url), "")
    assert server.asked
    assert all("Authorization" not in asked.headers for asked in server.asked)


async def test_a_token_that_is_named_is_sent_to_the_server_it_is_named_for(server, make, monkeypatch):
    monkeypatch.setenv("MINE", "hf_mine")
    await ask(make(base_url=server.url, key_env="MINE"), "m")
    assert {asked.headers["Authorization"] for asked in server.asked} == {"Bearer hf_mine"}


async def test_nothing_is_sent_to_another_server(router, make, monkeypatch):
    engine = make()
    await engine.model(QWEN)
    monkeypatch.setattr(CONVERSATIONAL_AUTO_ROUTER, "base_url", "https://elsewhere.test")
    with pytest.raises(EngineUnusable, match=r"nothing is sent to elsewhere\.test"):
        await ask(engine)


async def test_a_token_does_not_travel_in_clear(make, monkeypatch):
    monkeypatch.setenv("MINE", "hf_mine")
    with pytest.raises(EngineUnusable, match="unencrypted"):
        await make(base_url="http://192.0.2.1", key_env="MINE").model("")


def tgi(server: HuggingFaceServer) -> None:
    server.on("/info", answers({"model_id": "org/coder", "model_sha": "abc", "max_total_tokens": 2048}))


async def test_an_endpoint_tells_its_model(server, make):
    tgi(server)
    engine = make(base_url=server.url)
    assert await engine.model("") == ModelIdentity("org/coder", "huggingface", 2048, "abc", source=f"{server.url}/v1")


async def test_an_endpoint_of_vllm_tells_its_model(server, make):
    server.on("/v1/models", answers({"data": [{"id": "served", "max_model_len": 512}]}))
    assert await make(base_url=server.url).model("") == ModelIdentity(
        "served", "huggingface", 512, source=f"{server.url}/v1"
    )


@pytest.mark.parametrize("told", [{"data": []}, {}, [1], {"data": [3]}])
async def test_an_endpoint_that_tells_nothing_can_be_asked(server, make, told):
    server.on("/info", answers([]))
    server.on("/v1/models", answers(told))
    assert (await make(base_url=server.url).model("m")).name == "m"


async def test_an_endpoint_chats_and_keeps_to_a_schema(server, make):
    tgi(server)
    assert text(await ask(make(base_url=server.url), "", output_schema=SCHEMA)) == "Hello"
    (sent,) = server.bodies(CHAT)
    assert sent["model"] == "org/coder"
    assert sent["response_format"] == {"type": "json_object", "value": SCHEMA}
    assert sent["structured_outputs"] == {"json": SCHEMA}


async def test_an_endpoint_fills_in(server, make):
    tgi(server)
    end = {"finish_reason": "stop_sequence", "generated_tokens": 4, "input_length": 9}
    server.on("/", streams(token("a +"), token(" b"), token("\n\n"), token("<|end|>", special=True, **end)))
    engine = make(base_url=server.url)
    identity = replace(await engine.model(""), name="Qwen/Qwen2.5-Coder-0.5B")
    assert await engine.fills_in(identity)
    asked = generation(
        identity, infill=Infill("def f(a, b):\n    return ", "\n"), decoding=Decoding(stop=("\n\n",), seed=3)
    )
    items = await played(engine, asked)
    assert items == [Chunk("a +", -0.5), Chunk(" b", -0.5), Done(Usage(9, 4), "stop")]
    (sent,) = server.bodies("/")
    assert sent["inputs"] == "<|fim_prefix|>def f(a, b):\n    return <|fim_suffix|>\n<|fim_middle|>"
    assert sent["parameters"]["stop"] == ["\n\n"]
    assert sent["parameters"]["temperature"] == 0.5


async def test_text_is_continued_greedily_and_what_was_held_back_for_a_stop_is_given(server, make):
    tgi(server)
    server.on("/", streams(token("x"), token("\n", finish_reason="length", generated_tokens=2, input_length=1)))
    engine = make(base_url=server.url)
    asked = generation(
        await engine.model(""), infill=Infill("y ="), temperature=0, decoding=Decoding(stop=("\n\n",), top_p=1)
    )
    items = await played(engine, asked)
    assert (text(items), items[-1]) == ("x\n", Done(Usage(1, 2), "length"))
    (sent,) = server.bodies("/")
    assert sent["inputs"] == "y ="
    assert "temperature" not in sent["parameters"]
    assert "top_p" not in sent["parameters"]


@pytest.mark.parametrize("stops", [("\n\n",), ("\n\n\n", "\n\n"), ("", "\n\n", "zz")])
@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_text_ends_before_the_first_stop_however_it_is_divided(stops, size):
    text, until = "a\nb\nz z\n\n\nc", Until(stops)
    pieces = [until.push(text[start : start + size]) for start in range(0, len(text), size)]
    assert "".join([*pieces, until.close()]) == "a\nb\nz z"


async def test_a_parameter_that_a_server_does_not_know_once_changes_nothing_later(server, make):
    tgi(server)
    odd = answers({"error": "The following `model_kwargs` are not used by the model: ['stop', 'details']"}, 400)
    server.on("/", odd, streams(token("x", finish_reason="length", generated_tokens=1, input_length=1)))
    engine = make(base_url=server.url)
    asked = generation(await engine.model(""), infill=Infill("y ="), decoding=Decoding(stop=("\n",)))
    with pytest.raises(EngineRefused, match="model_kwargs"):
        await played(engine, asked)
    assert not _UNSUPPORTED_TEXT_GENERATION_KWARGS
    assert text(await played(engine, asked)) == "x"
    assert server.bodies("/")[0] == server.bodies("/")[1]


async def test_a_model_of_which_nobody_knows_how_it_fills_in_is_refused(server, make):
    tgi(server)
    engine = make(base_url=server.url)
    assert not await engine.fills_in(await engine.model("org/unknown"))
    with pytest.raises(EngineRefused, match="add its infill tokens"):
        await played(engine, generation(await engine.model("org/unknown"), infill=Infill("x", "\n")))


async def test_providers_offer_no_completion_and_say_who_does(router, make):
    engine = make()
    with pytest.raises(EngineUnusable, match=r"chat only, .* transformers or openai"):
        await played(engine, generation(await engine.model(QWEN), infill=Infill("x")))


async def test_an_endpoint_that_only_chats_says_so(server, make):
    server.on("/v1/models", answers({"data": [{"id": "served"}]}))
    engine = make(base_url=server.url)
    with pytest.raises(EngineUnusable, match="the Endpoint offers chat only"):
        await played(engine, generation(await engine.model(""), infill=Infill("x")))


@pytest.mark.parametrize("told", [[], {}, {"data": {}}])
async def test_a_list_that_is_none_is_said_so(router, make, told):
    router.on("/v1/models", answers(told))
    with pytest.raises(EngineLost, match="list of models cannot be read"):
        await make().model(QWEN)


async def test_an_old_list_holds_where_no_new_one_is_to_be_had(router, make, monkeypatch):
    monkeypatch.setattr("codetune_core.engines.huggingface.engine._LIST_SECONDS", -1)
    router.on("/v1/models", answers(MODELS), answers({}, 500))
    engine = make()
    assert await engine.model(QWEN) == await engine.model(QWEN)
    assert len(router.bodies("/v1/models")) == 2


async def test_a_price_that_changes_holds_for_what_follows(router, make, monkeypatch):
    monkeypatch.setattr("codetune_core.engines.huggingface.engine._LIST_SECONDS", -1)
    dearer = json.loads(json.dumps(MODELS).replace("1.2", "1.5"))
    router.on("/v1/models", answers(MODELS), answers(MODELS), answers(dearer))
    engine = make(provider="nscale")
    for _ in range(3):
        await engine.model(QWEN)
    assert [price.completion for price in engine.prices()] == [Decimal("1.5"), Decimal("1.2")]
    prices = Prices(BudgetSettings(), [], engine.prices)
    cost = prices.cost(await engine.model(QWEN), Usage(0, 1_000_000), 1, dt.datetime.now(dt.UTC))
    assert cost.usd == Decimal("1.5")


async def test_a_proxy_is_gone_through(server, make):
    tgi(server)
    assert (await make(base_url="http://endpoint.test", proxy=server.url).model("")).name == "org/coder"
    assert server.asked[0].headers["Host"] == "endpoint.test"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"base_url": "nonsense"}, "base_url"),
        ({"ca_file": "/no/such/file"}, "ca_file"),
        ({"proxy": "socks5://localhost"}, "proxy"),
    ],
)
def test_settings_that_cannot_be_used_are_said_when_the_engine_is_made(written, told):
    with pytest.raises(SettingsError, match=told):
        build(Settings(engine=EngineSettings(name="huggingface", **written)))


async def test_a_certificate_that_is_none_is_said_so(server, make, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(EngineUnusable, match=r"ca\.pem holds no certificate"):
        await make(base_url=server.url, ca_file=tmp_path / "ca.pem").model("")


def test_the_engine_is_made_without_importing_the_client():
    script = (
        "import sys; from codetune_core.engines.registry import build; from codetune_core.settings import Settings;"
        "from codetune_core.sections import EngineSettings as E;"
        "build(Settings(engine=E(name='fallback', chain=('huggingface',))));"
        "print([name for name in ('huggingface_hub', 'httpx2', 'torch', 'numpy') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
