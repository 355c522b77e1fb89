"""The engine ``auto``: finds out who can answer when somebody asks, and lets them."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from codetune_core.domain.execution import ModelIdentity, Role
from codetune_core.engines.protocol import Chunk, Done, Engine, Generation, InfillingEngine, fills_in
from codetune_core.engines.registry import build_engine
from codetune_core.engines.socket_owner import is_ours
from codetune_core.errors import CodeTuneError, NobodyAnswers
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

if TYPE_CHECKING:
    from codetune_core.engines.serving import Serving

_SERVER = "start a server such as Ollama, or set engine.base_url in your codetune.toml"
_ASK_AGAIN_SECONDS = 30
"""After this, where nobody was found, it is looked for again."""


@dataclass(frozen=True, slots=True)
class _Found:
    serving: "Serving"
    at: float

    @property
    def holds(self) -> bool:
        """Whether it need not be looked for again."""
        if self.serving.engine is None:
            return time.monotonic() - self.at < _ASK_AGAIN_SECONDS
        return self.serving.port == 0 or is_ours(self.serving.port)


class AutoEngine(InfillingEngine):
    """Asks the engine that `serving` chooses, by role and name; after a failure it is chosen anew."""

    def __init__(self, asked: EngineSettings, settings: Settings, build: Callable[..., Engine] = build_engine) -> None:
        self._asked = asked
        self._settings = settings
        self._build = build
        self._found: dict[tuple[str, Role], _Found] = {}
        self._engines: dict[EngineSettings, Engine] = {}
        self._owners: dict[ModelIdentity, tuple[str, Role]] = {}

    @classmethod
    def from_settings(cls, settings: EngineSettings, everything: Settings) -> Self:
        """Look for nobody yet."""
        return cls(settings, everything)

    async def generate(self, generation: Generation) -> AsyncGenerator[Chunk | Done]:
        asked = self._owners.get(generation.model, (generation.model.name, Role.GENERATION))
        engine, _ = await self._engine(*asked)
        try:
            async with aclosing(engine.generate(generation)) as answer:
                async for item in answer:
                    yield item
        except CodeTuneError:
            self._found.pop(asked, None)
            raise

    async def model(self, name: str, role: Role = Role.GENERATION) -> ModelIdentity:
        engine, model = await self._engine(name, role)
        try:
            identity = await engine.model(model, role)
        except CodeTuneError:
            self._found.pop((name, role), None)
            raise
        self._owners[identity] = (name, role)
        return identity

    async def fills_in(self, model: ModelIdentity) -> bool:
        asked = self._owners.get(model, (model.name, Role.GENERATION))
        engine, _ = await self._engine(*asked)
        return await fills_in(engine, model)

    def count_tokens(self, model: ModelIdentity, text: str) -> int:
        found = self._found.get(self._owners.get(model, ("", Role.GENERATION)))
        if found and found.serving.engine:
            return self._engines[found.serving.engine].count_tokens(model, text)
        return len(text.encode("utf-8", "surrogatepass"))

    async def aclose(self) -> None:
        for engine in self._engines.values():
            await engine.aclose()

    async def _engine(self, name: str, role: Role) -> tuple[Engine, str]:
        """Return who answers and the model's name there; raises SettingsError where nobody does."""
        from codetune_core.engines.serving import serving  # noqa: PLC0415 - commands that ask nobody do not wait for it

        found = self._found.get((name, role))
        if found is None or not found.holds:
            found = _Found(await serving(self._asked, self._settings, role, name), time.monotonic())
            self._found[name, role] = found
        chosen = found.serving
        if chosen.engine is None:
            raise NobodyAnswers(f"no engine is set, and none was found: {chosen.reasons}", *chosen.ways, _SERVER)
        if chosen.engine not in self._engines:
            self._engines[chosen.engine] = self._build(chosen.engine, self._settings)
        return self._engines[chosen.engine], chosen.model
