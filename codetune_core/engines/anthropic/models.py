"""The models of Anthropic's interface as ModelIdentities."""

import asyncio
import time
from typing import Any

from codetune_core.domain.execution import ModelIdentity, Role
from codetune_core.errors import EngineUnusable, ExecutionError
from codetune_core.http.refusals import BadStatus
from codetune_core.http.server import HttpServer
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

_LOOK_AGAIN_SECONDS = 600
_CONTEXT = 200_000
"""Of every model since Claude 2.1, by Anthropic's list of models of 2025-11, where the interface does not tell more."""
_NO_VECTORS = {Role.EMBEDDING, Role.RERANK}


class Models:
    """What the account can use, asked for at most every ten minutes."""

    def __init__(self, http: HttpServer, asked: EngineSettings, settings: Settings) -> None:
        self._http = http
        self._asked = asked
        self._settings = settings
        self._contexts: dict[str, int] | None = None
        self._looked_at = 0.0
        self._looking = asyncio.Lock()

    async def identity(self, name: str, role: Role) -> ModelIdentity:
        """Describe the model of a name, else the one that the settings mean for the role.

        Raises an ExecutionError: EngineUnusable where none is meant, and what the server's refusal means.
        """
        if role in _NO_VECTORS:
            raise EngineUnusable(f"anthropic has no model for {role}: choose another engine for it")
        meant = name or self._asked.model or self._by_role(role)
        with self._http.in_words():
            contexts = await self._fresh()
        if not meant:
            raise EngineUnusable(f"which model is meant? Set engine.model; {_names(contexts)}")
        context = contexts.get(meant) or self._of_newest(meant, contexts) or _CONTEXT
        return ModelIdentity(meant, self._asked.name, context, source=self._http.address.base_url)

    async def meaning(self, name: str, refusal: BadStatus) -> ExecutionError:
        """Return the error that says what a refusal means for a model; one that is missing is told those that are."""
        if refusal.status == 404 and "model" in refusal.message:  # noqa: PLR2004 - Not Found
            try:
                there = _names(await self._fresh())
            except (BadStatus, ExecutionError):
                return self._http.meaning(refusal)
            return EngineUnusable(f"{self._http.address.base_url} has no model {name}; {there}: set engine.model")
        return self._http.meaning(refusal)

    def _by_role(self, role: Role) -> str:
        name = str(getattr(self._settings.models, role))
        return "" if name == "auto" else name

    @staticmethod
    def _of_newest(alias: str, contexts: dict[str, int]) -> int | None:
        """Return the context of the model that an alias such as ``claude-sonnet-4-5-latest`` stands for."""
        start = alias.removesuffix("-latest")
        found = [context for name, context in contexts.items() if name.startswith(start)]
        return min(found) if found else None

    async def _fresh(self) -> dict[str, int]:
        async with self._looking:
            if self._contexts is None or time.monotonic() - self._looked_at > _LOOK_AGAIN_SECONDS:
                self._contexts = await self._look()
                self._looked_at = time.monotonic()
            return self._contexts

    async def _look(self) -> dict[str, int]:
        try:
            answered = await self._http.get(f"{self._http.address.base_url}/models?limit=1000")
        except BadStatus as refusal:
            if refusal.status in {404, 405, 501}:  # what speaks the interface in Anthropic's place may have no list
                return {}
            raise
        cards = answered.get("data") if isinstance(answered, dict) else None
        return {card["id"]: _context(card) for card in cards or [] if isinstance(card, dict) and card.get("id")}


def _context(card: dict[str, Any]) -> int:
    told = card.get("max_input_tokens")
    return told if isinstance(told, int) and told > 0 else _CONTEXT


def _names(contexts: dict[str, int]) -> str:
    return f"it has {', '.join(contexts)}" if contexts else "it lists no models"
