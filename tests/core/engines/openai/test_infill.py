"""Completions and infill by the engine ``openai``: each server in its own way."""

from contextlib import aclosing
from dataclasses import replace

import pytest
from http_peer import Peer, blocks, frame, serving, told
from openai_server import DONE, card, error, models

from codetune_core.domain.execution import ModelIdentity, Usage
from codetune_core.domain.prompt import Decoding
from codetune_core.engines.openai.engine import OpenAIEngine
from codetune_core.engines.protocol import Chunk, Done, Generation, Infill
from codetune_core.errors import ContextTooLong, EngineRefused, EngineUnusable
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

FIM = "Qwen/Qwen2.5-Coder-1.5B"
ASKED = Generation(
    ModelIdentity(FIM, "openai", 4096), (), 0, 16, Decoding(stop=("\n\n",)), infill=Infill("def f(", "):\n    pass\n")
)


def piece(text: str, finish: str | None = None, **more: object) -> bytes:
    return frame(
        {"object": "text_completion", "choices": [{"index": 0, "text": text, "finish_reason": finish, **more}]}
    )


COMPLETION = blocks(piece("a, "), piece("b"), piece("", "stop"), DONE)
OWN = blocks(
    frame({"content": "a, ", "stop": False, "tokens_predicted": 1}),
    frame({"content": "b", "stop": False}),
    frame({"content": "", "stop": True, "stop_type": "limit", "tokens_predicted": 2, "tokens_evaluated": 9}),
)


async def check(peer: Peer, asked: Generation = ASKED, times: int = 1) -> tuple[str, Done]:
    async with serving(peer):
        engine = OpenAIEngine.from_settings(EngineSettings(name="openai", base_url=peer.base_url), Settings())
        try:
            for _ in range(times):
                async with aclosing(engine.generate(asked)) as stream:
                    *chunks, done = [item async for item in stream]
        finally:
            await engine.aclose()
    return "".join(chunk.text for chunk in chunks), done


def peer(owner: str, **routes) -> Peer:
    return Peer({"/v1/models": models(card(FIM, owned_by=owner)), **routes})


async def test_llama_cpp_fills_in_by_its_own_interface():
    llama = peer("llamacpp", **{"/infill": OWN})
    assert await check(llama) == ("a, b", Done(Usage(9, 2), "length"))
    assert llama.posts("/infill") == [
        {
            "input_prefix": "def f(",
            "input_suffix": "):\n    pass\n",
            "n_predict": 16,
            "temperature": 0,
            "stop": ["\n\n"],
            "stream": True,
        }
    ]


async def test_llama_cpp_with_a_model_that_it_cannot_fill_in_with_is_sent_the_models_tokens():
    refusal = error(501, "This server does not support infill: Infill is not supported by this model")
    llama = peer("llamacpp", **{"/infill": refusal, "/v1/completions": COMPLETION})
    assert (await check(llama, times=2))[0] == "a, b"
    assert len(llama.posts("/infill")) == 1
    assert len(llama.posts("/v1/completions")) == 2


@pytest.mark.parametrize("owner", ["vllm", "sglang", "organization_owner", "somebody"])
async def test_the_special_tokens_of_a_model_of_the_catalogue_fill_in_anywhere(owner):
    server = peer(owner, **{"/v1/completions": COMPLETION})
    assert (await check(server))[0] == "a, b"
    (body,) = server.posts("/v1/completions")
    assert body["prompt"] == "<|fim_prefix|>def f(<|fim_suffix|>):\n    pass\n<|fim_middle|>"
    assert "suffix" not in body


async def test_ollama_is_sent_the_suffix():
    server = peer("library", **{"/v1/completions": COMPLETION})
    assert (await check(server))[0] == "a, b"
    (body,) = server.posts("/v1/completions")
    assert (body["prompt"], body["suffix"]) == ("def f(", "):\n    pass\n")


async def test_without_a_suffix_the_prefix_is_continued_by_any_model():
    server = peer("somebody", **{"/v1/completions": COMPLETION})
    asked = replace(ASKED, model=ModelIdentity("unknown", "openai", 4096), infill=Infill("def f("))
    assert (await check(server, asked))[0] == "a, b"
    assert server.posts("/v1/completions")[0]["prompt"] == "def f("


async def test_a_model_that_is_not_known_to_fill_in_is_not_asked():
    server = peer("vllm", **{"/v1/completions": COMPLETION})
    with pytest.raises(EngineUnusable, match="unknown is not known to fill in: use a model with FIM tokens"):
        await check(server, replace(ASKED, model=ModelIdentity("unknown", "openai", 4096)))
    assert server.posts() == []


@pytest.mark.parametrize(
    ("owner", "name", "does"),
    [
        ("vllm", FIM, True),
        ("library", FIM, True),
        ("llamacpp", FIM, True),
        ("llamacpp", "unknown", True),
        ("vllm", "unknown", False),
        ("library", "unknown", False),
        ("somebody", "unknown", False),
    ],
)
async def test_it_is_known_which_models_fill_in(owner, name, does):
    shown = told({"capabilities": ["completion", *(["insert"] if name == FIM else [])]})
    async with serving(peer(owner, **{"/api/show": shown})) as server:
        engine = OpenAIEngine.from_settings(EngineSettings(name="openai", base_url=server.base_url), Settings())
        assert await engine.fills_in(ModelIdentity(name, "openai", 4096)) is does
        await engine.aclose()


async def test_a_model_that_llama_cpp_turned_out_not_to_fill_in_with_is_known_not_to():
    refusal = error(501, "This server does not support infill: Infill is not supported by this model")
    asked = replace(ASKED, model=ModelIdentity("unknown", "openai", 4096))
    async with serving(peer("llamacpp", **{"/infill": refusal})) as server:
        engine = OpenAIEngine.from_settings(EngineSettings(name="openai", base_url=server.base_url), Settings())
        assert await engine.fills_in(asked.model)
        with pytest.raises(EngineUnusable):
            await anext(engine.generate(asked))
        assert not await engine.fills_in(asked.model)
        await engine.aclose()


async def test_a_prompt_that_is_too_long_is_no_reason_to_ask_otherwise():
    refusal = error(400, "the request exceeds the available context size")
    llama = peer("llamacpp", **{"/infill": refusal, "/v1/completions": COMPLETION})
    with pytest.raises(ContextTooLong):
        await check(llama)
    assert llama.posts("/v1/completions") == []


async def test_ollama_says_which_model_cannot():
    server = peer("library", **{"/v1/completions": error(400, f"{FIM} does not support insert")})
    with pytest.raises(EngineRefused, match="does not support insert"):
        await check(server)


async def test_a_server_without_completions_is_said():
    with pytest.raises(EngineUnusable, match=r"answered 404"):
        await check(peer("somebody"))


async def test_probabilities_of_a_completion_are_told():
    told = {"tokens": ["a", ", "], "token_logprobs": [-0.5, -0.25]}
    server = peer("vllm", **{"/v1/completions": blocks(piece("a, ", logprobs=told), piece("", "stop"), DONE)})
    async with serving(server):
        engine = OpenAIEngine.from_settings(EngineSettings(name="openai", base_url=server.base_url), Settings())
        async with aclosing(engine.generate(replace(ASKED, logprobs=True))) as stream:
            assert await anext(stream) == Chunk("a, ", -0.75)
        await engine.aclose()
    assert server.posts()[0]["logprobs"] == 1
