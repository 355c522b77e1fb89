"""Brings a server's vectors to length 1."""

from typing import Any

import numpy as np

from codetune_core.engines.embedding import Vectors
from codetune_core.errors import EngineLost


def unit_vectors(told: Any, where: str) -> Vectors:
    """Return rows of length 1 for an array of texts x dimensions.

    Raises EngineLost, which names ``where`` they come from, for one without a direction.
    """
    lengths = np.linalg.norm(told, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise EngineLost(f"{where} sent a vector that has no direction")
    vectors: Vectors = (told / lengths).astype(np.float32)
    return vectors
