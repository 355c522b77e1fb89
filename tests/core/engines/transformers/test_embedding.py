"""Vectors and scores of small real models: batches over requests, priorities, memory, cancellation, the process."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest
from model_processes import hosts
from small_models import cross_encoder, embedding, load_plan

from codetune_core.domain.execution import ErrorKind, Priority, Role
from codetune_core.engines.transformers.embedder import LocalEmbedder, LocalReranker
from codetune_core.engines.transformers.process.embedding import EmbeddingRunner, load_embedding
from codetune_core.engines.transformers.process.job import Job
from codetune_core.engines.transformers.spawn import COMMAND
from codetune_core.engines.transformers.wire import Embed, Embedded, Failed, Generate, Score, Scored
from codetune_core.errors import EngineRefused
from codetune_core.models.spec import Kind, Quantization

TEXTS = ["def add(a, b): return a + b", "class Shop:\n    pass", "", "é" * 40, "x"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return SimpleNamespace(embedding=embedding(root / "embedding"), scoring=cross_encoder(root / "scoring"))


@pytest.fixture(scope="module")
def embedder(folders):
    return load_embedding(load_plan(folders.embedding, Kind.EMBEDDING), lambda *_: None)


@pytest.fixture(scope="module")
def scorer(folders):
    return load_embedding(load_plan(folders.scoring, Kind.CROSS_ENCODER), lambda *_: None)


class Recorder:
    """A runner around a compute that notes its batches, and a job's answers."""

    def __init__(self, fails=lambda _: None):
        self.batches, self.told = [], []
        self.fails = fails
        self.runner = EmbeddingRunner(Kind.EMBEDDING, self._compute, 1)

    def _compute(self, items):
        self.batches.append(list(items))
        if error := self.fails(items):
            raise error
        return np.array([[len(item)] for item in items], np.float32)

    def add(self, number, texts, priority=Priority.EXPLICIT):
        job = Job(Embed(id=number, texts=tuple(texts), priority=priority), self.told.append)
        self.runner.add(job)
        return job

    def run(self):
        while self.runner.step():
            pass
        return {answer.id: answer for answer in self.told}


def done(runner, *requests):
    """The answers to requests that are added at once, in order."""
    told = []
    for request in requests:
        runner.add(Job(request, told.append))
    while runner.step():
        pass
    by_id = {answer.id: answer for answer in told}
    assert len(by_id) == len(told) == len(requests)
    return [by_id[request.id] for request in requests]


def vectors(answer: Embedded):
    return np.frombuffer(base64.b64decode(answer.data), "<f4").reshape(-1, answer.dimensions)


def embed(number, *texts, priority=Priority.EXPLICIT):
    return Embed(id=number, texts=texts, priority=priority)


def test_each_text_has_one_vector_of_length_one_in_order(embedder):
    [together] = done(embedder.runner, embed(1, *TEXTS))
    alone = [vectors(answer)[0] for answer in done(embedder.runner, *(embed(n, t) for n, t in enumerate(TEXTS)))]
    found = vectors(together)
    assert found.shape == (len(TEXTS), together.dimensions)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.allclose(found, alone, atol=1e-4)
    assert embedder.weights_bytes > 0


def test_what_is_longer_than_the_model_takes_is_cut_at_its_end(embedder):
    long = "value = compute(x) " * 200
    [answer] = done(embedder.runner, embed(1, long, long + "other = 1", "other = 1" + long))
    same, also, other = vectors(answer)
    assert np.allclose(same, also, atol=1e-5)
    assert not np.allclose(same, other, atol=1e-3)


def test_scores_are_those_of_each_pair_in_order(scorer):
    [together] = done(scorer.runner, Score(id=1, query="add", texts=tuple(TEXTS)))
    alone = done(scorer.runner, *(Score(id=n, query="add", texts=(text,)) for n, text in enumerate(TEXTS)))
    assert isinstance(together, Scored)
    assert np.allclose(together.scores, [answer.scores[0] for answer in alone], atol=1e-4)
    assert len(set(together.scores)) > 1


def test_no_texts_have_no_vectors_and_no_scores(embedder, scorer):
    assert done(embedder.runner, embed(1))[0].data == ""
    assert done(scorer.runner, Score(id=1, query="x", texts=()))[0].scores == ()


@pytest.mark.parametrize("request_", [Score(id=1, query="x", texts=("y",)), Generate(id=1, max_tokens=1)])
def test_a_model_for_vectors_refuses_everything_else(embedder, request_):
    [answer] = done(embedder.runner, request_)
    assert isinstance(answer, Failed)
    assert answer.kind is ErrorKind.REFUSED


