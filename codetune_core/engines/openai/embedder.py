"""Embeddings of an OpenAI-compatible server, in batches."""

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from codetune_core.domain.execution import ModelIdentity, Priority, Role
from codetune_core.engines.embedding import Vectors
from codetune_core.engines.openai.connect import connect
from codetune_core.engines.openai.models import Models
from codetune_core.engines.refused_fields import RefusedFields
from codetune_core.engines.token_bound import token_bound
from codetune_core.errors import EngineLost
from codetune_core.http.refusals import BadStatus
from codetune_core.http.server import HttpServer
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_TEXTS = 32
"""Of one request: what the smallest default of a server (TEI) takes."""
_MOST_TOKENS = 200_000
"""Of one request: OpenAI takes 300,000."""


class OpenAIEmbedder:
    """Texts to vectors of length 1, by one server."""

    def __init__(self, http: HttpServer, models: Models) -> None:
        self._http = http
        self._models = models
        self._fields = RefusedFields()

    @classmethod
    def from_settings(cls, settings: EngineSettings, everything: Settings) -> Self:
        """Connect to nobody yet; raises SettingsError for an address or a certificate that cannot be used."""
        http = connect(settings)
        return cls(http, Models(http, settings, everything))

    async def model(self, name: str, role: Role = Role.EMBEDDING) -> ModelIdentity:
        return await self._models.identity(name, role)

    async def embed(self, model: ModelIdentity, texts: Sequence[str], priority: Priority) -> Vectors:  # noqa: ARG002
        import numpy as np  # noqa: PLC0415 - 0.1 s, and only who embeds needs it

        from codetune_core.engines.unit_vectors import unit_vectors  # noqa: PLC0415

        if not texts:
            return np.zeros((0, 0), np.float32)
        rows = [row for batch in _batches(texts) for row in await self._vectors(model, batch)]
        if len({len(row) for row in rows}) != 1:
            raise EngineLost(f"{self._http.address.base_url} sent vectors of different lengths")
        return unit_vectors(np.asarray(rows, np.float32), self._http.address.base_url)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _vectors(self, model: ModelIdentity, texts: Sequence[str]) -> list["NDArray[np.float32]"]:
        # An empty text is refused by some servers, and a blank means as little.
        body: dict[str, Any] = {"model": model.name, "input": [text or " " for text in texts]}
        answered = await self._posted(model.name, {**body, "encoding_format": "base64"})
        try:
            items = sorted(answered["data"], key=lambda item: int(item["index"]))
            rows = [_row(item["embedding"]) for item in items]
        except (KeyError, TypeError, ValueError) as error:
            raise EngineLost(f"{self._http.address.base_url} sent what are no embeddings: {error}") from error
        if len(rows) != len(texts):
            raise EngineLost(f"{self._http.address.base_url} sent {len(rows)} embeddings for {len(texts)} texts")
        return rows

    async def _posted(self, name: str, body: dict[str, Any]) -> Any:
        """Post, and again without what the server does not take."""
        while True:
            sent = self._fields.without(name, body)
            try:
                return await self._http.post(f"{self._http.address.base_url}/embeddings", sent)
            except BadStatus as refusal:
                if not self._fields.learn(name, sent, refusal):
                    raise await self._models.meaning(name, refusal) from refusal


def _batches(texts: Sequence[str]) -> list[list[str]]:
    batches: list[list[str]] = []
    room = 0
    for text in texts:
        tokens = token_bound(text)
        if not batches or len(batches[-1]) == _MOST_TEXTS or tokens > room:
            batches.append([])
            room = _MOST_TOKENS
        batches[-1].append(text)
        room -= tokens
    return batches


def _row(told: str | list[float]) -> "NDArray[np.float32]":
    """Read a vector: numbers, or the base64 of 32-bit floats in little-endian order."""
    import numpy as np  # noqa: PLC0415

    if isinstance(told, str):
        return np.frombuffer(base64.b64decode(told, validate=True), "<f4").astype(np.float32)
    return np.asarray(told, np.float32).reshape(-1)
