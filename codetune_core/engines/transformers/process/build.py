"""Loads a model and makes the runner that its kind needs."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from codetune_core.engines.transformers.process.loop import Built, Progress
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.spec import Kind

# torch takes seconds to import: it is imported on the thread that loads, while the process answers already.
# ruff: noqa: PLC0415


def build(plan: LoadPlan, progress: Progress) -> Built:
    """Return a runner with its weights loaded and warmed up; raises whatever keeps it from being loaded."""
    progress("importing torch", 0)
    if plan.spec.kind in {Kind.EMBEDDING, Kind.CROSS_ENCODER}:
        with _importing():
            from codetune_core.engines.transformers.process.embedding import load_embedding

        built = load_embedding(plan, progress)
    else:
        built = _generating(plan, progress)
    progress("warming up", 1)
    built.runner.warm_up()
    return built


def _generating(plan: LoadPlan, progress: Progress) -> Built:
    with _importing():
        from codetune_core.engines.transformers.process.load import load

    loaded = load(plan, progress)
    if plan.spec.kind is Kind.CAUSAL:
        from codetune_core.engines.transformers.process.causal.runner import CausalRunner

        return Built(CausalRunner(loaded, plan), loaded.weights_bytes)
    from codetune_core.engines.transformers.process.seq2seq import Seq2SeqRunner

    return Built(Seq2SeqRunner(loaded, plan), loaded.weights_bytes)


@contextmanager
def _importing() -> Iterator[None]:
    """Collect no garbage meanwhile: imports make none, and looking for it takes a seventh of their time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
