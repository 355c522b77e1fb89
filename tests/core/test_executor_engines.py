"""Executions whose engine is a chain, or a server that tells its prices: who is recorded, and at what cost."""

from decimal import Decimal

import pytest
from huggingface_hub.inference._providers import CONVERSATIONAL_AUTO_ROUTER
from huggingface_server import answers, delta, huggingface_server, streams, used
from running import MODEL, SAYS, SQLITE, running, text

from codetune_core.domain.execution import ErrorKind, ModelIdentity, Role
from codetune_core.engines.fallback.chain import Link
from codetune_core.engines.fallback.engine import FallbackEngine
from codetune_core.engines.huggingface.engine import HuggingFaceEngine
from codetune_core.engines.scripted import Fault, Reply, Script, ScriptedEngine
from codetune_core.errors import EngineLost
from codetune_core.http import keys
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

CHAT = "/v1/chat/completions"
QWEN = "Qwen/Qwen2.5-Coder-32B-Instruct"


@pytest.fixture
async def router(monkeypatch):
    """A server that stands where Hugging Face's router does."""
    async with huggingface_server() as server:
        monkeypatch.setitem(keys.OWN, "huggingface", keys.Own(f"{server.url}/v1", ("HF_TOKEN",)))
        monkeypatch.setattr(CONVERSATIONAL_AUTO_ROUTER, "base_url", server.url)
        monkeypatch.setenv("HF_TOKEN", "hf_ours")
        server.on(CHAT, streams(delta("forty "), delta("two", "stop"), used(100, 10)))
        yield server


@pytest.fixture
async def remote(router):
    asked = EngineSettings(name="huggingface", model=f"{QWEN}:nscale")
    engine = HuggingFaceEngine.from_settings(asked, Settings(engine=asked))
    yield engine
    await engine.aclose()


def chain(*engines) -> FallbackEngine:
    return FallbackEngine(tuple(Link(f"engine {n}", engine) for n, engine in enumerate(engines, 1)), 60)


def local(**reply) -> ScriptedEngine:
    return ScriptedEngine(Script(models=(MODEL,), default=Reply(answers=(SAYS,), **reply)))


@SQLITE
async def test_an_execution_costs_what_the_provider_says(database, remote):
    async with running(database, remote) as core:
        assert text(await core.run()) == "forty two"
        [row] = await core.recorded()
    assert (row.model_used, row.engine, row.tokens_used) == (f"{QWEN}:nscale", "huggingface", 110)
    assert row.estimated_cost_usd == (100 * Decimal("0.06") + 10 * Decimal("1.2")) / 1_000_000
    assert "Hugging Face's list of models, nscale" in row.price_source


@SQLITE
async def test_the_users_own_price_goes_before_the_providers(database, remote):
    own = {"model": "qwen/*", "prompt": "1000000", "completion": "0"}
    async with running(database, remote, budget={"prices": [own]}) as core:
        await core.run()
        [row] = await core.recorded()
    assert row.estimated_cost_usd == 100


@SQLITE
async def test_the_providers_price_is_reserved_against_the_budget(database, remote, router):
    async with running(database, remote, budget={"per_day_usd": "0.000001"}) as core:
        events = await core.run()
    assert events[-1].kind is ErrorKind.BUDGET_SPENT
    assert router.bodies(CHAT) == []


@SQLITE
async def test_who_answered_instead_is_recorded_at_his_own_price(database, remote, router):
    router.on(CHAT, answers({"error": "credits"}, 402))
    price = {"model": "tiny", "prompt": "0", "completion": "1000000"}
    async with running(database, chain(remote, local()), budget={"prices": [price]}) as core:
        assert text(await core.run()) == SAYS
        await core.run()
        first, second = await core.recorded()
    assert (first.model_used, first.engine) == (MODEL.name, MODEL.engine)
    assert first.estimated_cost_usd == 5
    assert "engine 2 answered: engine 1: " in str(first.cache_key)
    assert not second.from_cache


@SQLITE
@pytest.mark.parametrize("settings", ["engine", "role", "neither"])
async def test_what_may_answer_instead_is_reserved_at_its_price(database, settings):
    free, dear = local(fault=Fault(kind=ErrorKind.ENGINE_LOST)), ModelIdentity("dear", "scripted", 9000)
    paid = ScriptedEngine(Script(models=(dear,), default=Reply(answers=(SAYS,))))
    asked = EngineSettings(name="scripted", model="dear" if settings == "engine" else "")
    links = (Link("free", free), Link("paid", paid, asked))
    engine = FallbackEngine(links, 60, wanted=lambda _: "dear" if settings == "role" else "")
    prices = [
        {"model": "tiny", "prompt": "0", "completion": "0"},
        {"model": "dear", "prompt": "1000000", "completion": "0"},
    ]
    async with running(database, engine, budget={"prices": prices, "per_day_usd": "1"}) as core:
        events = [(await core.run(fresh=True))[-1] for _ in range(2)]
    # What no settings name is known once it has answered, and not before.
    assert [event.type for event in events] == ["finished" if settings == "neither" else "failed", "failed"]
    assert events[-1].kind is ErrorKind.BUDGET_SPENT
    assert paid.started == (settings == "neither")


@SQLITE
async def test_a_chain_that_fails_is_recorded_with_all_reasons(database, remote, router):
    router.on(CHAT, answers({"error": "down"}, 500))
    broken = local(fault=Fault(kind=ErrorKind.OVERLOADED))
    async with running(database, chain(remote, broken)) as core:
        events = await core.run()
    assert events[-1].kind is ErrorKind.OVERLOADED
    assert "engine 1: " in events[-1].message
    assert "engine 2: the script says so" in events[-1].message


@SQLITE
async def test_a_chain_goes_back_to_its_first_engine(database, remote, router):
    router.on(CHAT, answers({"error": "credits"}, 402), *router.answers[CHAT])
    async with running(database, chain(remote, local())) as core:
        assert [text(await core.run(fresh=True)) for _ in range(2)] == [SAYS, "forty two"]


class Gone(ScriptedEngine):
    """Is not there, and does not even say what it runs."""

    async def model(self, name, role=Role.GENERATION):
        raise EngineLost("nothing listens there")


@SQLITE
async def test_why_the_first_engine_of_a_chain_did_not_answer_is_told_where_it_was_gone_from_the_start(database):
    async with running(database, chain(Gone(Script()), local())) as core:
        events = await core.run()
        [row] = await core.recorded()
    assert (events[0].model, events[-1].model) == (MODEL.name, MODEL.name)
    assert events[-1].reason.startswith("engine 2 answered: engine 1: nothing listens there")
    assert row.cache_key["answered_because"] == events[-1].reason
