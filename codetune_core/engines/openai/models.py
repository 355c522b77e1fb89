"""The models of a server as ModelIdentities: which one is meant, how long its context is, how it fills in."""

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import replace

from codetune_core.domain.execution import ModelIdentity, Role
from codetune_core.engines.openai.listing import Kind, Listing, ServerModel, look, ollama_context, ollama_inserts
from codetune_core.errors import EngineUnusable, ExecutionError
from codetune_core.http.refusals import BadStatus
from codetune_core.http.server import HttpServer
from codetune_core.models.catalogue import Catalogue, read_catalogue
from codetune_core.models.spec import ModelSpec
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

_LOOK_AGAIN_SECONDS = 60
_CHOSEN_BY_USER = {Kind.OPENAI, Kind.ROUTER}
"""They have so many models that their first says nothing."""
_OPENAI_CONTEXTS = {
    "gpt-5": 400_000,
    "gpt-4.1": 1_047_576,
    "gpt-4o": 128_000,
    "gpt-4-turbo": 128_000,
    "gpt-4": 8_192,
    "gpt-3.5-turbo": 16_385,
    "o1": 200_000,
    "o3": 200_000,
    "o4": 200_000,
    "text-embedding-": 8_192,
}
"""Beginning of a name -> tokens, by OpenAI's list of models of 2025-08: its interface does not tell."""
_UNKNOWN_CONTEXT = 8_192
_TOLD_CONTEXT = re.compile(r"context (?:length|size|window)\D{0,30}?(\d{3,8})\b")


class Models:
    """What a server has, asked for at most once a minute."""

    def __init__(self, http: HttpServer, asked: EngineSettings, settings: Settings) -> None:
        self._http = http
        self._asked = asked
        self._settings = settings
        self._listing: Listing | None = None
        self._looked_at = 0.0
        self._looking = asyncio.Lock()
        self._contexts: dict[str, int] = {}
        self._inserts: dict[str, bool] = {}
        self._catalogue: Catalogue | None = None

    async def kind(self) -> Kind:
        """Return what the server is; raises what `look` raises."""
        return (self._listing or await self._fresh()).kind

    async def identity(self, name: str, role: Role) -> ModelIdentity:
        """Describe the model of a name, else the one that the settings mean, else the server's first for the role.

        Raises an ExecutionError: EngineUnusable where none is meant, and what the server's refusal means.
        """
        with self._http.in_words():
            listing = await self._fresh()
            meant = name or self._asked.model or self._by_role(role)
            found = listing.find(meant) if meant else self._first(listing, role)
            model = found or self._unlisted(listing, meant)
            context = await self._context(listing.kind, model)
        return ModelIdentity(model.name, self._asked.name, context, model.revision, source=self._http.address.base_url)

    async def spec(self, name: str) -> ModelSpec | None:
        """Return what the catalogue knows of a model."""
        if self._catalogue is None:
            self._catalogue = await asyncio.to_thread(read_catalogue, self._settings.models)
        return self._catalogue.named(name)

    async def fills_in(self, name: str, *, has_own: bool) -> bool:
        """Say whether a model is known to; ``has_own`` is whether llama.cpp's own interface has not refused it."""
        kind, spec = await self.kind(), await self.spec(name)
        if kind is Kind.OLLAMA:
            if name not in self._inserts:
                self._inserts[name] = await ollama_inserts(self._http, name)
            return self._inserts[name]
        if kind is Kind.ROUTER:  # it offers chat only
            return False
        return bool(spec and spec.infill) or (kind is Kind.LLAMA_CPP and has_own)

    async def meaning(self, name: str, refusal: BadStatus) -> ExecutionError:
        """Return the error that says what a refusal means for a model; one that is missing is told those that are."""
        if refusal.is_too_long and (told := _TOLD_CONTEXT.search(refusal.message)):
            self._contexts[name] = int(told[1])
        not_found = refusal.status == 404 and "model" in refusal.message.lower()  # noqa: PLR2004 - Not Found
        # `transformers serve` breaks down over a model that it does not have.
        broken = refusal.status == 500  # noqa: PLR2004 - Internal Server Error
        if not_found or broken or refusal.code == "model_not_found":
            with suppress(BadStatus, ExecutionError):
                listing = await self._fresh()
                if not broken or (listing.models and listing.find(name) is None):
                    return self._missing(name, listing)
        return self._http.meaning(refusal)

    def _missing(self, name: str, listing: Listing) -> ExecutionError:
        pull = f", or run `ollama pull {name}`" if listing.kind is Kind.OLLAMA else ""
        where = self._http.address.base_url
        return EngineUnusable(f"{where} has no model {name}; {listing.names()}: set engine.model{pull}")

    async def _fresh(self) -> Listing:
        async with self._looking:
            if self._listing is None or time.monotonic() - self._looked_at > _LOOK_AGAIN_SECONDS:
                self._listing = await look(self._http)
                self._looked_at = time.monotonic()
            return self._listing

    def _by_role(self, role: Role) -> str:
        name = str(getattr(self._settings.models, role))
        return "" if name == "auto" else name

    def _first(self, listing: Listing, role: Role) -> ServerModel:
        found = None if listing.kind in _CHOSEN_BY_USER else listing.first(role)
        if found is None:
            where = self._http.address.base_url
            raise EngineUnusable(f"which model of {where} is meant for {role}? Set engine.model; {listing.names()}")
        return found

    @staticmethod
    def _unlisted(listing: Listing, name: str) -> ServerModel:
        """Describe a model that is not listed by its name: the router of Hugging Face takes ``model:provider``."""
        known = listing.find(name.partition(":")[0]) if listing.kind is Kind.ROUTER else None
        return replace(known, name=name) if known else ServerModel(name)

    async def _context(self, kind: Kind, model: ServerModel) -> int:
        if model.context_tokens:
            return model.context_tokens
        if model.name not in self._contexts and kind is Kind.OLLAMA:
            self._contexts[model.name] = await ollama_context(self._http, model.name)
        if model.name in self._contexts:
            return self._contexts[model.name]
        if spec := await self.spec(model.name):
            return spec.context_tokens
        beginnings = [start for start in _OPENAI_CONTEXTS if model.name.startswith(start)]
        return _OPENAI_CONTEXTS[max(beginnings, key=len)] if beginnings else _UNKNOWN_CONTEXT
