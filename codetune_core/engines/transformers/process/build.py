"""Loads a model and makes the runner that its kind needs."""

from codetune_core.engines.transformers.process.loop import Built, Progress
from codetune_core.models.load_plan import LoadPlan


def build(plan: LoadPlan, progress: Progress) -> Built:
    """Return a runner with its weights loaded and warmed up; raises whatever keeps it from being loaded."""
    raise NotImplementedError
