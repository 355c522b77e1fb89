"""Vectors and scores from Hugging Face: its own inference service, or an Endpoint of text-embeddings-inference.

Of the Inference Providers only ``hf-inference`` is asked for vectors: others serve weights under names of their own,
and vectors of different weights must not be mixed. Scores need an Endpoint.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Self

from codetune_core.domain.execution import ModelIdentity, Priority, Role
from codetune_core.domain.text import encodable
from codetune_core.engines.embedding import Vectors
from codetune_core.engines.huggingface.endpoint import describe
from codetune_core.engines.huggingface.fresh import Fresh
from codetune_core.engines.huggingface.session import Session
from codetune_core.errors import EngineLost, EngineUnusable
from codetune_core.models.catalogue import read_catalogue
from codetune_core.models.choose import wanted
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

_SERVICE = "hf-inference"
_CONTEXT_UNKNOWN = 512
"""Of the models of which the catalogue knows nothing, as most that make vectors."""
_ENDPOINT_SECONDS = 60
"""After this an Endpoint is asked again what it runs."""
_MOST_TEXTS = 32
"""Of one request: the default of text-embeddings-inference."""


class HuggingFaceEmbedder:
    """Texts to vectors of length 1; texts that are too long are cut at their end by the server."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self._session = session
        self._settings = settings
        self._endpoint = Fresh(partial(describe, session), _ENDPOINT_SECONDS)

    @classmethod
    def from_settings(cls, settings: EngineSettings, everything: Settings) -> Self:
        """Connect to nobody yet; raises SettingsError for settings that cannot be used."""
        return cls(Session(settings), everything)

    async def model(self, name: str, role: Role = Role.EMBEDDING) -> ModelIdentity:
        asked = name or wanted(role, self._settings) or self._session.asked.model
        if not self._session.is_router:
            return (await self._endpoint.get()).identity(asked)
        if self._session.asked.provider not in {"auto", _SERVICE}:
            raise EngineUnusable(
                f"vectors come from {_SERVICE} or a dedicated Endpoint (engine.base_url), not from the provider"
                f" {self._session.asked.provider}: for that use the engine openai with its address"
            )
        if not asked:
            raise EngineUnusable("set models.embedding to an id such as sentence-transformers/all-MiniLM-L6-v2")
        spec = read_catalogue(self._settings.models).named(asked)
        return ModelIdentity(
            spec.id if spec else asked, "huggingface", spec.context_tokens if spec else _CONTEXT_UNKNOWN
        )

    async def embed(self, model: ModelIdentity, texts: Sequence[str], priority: Priority) -> Vectors:  # noqa: ARG002
        import numpy as np  # noqa: PLC0415 - 0.1 s, and only who embeds needs it

        if not texts:
            return np.zeros((0, 0), np.float32)
        parts = [await self._batch(model, batch) for batch in _batches(texts)]
        if len({part.shape[1] for part in parts}) != 1:
            raise EngineLost(f"{self._session.address.base_url} sent vectors of different lengths")
        vectors: Vectors = np.concatenate(parts)
        return vectors

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.aclose()

    async def _batch(self, model: ModelIdentity, texts: list[str]) -> Vectors:
        async with self._session.client(model.name, self._url(model)) as client:
            deadline = self._session.first_deadline
            told = await self._session.started(
                # It is given a list, which the server takes and huggingface_hub hands on, though it says a text.
                lambda: client.feature_extraction(texts, normalize=True, truncate=True),
                deadline,
            )
        return self._normalized(told, len(texts))

    def _normalized(self, told: Any, number: int) -> Vectors:
        from codetune_core.engines.unit_vectors import unit_vectors  # noqa: PLC0415 - it imports numpy

        where = self._session.address.base_url
        if told.ndim != 2 or len(told) != number:  # noqa: PLR2004 - texts x dimensions
            raise EngineLost(
                f"{where} sent an array of shape {told.shape} for {number} texts: is it a model for vectors?"
            )
        return unit_vectors(told, where)

    def _url(self, model: ModelIdentity) -> str:
        root = self._session.address.root
        return f"{root}/{_SERVICE}/models/{model.name}/pipeline/feature-extraction" if self._session.is_router else root


class HuggingFaceReranker:
    """How well texts answer a query, by a cross-encoder on an Endpoint: ``POST /rerank``, raw scores."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self._session = session
        self._settings = settings
        self._endpoint = Fresh(partial(describe, session), _ENDPOINT_SECONDS)

    @classmethod
    def from_settings(cls, settings: EngineSettings, everything: Settings) -> Self:
        """Connect to nobody yet; raises SettingsError for settings that cannot be used."""
        return cls(Session(settings), everything)

    async def model(self, name: str, role: Role = Role.RERANK) -> ModelIdentity:
        if self._session.is_router:
            raise EngineUnusable(
                "Inference Providers do not rerank: set engine.base_url to an Endpoint with text-embeddings-inference"
            )
        asked = name or wanted(role, self._settings) or self._session.asked.model
        return (await self._endpoint.get()).identity(asked)

    async def score(
        self,
        model: ModelIdentity,
        query: str,
        texts: Sequence[str],
        priority: Priority,  # noqa: ARG002 - the server has no field for it
    ) -> list[float]:
        url, scores = f"{self._session.address.root}/rerank", []
        for batch in _batches(texts):
            body = {"query": encodable(query), "texts": batch, "raw_scores": True, "truncate": True}
            scores += self._read(await self._session.json("POST", url, body, model.name), len(batch))
        return scores

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.aclose()

    def _read(self, told: Any, number: int) -> list[float]:
        """Read ``[{"index", "score"}]``, which comes in the order of the scores."""
        try:
            found = {int(one["index"]): float(one["score"]) for one in told}
        except (KeyError, TypeError, ValueError) as error:
            raise EngineLost(f"{self._session.address.base_url} sent what are no scores") from error
        if set(found) != set(range(number)):
            raise EngineLost(f"{self._session.address.base_url} sent {len(found)} scores for {number} texts")
        return [found[index] for index in range(number)]


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), _MOST_TEXTS):
        # An empty text is refused by some servers, and a blank means as little.
        yield [encodable(text) or " " for text in texts[start : start + _MOST_TEXTS]]
