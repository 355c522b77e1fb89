"""Vectors and scores of OpenAI-compatible servers."""

import base64

import numpy as np
import pytest
from http_peer import Peer, in_turn, serving, text, told
from openai_server import card, error, models

from codetune_core.domain.execution import ModelIdentity, Priority
from codetune_core.engines.openai.embedder import OpenAIEmbedder
from codetune_core.engines.openai.reranker import OpenAIReranker
from codetune_core.errors import ContextTooLong, EngineLost, EngineOverloaded, EngineRefused, EngineUnusable
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

MODEL = ModelIdentity("embed", "openai", 8192)
EMBEDDINGS, RERANK = "/v1/embeddings", "/v1/rerank"


def vector(text: str) -> list[float]:
    """What the server makes of a text: not of length 1, and told apart from others'."""
    return [float(len(text) + 1), float(sum(text.encode()) + 1), 2.0]


def encoded(numbers: list[float]) -> str:
    return base64.b64encode(np.asarray(numbers, "<f4").tobytes()).decode()


def embedding(*, takes_base64: bool = True, backwards: bool = False, most: int = 1000):
    """A server's answer to each request for vectors."""

    async def answer(request, body):
        if len(body["input"]) > most:
            return await error(413, "batch too large")(request, body)
        as_text = takes_base64 and body.get("encoding_format") == "base64"
        rows = [
            {"object": "embedding", "index": index, "embedding": encoded(vector(text)) if as_text else vector(text)}
            for index, text in enumerate(body["input"])
        ]
        return await told({"object": "list", "data": rows[::-1] if backwards else rows})(request, body)

    return answer


async def embed(answer, texts) -> np.ndarray:
    peer = Peer({"/v1/models": models(card("embed")), EMBEDDINGS: answer})
    async with serving(peer):
        embedder = OpenAIEmbedder.from_settings(EngineSettings(name="openai", base_url=peer.base_url), Settings())
        try:
            return await embedder.embed(await embedder.model(""), texts, Priority.BACKGROUND)
        finally:
            await embedder.aclose()


def expected(texts) -> np.ndarray:
    rows = np.asarray([vector(text or " ") for text in texts], np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


TEXTS = ["def f(): pass", "", "é" * 50, "x"]


@pytest.mark.parametrize("answer", [embedding(), embedding(takes_base64=False), embedding(backwards=True)])
async def test_each_text_gets_its_vector_of_length_1(answer):
    vectors = await embed(answer, TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected(TEXTS), rtol=1e-6)


async def test_a_server_that_refuses_base64_is_asked_for_numbers():
    refusing = in_turn(error(400, "encoding_format is not supported"), embedding(takes_base64=False))
    np.testing.assert_allclose(await embed(refusing, TEXTS), expected(TEXTS), rtol=1e-6)


async def test_many_texts_go_in_batches_that_every_server_takes():
    texts = [f"text {number}" for number in range(100)]
    np.testing.assert_allclose(await embed(embedding(most=32), texts), expected(texts), rtol=1e-6)


async def test_long_texts_go_in_smaller_batches():
    sizes = []

    async def answer(request, body):
        sizes.append(len(body["input"]))
        return await embedding()(request, body)

    await embed(answer, ["Z" * 90_000] * 5 + ["Z" * 300_000] * 2)
    assert sizes == [2, 2, 1, 1, 1]


async def test_no_text_asks_nobody():
    assert (await embed(error(500, "asked"), [])).shape == (0, 0)


@pytest.mark.parametrize(
    "content",
    [
        {"data": []},
        {"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]},
        {"data": [{"index": 0, "embedding": [0.0, 0.0]}, {"index": 1, "embedding": [1.0, 2.0]}]},
        {"data": [{"index": 0, "embedding": "!"}, {"index": 1, "embedding": "!"}]},
        {"data": [{"index": 0, "embedding": "AAA="}, {"index": 1, "embedding": "AAA="}]},
        {"data": [{"index": 0}, {"index": 1}]},
        {"data": 7},
        [],
    ],
)
async def test_what_are_no_vectors_is_said(content):
    with pytest.raises(EngineLost, match="sent"):
        await embed(told(content), ["a", "b"])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(401, "no"), EngineUnusable),
        (error(404, "The model `embed` does not exist"), EngineUnusable),
        (error(429, "slow down"), EngineOverloaded),
        (error(400, "the input length exceeds the context length"), ContextTooLong),
        (error(400, "odd"), EngineRefused),
        (text("<html></html>"), EngineLost),
    ],
)
async def test_a_refusal_of_vectors_is_said_in_words(answer, kind):
    with pytest.raises(kind):
        await embed(answer, ["a"])


async def score(answer, texts) -> list[float]:
    peer = Peer({"/v1/models": models(card("rerank")), **({RERANK: answer} if answer else {})})
    async with serving(peer):
        reranker = OpenAIReranker.from_settings(EngineSettings(name="openai", base_url=peer.base_url), Settings())
        try:
            return await reranker.score(await reranker.model(""), "how to open a file", texts, Priority.EXPLICIT)
        finally:
            await reranker.aclose()


def results(*scores: tuple[int, float]):
    return told({"results": [{"index": index, "relevance_score": number} for index, number in scores]})


async def test_scores_come_in_the_order_of_the_texts():
    assert await score(results((2, 0.9), (0, 0.5), (1, -0.1)), ["a", "b", "c"]) == [0.5, -0.1, 0.9]


async def test_no_text_has_no_score():
    assert await score(error(500, "asked"), []) == []


@pytest.mark.parametrize("answer", [results((0, 1.0)), results((0, 1.0), (2, 1.0)), told({"results": 7}), told([])])
async def test_what_are_no_scores_is_said(answer):
    with pytest.raises(EngineLost, match="what are no scores"):
        await score(answer, ["a", "b"])


@pytest.mark.parametrize("answer", [None, error(405, "Method Not Allowed"), error(501, "no reranking")])
async def test_a_server_that_does_not_rerank_is_said(answer):
    with pytest.raises(EngineUnusable, match=r"does not rerank: use vLLM or llama\.cpp"):
        await score(answer, ["a"])


async def test_a_reranker_that_is_not_there_is_said():
    with pytest.raises(EngineUnusable, match="has no model rerank"):
        await score(error(404, "The model `rerank` does not exist."), ["a"])
