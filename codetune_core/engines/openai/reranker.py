"""Scores of a server that reranks, in the way that vLLM, llama.cpp and Jina share: ``POST /v1/rerank``."""

from collections.abc import Sequence
from typing import Any, Self

from codetune_core.domain.execution import ModelIdentity, Priority, Role
from codetune_core.engines.openai.connect import connect
from codetune_core.engines.openai.models import Models
from codetune_core.errors import EngineLost, EngineUnusable
from codetune_core.http.refusals import BadStatus
from codetune_core.http.server import HttpServer
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

_NOT_THERE = {404, 405, 501}


class OpenAIReranker:
    """How well texts answer a query, by one server."""

    def __init__(self, http: HttpServer, models: Models) -> None:
        self._http = http
        self._models = models

    @classmethod
    def from_settings(cls, settings: EngineSettings, everything: Settings) -> Self:
        """Connect to nobody yet; raises SettingsError for an address or a certificate that cannot be used."""
        http = connect(settings)
        return cls(http, Models(http, settings, everything))

    async def model(self, name: str, role: Role = Role.RERANK) -> ModelIdentity:
        return await self._models.identity(name, role)

    async def score(
        self,
        model: ModelIdentity,
        query: str,
        texts: Sequence[str],
        priority: Priority,  # noqa: ARG002 - no server has a field for it
    ) -> list[float]:
        if not texts:
            return []
        body = {"model": model.name, "query": query, "documents": list(texts), "top_n": len(texts)}
        address = self._http.address.base_url
        try:
            answered = await self._http.post(f"{address}/rerank", body)
        except BadStatus as refusal:
            if refusal.status in _NOT_THERE and "model" not in refusal.message.lower():
                raise EngineUnusable(f"{address} does not rerank: use vLLM or llama.cpp with a reranker") from refusal
            raise await self._models.meaning(model.name, refusal) from refusal
        try:
            return _scores(answered, len(texts))
        except (KeyError, TypeError, ValueError) as error:
            raise EngineLost(f"{address} sent what are no scores: {error}") from error

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def _scores(answered: Any, number: int) -> list[float]:
    """Read ``{"results": [{"index", "relevance_score"}]}``, which comes in the order of the scores."""
    results = answered["results"]
    found = {int(result["index"]): float(result["relevance_score"]) for result in results}
    if set(found) != set(range(number)):
        raise ValueError(f"{len(found)} scores for {number} texts")
    return [found[index] for index in range(number)]
