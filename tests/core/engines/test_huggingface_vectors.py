"""Vectors and scores of Hugging Face, against a server that speaks its interface."""

import numpy as np
import pytest
from huggingface_server import answers, huggingface_server, says

from codetune_core.domain.execution import ModelIdentity, Priority
from codetune_core.engines.huggingface.embedding import HuggingFaceEmbedder, HuggingFaceReranker
from codetune_core.errors import ContextTooLong, EngineLost, EngineOverloaded, EngineUnusable
from codetune_core.http import keys
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

MINI = "sentence-transformers/all-MiniLM-L6-v2"
SERVICE = f"/hf-inference/models/{MINI}/pipeline/feature-extraction"


def vector(text: str) -> list[float]:
    """A vector that tells texts apart, of a length other than 1."""
    return [float(len(text)), float(text.count("a")), 2.0]


async def embeds(asked, request):
    """Answer as text-embeddings-inference does, at most 32 texts at once."""
    assert len(asked.body["inputs"]) <= 32
    return await answers([vector(text) for text in asked.body["inputs"]])(asked, request)


async def reranks(asked, request):
    """Answer as text-embeddings-inference does: in the order of the scores."""
    assert len(asked.body["texts"]) <= 32
    scores = [{"index": index, "score": float(len(text))} for index, text in enumerate(asked.body["texts"])]
    return await answers(sorted(scores, key=lambda score: -score["score"]))(asked, request)


@pytest.fixture
async def server():
    async with huggingface_server() as running:
        running.on("/info", answers({"model_id": "m", "model_sha": "abc", "max_input_length": 256}))
        running.on("/", embeds)
        running.on(SERVICE, embeds)
        running.on("/rerank", reranks)
        yield running


@pytest.fixture
def router(server, monkeypatch):
    """The server stands where Hugging Face's router does."""
    monkeypatch.setitem(keys.OWN, "huggingface", keys.Own(f"{server.url}/v1", ("HF_TOKEN",)))
    monkeypatch.setenv("HF_TOKEN", "hf_ours")
    return server


@pytest.fixture
async def made():
    engines = []
    yield engines
    for engine in engines:
        await engine.aclose()


@pytest.fixture
def make(made):
    """Make an embedder or a reranker by its settings."""

    def build(kind, models=None, **written):
        asked = EngineSettings(name="huggingface", **written)
        made.append(kind.from_settings(asked, Settings(engine=asked, models=models or {})))
        return made[-1]

    return build


async def embedded(embedder, texts, name=""):
    return await embedder.embed(await embedder.model(name), texts, Priority.BACKGROUND)


def expected(texts) -> np.ndarray:
    rows = np.array([vector(text) for text in texts])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("number", [1, 32, 33, 100])
async def test_vectors_come_in_order_in_batches_and_have_length_1(router, make, number):
    texts = ["a" * (index % 7) + "xy" for index in range(number)]
    vectors = await embedded(make(HuggingFaceEmbedder), texts, MINI)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected(texts), rtol=1e-6)
    assert len(router.bodies(SERVICE)) == -(-number // 32)


async def test_no_text_asks_nobody(router, make):
    assert (await embedded(make(HuggingFaceEmbedder), [], MINI)).shape == (0, 0)
    assert router.asked == []


async def test_too_long_texts_are_cut_and_empty_ones_are_sent_as_a_blank(router, make):
    await embedded(make(HuggingFaceEmbedder), ["", "a"], MINI)
    assert router.bodies(SERVICE) == [{"inputs": [" ", "a"], "normalize": True, "truncate": True}]
    assert router.asked[0].headers["Authorization"] == "Bearer hf_ours"


async def test_the_catalogue_tells_the_id_and_the_context(router, make):
    embedder = make(HuggingFaceEmbedder, models={"embedding": "all-MiniLM-L6-v2"})
    identity = await embedder.model("")
    assert (identity.name, identity.engine, identity.revision) == (MINI, "huggingface", "")
    assert await embedder.model("org/unknown") == ModelIdentity("org/unknown", "huggingface", 512)


async def test_an_endpoint_makes_vectors_of_the_revision_that_it_tells(server, make):
    embedder = make(HuggingFaceEmbedder, base_url=server.url)
    assert await embedder.model("") == ModelIdentity("m", "huggingface", 256, "abc", source=f"{server.url}/v1")
    np.testing.assert_allclose(await embedded(embedder, ["a", "bb"]), expected(["a", "bb"]), rtol=1e-6)


async def test_another_provider_is_not_asked_for_vectors(router, make):
    with pytest.raises(EngineUnusable, match="not from the provider together"):
        await make(HuggingFaceEmbedder, provider="together").model(MINI)


async def test_without_a_model_the_settings_are_named(router, make):
    with pytest.raises(EngineUnusable, match=r"models\.embedding"):
        await make(HuggingFaceEmbedder).model("")


@pytest.mark.parametrize(
    ("fault", "error", "told"),
    [
        (answers([[1.0, 2.0]]), EngineLost, "for 2 texts"),
        (answers([1.0, 2.0]), EngineLost, "is it a model for vectors"),
        (answers([[[1.0]], [[2.0]]]), EngineLost, "is it a model for vectors"),
        (answers([[0.0, 0.0], [1.0, 0.0]]), EngineLost, "no direction"),
        (says("[[NaN, 1.0], [1.0, 0.0]]"), EngineLost, "no direction"),
        (answers([[1.0], [1.0, 2.0]]), EngineLost, "no answer"),
        (answers({"a": 1}), EngineLost, "no answer"),
        (says("garbage"), EngineLost, "no answer"),
        (answers({"error": "overloaded"}, 429, **{"Retry-After": "3"}), EngineOverloaded, "overloaded"),
        (answers({"error": "input is too long"}, 413), ContextTooLong, "does not fit"),
    ],
)
async def test_what_are_no_vectors_is_said_so(router, make, fault, error, told):
    router.on(SERVICE, fault)
    with pytest.raises(error, match=told):
        await embedded(make(HuggingFaceEmbedder), ["a", "b"], MINI)


async def test_vectors_of_different_lengths_are_not_mixed(router, make):
    router.on(SERVICE, answers([[1.0, 2.0]] * 32), answers([[1.0, 2.0, 3.0]]))
    with pytest.raises(EngineLost, match="different lengths"):
        await embedded(make(HuggingFaceEmbedder), ["a"] * 33, MINI)


@pytest.mark.parametrize("number", [0, 1, 33])
async def test_scores_come_in_the_order_of_the_texts(server, make, number):
    reranker = make(HuggingFaceReranker, base_url=server.url)
    texts = ["x" * (index % 5 + 1) for index in range(number)]
    scores = await reranker.score(await reranker.model(""), "which?", texts, Priority.EXPLICIT)
    assert scores == [float(len(text)) for text in texts]
    assert all(body["query"] == "which?" and body["raw_scores"] for body in server.bodies("/rerank"))


@pytest.mark.parametrize("told", [{}, [{"index": 0}], [{"index": 0, "score": 1.0}], [1, 2]])
async def test_what_are_no_scores_is_said_so(server, make, told):
    server.on("/rerank", answers(told))
    reranker = make(HuggingFaceReranker, base_url=server.url)
    with pytest.raises(EngineLost, match="scores"):
        await reranker.score(await reranker.model(""), "which?", ["a", "b"], Priority.EXPLICIT)


async def test_inference_providers_do_not_rerank(router, make):
    with pytest.raises(EngineUnusable, match="Endpoint with text-embeddings-inference"):
        await make(HuggingFaceReranker).model("")
