"""The engine ``anthropic``: Claude over the Messages interface, streamed."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Self

from codetune_core.domain.execution import ModelIdentity, Role
from codetune_core.engines.anthropic.answer import Reading
from codetune_core.engines.anthropic.models import Models
from codetune_core.engines.anthropic.request import Body, is_constrained, message_body
from codetune_core.engines.protocol import Chunk, Done, Generation
from codetune_core.engines.refused_fields import RefusedFields
from codetune_core.engines.streaming import pieces
from codetune_core.engines.token_bound import token_bound
from codetune_core.errors import EngineUnusable
from codetune_core.http.refusals import BadStatus
from codetune_core.http.server import HttpServer
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

_VERSION = {"anthropic-version": "2023-06-01"}


class AnthropicEngine:
    """Answers by Claude; it knows no seed, tells no probabilities and fills nothing in."""

    def __init__(self, http: HttpServer, models: Models) -> None:
        self._http = http
        self._models = models
        self._fields = RefusedFields()

    @classmethod
    def from_settings(cls, settings: EngineSettings, everything: Settings) -> Self:
        """Connect to nobody yet; raises SettingsError for an address or a certificate that cannot be used."""
        http = HttpServer(settings, lambda key: {"x-api-key": key}, _VERSION)
        return cls(http, Models(http, settings, everything))

    async def generate(self, generation: Generation) -> AsyncGenerator[Chunk | Done]:
        if generation.infill:
            raise EngineUnusable("anthropic fills nothing in: choose another engine for completions")
        name, asked = generation.model.name, message_body(generation)
        while True:
            body, begun = self._fields.without(name, asked), False
            try:
                async with aclosing(self._answer(generation, body)) as items:
                    async for item in items:
                        begun = True
                        yield item
            except BadStatus as refusal:
                if begun or not self._fields.learn(name, body, refusal):
                    raise await self._models.meaning(name, refusal) from refusal
            else:
                return

    async def model(self, name: str, role: Role = Role.GENERATION) -> ModelIdentity:
        return await self._models.identity(name, role)

    def count_tokens(self, model: ModelIdentity, text: str) -> int:  # noqa: ARG002 - the bound holds for each
        return token_bound(text)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _answer(self, generation: Generation, body: Body) -> AsyncGenerator[Chunk | Done]:
        """Stream an answer."""
        url = f"{self._http.address.base_url}/messages"
        reading = Reading(constrained=is_constrained(generation))
        async with aclosing(pieces(self._http, url, body, reading)) as chunks:
            async for chunk in chunks:
                yield chunk
        yield Done(reading.usage, reading.finish_reason or "stop")