def test_a_quantization_that_such_models_do_not_have_is_refused(folders):
    with pytest.raises(EngineRefused, match="fp32, bf16 or fp16"):
        load_embedding(load_plan(folders.embedding, Kind.EMBEDDING, Quantization.NF4), lambda *_: None)


def test_in_bf16_the_vectors_are_nearly_the_same(folders, embedder):
    half = load_embedding(load_plan(folders.embedding, Kind.EMBEDDING, Quantization.BF16), lambda *_: None)
    [exact], [rounded] = (done(built.runner, embed(1, *TEXTS)) for built in (embedder, half))
    assert half.weights_bytes * 2 == embedder.weights_bytes
    assert np.allclose(vectors(exact), vectors(rounded), atol=0.05)


def test_requests_that_wait_go_through_the_model_together_by_length():
    recorder = Recorder()
    for number in range(40):
        recorder.add(number, ["x" * (40 - number)])
    answers = recorder.run()
    assert [len(batch) for batch in recorder.batches] == [32, 8]
    assert [len(item) for item in recorder.batches[0]] == list(range(1, 33))
    assert {number: vectors(answer)[0, 0] for number, answer in answers.items()} == {
        number: 40 - number for number in range(40)
    }


def test_who_types_goes_before_what_runs_in_the_background():
    recorder = Recorder()
    recorder.add(1, ["b"] * 100, Priority.BACKGROUND)
    recorder.runner.step()
    recorder.add(2, ["query"], Priority.TYPING)
    recorder.runner.step()
    assert recorder.batches[1] == ["query"]
    assert recorder.told[0].id == 2
    assert recorder.run().keys() == {1, 2}


def test_a_cancelled_request_is_dropped_between_two_batches():
    recorder = Recorder()
    job = recorder.add(1, ["a"] * 100)
    recorder.runner.step()
    assert recorder.runner.counts().running == 1
    job.cancelled.set()
    assert recorder.run()[1].kind is ErrorKind.CANCELLED
    assert len(recorder.batches) == 1
    assert recorder.runner.counts().running == 0


def test_where_memory_does_not_suffice_smaller_batches_are_tried():
    recorder = Recorder(lambda items: RuntimeError("CUDA out of memory") if len(items) > 4 else None)
    recorder.add(1, [str(number) * (1 + number % 3) for number in range(50)])
    answers = recorder.run()
    assert vectors(answers[1])[:, 0].tolist() == [len(str(n) * (1 + n % 3)) for n in range(50)]


def test_a_text_that_memory_never_suffices_for_fails_its_request_alone():
    recorder = Recorder(lambda items: MemoryError() if "huge" in items else None)
    recorder.add(1, ["a", "huge", "bb"])
    recorder.add(2, ["c", "dd"])
    answers = recorder.run()
    assert answers[1].kind is ErrorKind.OVERLOADED
    assert vectors(answers[2])[:, 0].tolist() == [1, 2]


def test_another_error_is_not_taken_for_a_lack_of_memory():
    recorder = Recorder(lambda _: RuntimeError("shapes differ"))
    recorder.add(1, ["a"])
    with pytest.raises(RuntimeError, match="shapes differ"):
        recorder.runner.step()


@pytest.mark.slow
async def test_a_process_of_its_own_embeds_and_another_scores_in_several_frames(folders, embedder):
    texts = [f"def f{number}(): pass" for number in range(300)] + ["half \ud800 a character"]
    plans = {
        Role.EMBEDDING: load_plan(folders.embedding, Kind.EMBEDDING),
        Role.RERANK: load_plan(folders.scoring, Kind.CROSS_ENCODER),
    }
    async with hosts(COMMAND, first_token=300) as found:
        local = LocalEmbedder(lambda _name, role: plans[role], found)
        model = await local.model("")
        made = await local.embed(model, texts, Priority.BACKGROUND)
        assert (await local.embed(model, [], Priority.TYPING)).shape == (0, 0)
        reranker = LocalReranker(lambda _name, role: plans[role], found)
        scorer = await reranker.model("")
        scores = await reranker.score(scorer, "f7", texts, Priority.TYPING)
        assert await reranker.score(scorer, "f7", [], Priority.TYPING) == []
        with pytest.raises(EngineRefused, match="makes vectors"):
            await found.score(plans[Role.EMBEDDING], Score(id=0, query="x", texts=("y",)))
    [here] = done(embedder.runner, embed(1, *texts[:-1]))
    assert (model.name, model.engine, model.quantization) == ("embedding", "transformers", "fp32")
    assert (made.shape, made.dtype) == ((301, here.dimensions), np.float32)
    assert np.allclose(made[:-1], vectors(here), atol=1e-4)
    assert len(scores) == 301
    assert len(set(scores[:50])) > 1
