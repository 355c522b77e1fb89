"""Vectors and scores over HTTP, of an engine that is a server of its own."""

import asyncio
import base64

import numpy as np
import pytest
from api_client import Api, people
from http_peer import Peer, serving, told
from openai_server import card, error, models
from serving import on_socket, running, settings_for

from codetune_core.domain.execution import Priority
from codetune_core.domain.service_key import Scope
from codetune_remote.handlers.embedding import MOST_CHARS, MOST_TEXTS

EMBED, RERANK = "POST /api/embed", "POST /api/rerank"


def vector(text):
    return [float(len(text) + 1), float(sum(text.encode()) + 1), 2.0]


class Server:
    """Makes vectors and scores; counts the texts that came; waits for ``open`` before it answers."""

    def __init__(self):
        self.texts = []
        self.reached, self.open = asyncio.Event(), asyncio.Event()
        self.open.set()
        answers = {"/v1/models": models(card("small")), "/v1/embeddings": self.embed, "/v1/rerank": self.score}
        self.peer = Peer(answers)

    async def embed(self, request, body):
        self.texts += body["input"]
        self.reached.set()
        await self.open.wait()
        if "fail" in body["input"]:
            return await error(500, "broken")(request, body)
        rows = [{"index": index, "embedding": vector(text)} for index, text in enumerate(body["input"])]
        return await told({"data": rows})(request, body)

    async def score(self, request, body):
        rows = [{"index": index, "relevance_score": len(text)} for index, text in enumerate(body["documents"])]
        return await told({"results": rows[::-1]})(request, body)


@pytest.fixture
async def server():
    made = Server()
    async with serving(made.peer):
        yield made


def settings_of(server, url, folder, **serve):
    engine = {"name": "openai", "base_url": server.peer.base_url, "model": "small"}
    return settings_for(folder, url, engine=engine, serve=serve)


@pytest.fixture
def settings(server, sqlite_url, tmp_path):
    return settings_of(server, sqlite_url, tmp_path)


def expected(*texts):
    rows = np.asarray([vector(text) for text in texts], "<f4")
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


async def test_each_text_gets_its_vector_by_whom_and_of_what_is_said(admin, server):
    found = await admin.check(EMBED, body={"texts": ["a", "bb", "a"]})
    assert np.allclose(found["vectors"], expected("a", "bb", "a"))
    assert (found["dimensions"], found["usage"]) == (3, {"texts": 3, "characters": 4})
    assert (found["model"]["name"], found["model"]["engine"]) == ("small", "openai")
    assert server.peer.base_url not in str(found)
    packed = await admin.check(EMBED, body={"texts": ["a", "bb", "a"], "encoding": "base64"})
    rows = np.frombuffer(base64.b64decode(packed["data"]), "<f4").reshape(-1, packed["dimensions"])
    assert rows.tolist() == found["vectors"]
    assert packed["vectors"] is None
    assert server.texts == ["a", "bb"]  # each was sent once, and what is remembered not again


async def test_texts_are_scored_in_their_order(admin):
    found = await admin.check(RERANK, body={"query": "pay", "texts": ["a", "ccc", "bb"]})
    assert found["scores"] == [1.0, 3.0, 2.0]
    assert found["usage"] == {"texts": 3, "characters": 9}


