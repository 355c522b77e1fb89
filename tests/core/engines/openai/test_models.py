"""Which model of a server is meant, and what the server tells of it."""

import pytest
from http_peer import Peer, blocks, serving, text, told
from openai_server import card, chat, error, models

from codetune_core.domain.execution import Role
from codetune_core.engines.openai.engine import OpenAIEngine
from codetune_core.errors import EngineLost, EngineOverloaded, EngineUnusable
from codetune_core.sections import EngineSettings, ModelSettings
from codetune_core.settings import Settings


async def check(peer: Peer, name: str = "", role: Role = Role.GENERATION, everything: Settings | None = None, **asked):
    async with serving(peer):
        settings = EngineSettings(name="openai", base_url=peer.base_url, **asked)
        engine = OpenAIEngine.from_settings(settings, everything or Settings())
        try:
            return await engine.model(name, role)
        finally:
            await engine.aclose()


def listing(*cards: dict, **routes) -> Peer:
    return Peer({"/v1/models": models(*cards), **routes})


NAMES = [
    card("nomic-embed-text"),
    card("bge-reranker-v2"),
    card("Qwen/Coder-7B"),
    card("other"),
    card("Qwen/Qwen2.5-Coder-0.5B"),
]


@pytest.mark.parametrize(
    ("name", "role", "asked", "models", "meant"),
    [
        ("other", Role.REVIEW, {"model": "set"}, {}, "other"),
        ("", Role.REVIEW, {"model": "other"}, {"review": "Qwen/Coder-7B"}, "other"),
        ("", Role.REVIEW, {}, {"review": "other"}, "other"),
        ("", Role.COMPLETION, {}, {"review": "other"}, "Qwen/Coder-7B"),
        ("", Role.GENERATION, {}, {}, "Qwen/Coder-7B"),
        ("", Role.EMBEDDING, {}, {}, "nomic-embed-text"),
        ("", Role.RERANK, {}, {}, "bge-reranker-v2"),
        ("qwen/coder-7b", Role.REVIEW, {}, {}, "Qwen/Coder-7B"),
        ("coder-7b", Role.REVIEW, {}, {}, "Qwen/Coder-7B"),
        ("not-listed", Role.REVIEW, {}, {}, "not-listed"),
        ("", Role.REVIEW, {}, {"review": "qwen2.5-coder-0.5b"}, "Qwen/Qwen2.5-Coder-0.5B"),
    ],
)
async def test_a_model_is_the_one_that_is_named_or_set_or_the_first_that_fits(name, role, asked, models, meant):
    everything = Settings(models=ModelSettings(**models))
    assert (await check(listing(*NAMES), name, role, everything, **asked)).name == meant


async def test_a_name_at_two_servers_is_two_models():
    one, other = listing(card("m")), listing(card("m"))
    identities = [await check(peer, "m") for peer in (one, other)]
    assert [identity.source for identity in identities] == [one.base_url, other.base_url]
    assert identities[0] != identities[1]


async def test_an_only_model_makes_vectors_whatever_it_is_called():
    assert (await check(listing(card("v")), role=Role.EMBEDDING)).name == "v"


@pytest.mark.parametrize("role", [Role.EMBEDDING, Role.RERANK])
async def test_where_no_model_fits_the_role_the_user_chooses(role):
    with pytest.raises(EngineUnusable, match=f"is meant for {role}.*Set engine.model; it has a, b"):
        await check(listing(card("a"), card("b")), role=role)


async def test_a_server_without_models_is_said():
    with pytest.raises(EngineUnusable, match="it lists no models"):
        await check(listing())


async def test_many_models_are_not_all_listed():
    with pytest.raises(EngineUnusable, match="embed-19 and 30 more"):
        await check(listing(*(card(f"embed-{number}") for number in range(50))))


