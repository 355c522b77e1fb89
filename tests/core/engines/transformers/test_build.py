"""A model process makes the runner that the kind of its model needs, and says how far it is."""

import pytest
import small_models

from codetune_core.engines.transformers.process.build import build
from codetune_core.engines.transformers.process.causal.runner import CausalRunner
from codetune_core.engines.transformers.process.embedding import EmbeddingRunner
from codetune_core.engines.transformers.process.seq2seq import Seq2SeqRunner
from codetune_core.models.spec import Kind


@pytest.mark.parametrize(
    ("make", "kind", "runner"),
    [
        (small_models.llama, Kind.CAUSAL, CausalRunner),
        (small_models.t5, Kind.SEQ2SEQ, Seq2SeqRunner),
        (small_models.embedding, Kind.EMBEDDING, EmbeddingRunner),
        (small_models.cross_encoder, Kind.CROSS_ENCODER, EmbeddingRunner),
    ],
)
def test_each_kind_of_model_has_its_runner_warmed_up_and_idle(tmp_path, make, kind, runner):
    told = []
    folder = make(tmp_path / "model")
    built = build(small_models.load_plan(folder, kind), lambda stage, fraction: told.append((stage, fraction)))
    assert type(built.runner) is runner
    weights = sum(weights.size * 4 for weights in small_models.tensors(folder).values())
    assert built.weights_bytes == pytest.approx(weights, rel=0.1)
    assert (told[0], told[-1]) == (("importing torch", 0), ("warming up", 1))
    assert {0 <= fraction <= 1 for _, fraction in told} == {True}
    assert not built.runner.step()
