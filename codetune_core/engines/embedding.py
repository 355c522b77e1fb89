"""The Embedder and Reranker protocols: texts to vectors, and texts to scores."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from codetune_core.domain.execution import ModelIdentity, Priority, Role

Vectors = NDArray[np.float32]
"""Embeddings, texts x dimensions, each of length 1."""


class Embedder(Protocol):
    """Texts to vectors.

    Raises an ExecutionError where the engine fails.
    """

    async def model(self, name: str, role: Role = Role.EMBEDDING) -> ModelIdentity:
        """Describe the model; empty for the configured one."""
        ...

    async def embed(self, model: ModelIdentity, texts: Sequence[str], priority: Priority) -> Vectors:
        """Return one vector for each text, in order; no text gives shape (0, 0)."""
        ...

    async def aclose(self) -> None:
        """Hang up."""
        ...


class Reranker(Protocol):
    """How well texts answer a query.

    Raises an ExecutionError where the engine fails.
    """

    async def model(self, name: str, role: Role = Role.RERANK) -> ModelIdentity:
        """Describe the model; empty for the configured one."""
        ...

    async def score(self, model: ModelIdentity, query: str, texts: Sequence[str], priority: Priority) -> list[float]:
        """Return one number for each text, in order; the higher the better, comparable within one call only."""
        ...

    async def aclose(self) -> None:
        """Hang up."""
        ...