@pytest.mark.parametrize(
    ("more", "tokens"),
    [
        ({"owned_by": "vllm", "max_model_len": 32768}, 32768),
        ({"context_length": 131072}, 131072),
        ({"context_window": 16384}, 16384),
        ({"providers": [{"context_length": 8000}, {"context_length": 32000}, {"status": "down"}]}, 8000),
        ({"max_model_len": None}, 8192),
        ({"max_model_len": "many"}, 8192),
        ({}, 8192),
    ],
)
async def test_the_context_is_what_the_server_tells(more, tokens):
    assert (await check(listing(card("m", **more)))).context_tokens == tokens


@pytest.mark.parametrize(
    ("name", "tokens"),
    [("Qwen/Qwen2.5-Coder-1.5B", 32768), ("gpt-4o-mini", 128_000), ("gpt-4-0613", 8192), ("gpt-5.1", 400_000)],
)
async def test_the_context_is_what_is_known_where_the_server_does_not_tell(name, tokens):
    assert (await check(listing(card(name)), name)).context_tokens == tokens


async def test_llama_cpp_tells_the_context_of_a_slot():
    props = told({"default_generation_settings": {"n_ctx": 6144}, "total_slots": 4})
    peer = listing(card("m.gguf", owned_by="llamacpp", meta={"n_ctx_train": 131072}), **{"/props": props})
    assert (await check(peer)).context_tokens == 6144


async def test_lm_studio_tells_what_is_loaded():
    cards = [
        {"id": "a", "state": "not-loaded", "max_context_length": 32768},
        {"id": "b", "state": "loaded", "max_context_length": 32768, "loaded_context_length": 4096},
    ]
    owned = {"owned_by": "organization_owner"}
    peer = listing(card("a", **owned), card("b", **owned), **{"/api/v0/models": told({"data": cards})})
    found = await check(peer)
    assert (found.name, found.context_tokens) == ("b", 4096)


def ollama(**routes) -> Peer:
    tags = {"models": [{"name": "coder:latest", "digest": "0123456789abcdef"}, {"name": "b:1", "digest": "f" * 64}]}
    cards = [card("coder:latest", owned_by="me"), card("b:1", owned_by="me")]
    return listing(*cards, **{"/api/version": told({"version": "0.12"}), "/api/tags": told(tags), **routes})


async def test_ollama_tells_the_digest_of_a_model():
    found = await check(ollama(), "coder")
    assert (found.name, found.revision) == ("coder:latest", "0123456789ab")


@pytest.mark.parametrize(
    ("shown", "tokens"),
    [
        ({}, 4096),
        ({"model_info": {"qwen2.context_length": 32768}}, 4096),
        ({"model_info": {"gpt2.context_length": 1024}}, 1024),
        ({"parameters": 'num_ctx                        16384\nstop "<|end|>"'}, 16384),
        ({"parameters": "num_ctx 65536", "model_info": {"qwen2.context_length": 32768}}, 32768),
    ],
)
async def test_the_context_of_ollama_is_what_it_will_load_the_model_with(shown, tokens):
    assert (await check(ollama(**{"/api/show": told(shown)}), "coder")).context_tokens == tokens


async def test_the_context_of_ollama_is_what_it_has_loaded_the_model_with():
    running = {"models": [{"name": "b:1", "context_length": 9000}]}
    found = await check(ollama(**{"/api/ps": told(running), "/api/show": told({})}))
    assert (found.name, found.context_tokens) == ("b:1", 9000)


@pytest.mark.parametrize("answer", [error(500, "no hub folder"), told({}, 404), told({"data": 7}), told([])])
async def test_a_server_that_does_not_list_its_models_answers_for_a_name(answer):
    peer = Peer({"/v1/models": answer, "/v1/chat/completions": blocks(*chat("x"))})
    assert (await check(peer, "mine")).name == "mine"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(401, "no"), EngineUnusable),
        (error(503, "starting"), EngineOverloaded),
        (text("<html>a web site</html>"), EngineLost),
    ],
)
async def test_a_server_that_cannot_be_asked_is_not_guessed_about(answer, kind):
    with pytest.raises(kind):
        await check(Peer({"/v1/models": answer}), "mine")