WRONG = [
    {},
    {"texts": []},
    {"texts": "a"},
    {"texts": [""]},
    {"texts": [1]},
    {"texts": ["a"] * (MOST_TEXTS + 1)},
    {"texts": ["a" * (MOST_CHARS // 2), "b" * (MOST_CHARS // 2), "c"]},
    {"texts": ["a"], "encoding": "utf-8"},
    {"texts": ["a"], "priority": 3},
    {"texts": ["a"], "deadline_seconds": 0},
    {"texts": ["a"], "model": "x" * 301},
]


async def test_what_does_not_fit_is_refused(admin, server):
    for body in WRONG:
        await admin.check(EMBED, 422, body)
    for body in ({"texts": ["a"]}, {"texts": ["a"], "query": ""}, {"texts": ["a"], "query": "x" * 100_001}):
        await admin.check(RERANK, 422, body)
    assert server.texts == []


async def test_as_many_texts_as_are_allowed_are_embedded(admin):
    texts = [f"{number} {'x' * 3000}" for number in range(MOST_TEXTS)]
    found = await admin.check(EMBED, body={"texts": texts})
    assert np.allclose(found["vectors"], expected(*texts))


async def test_an_engine_that_fails_is_a_problem(admin):
    assert (await admin.check(EMBED, 502, {"texts": ["fail"]}))["type"] == "/problems/engine-lost"


async def test_vectors_wait_for_their_turn_as_everything_does(server, sqlite_url, tmp_path):
    settings = settings_of(server, sqlite_url, tmp_path, concurrent=1, queue=0)
    async with running(settings) as service, on_socket(service, tmp_path / "s") as client:
        admin = Api(client)
        server.open.clear()
        first = asyncio.create_task(admin.check(EMBED, body={"texts": ["a"]}))
        await server.reached.wait()
        async with client.post("/api/embed", json={"texts": ["b"]}) as answer:
            assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (429, True)
        await admin.check(RERANK, 429, {"query": "q", "texts": ["b"]})
        server.open.set()
        assert (await first)["dimensions"] == 3
        await admin.check(RERANK, body={"query": "q", "texts": ["b"]})


async def test_who_goes_away_gives_the_turn_back(server, sqlite_url, tmp_path):
    settings = settings_of(server, sqlite_url, tmp_path, concurrent=1, queue=1)
    async with running(settings) as service, on_socket(service, tmp_path / "s") as client:
        server.open.clear()
        first = asyncio.create_task(Api(client).check(EMBED, body={"texts": ["a"]}))
        await server.reached.wait()
        first.cancel()
        await asyncio.wait({first})
        assert (await Api(client).check(RERANK, body={"query": "q", "texts": ["b"]}))["scores"] == [1.0]
        assert service.admission.gate.running == 0


async def test_a_key_that_may_only_read_makes_no_vectors(service):
    async with people(service, reader=(Scope.READ,), runner=(Scope.EXECUTE,)) as known:
        await known["reader"].check(EMBED, 403, {"texts": ["a"]})
        await known["reader"].check(RERANK, 403, {"query": "q", "texts": ["a"]})
        await known["runner"].check(EMBED, body={"texts": ["a"]})


async def test_the_rules_of_a_workspace_hold_for_its_texts_too(sqlite_url, tmp_path, monkeypatch):
    monkeypatch.setenv("MODELS_KEY", "a key")
    engine = {"name": "openai", "base_url": "https://models.example/v1", "model": "small", "key_env": "MODELS_KEY"}
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "codetune.toml").write_text("[outbound]\nlocal_only = true\n")
    settings = settings_for(tmp_path, sqlite_url, engine=engine)
    async with running(settings) as service, on_socket(service, tmp_path / "s") as client:
        for address, more in ((EMBED, {}), (RERANK, {"query": "q"})):
            told = await Api(client).check(address, 422, {"texts": ["a"], "workspace": str(folder), **more})
            assert "outbound.local_only" in told["detail"]
            told = await Api(client).check(address, 422, {"texts": ["a"], "paths": ["/home/ada/.env"], **more})
            assert "holds secrets" in told["detail"]


async def test_a_tenant_s_vectors_are_remembered_for_it_alone(service, server):
    model = await service.core.embedder.model("")
    for tenant in ("one", "other", "one", "other"):
        vectors = await service.core.embedder_of(tenant).embed(model, ["a"], Priority.EXPLICIT)
        assert np.allclose(vectors, expected("a"))
    assert server.texts == ["a", "a"]
