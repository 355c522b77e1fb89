"""Engines by entry point."""

from collections.abc import AsyncGenerator
from importlib.metadata import entry_points

from codetune_core.domain.execution import ModelIdentity, Role
from codetune_core.engines.protocol import Chunk, Done, Engine, Generation
from codetune_core.errors import NobodyAnswers, SettingsError
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

GROUP = "codetune.engines"
"""Each entry point names a class with ``from_settings(EngineSettings, Settings) -> Engine``."""

UNSET = frozenset({"", "none", "auto"})
"""Names with which the user has chosen no engine."""


def available() -> list[str]:
    """Return the name of every engine that an installed package offers."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def build(settings: Settings) -> Engine:
    """Make the engine that the settings name.

    Raises SettingsError where none has that name, or where it cannot be made. Where it is none, what is returned says
    so whenever it is asked for something.
    """
    return build_engine(settings.engine, settings)


def build_named(name: str, settings: Settings) -> Engine:
    """Make the one of ``settings.engines`` of that name, or the engine with its defaults; raises SettingsError."""
    return build_engine(settings.engines.get(name) or EngineSettings(name=name), settings)


def build_engine(asked: EngineSettings, settings: Settings) -> Engine:
    """Make the engine that ``asked`` is about; raises SettingsError."""
    if asked.name in settings.engines and (named := settings.engines[asked.name]).name != asked.name:
        return build_engine(named, settings)
    if asked.name in {"", "none"}:
        return NoEngine()
    found = next(iter(entry_points(group=GROUP, name=asked.name)), None)
    if found is None:
        known = [*available(), *settings.engines, "none"]
        raise SettingsError(f"there is no engine {asked.name!r}; set engine.name to {' or '.join(known)}")
    try:
        engine: Engine = found.load().from_settings(asked, settings)
    except SettingsError:
        raise
    except Exception as error:  # a third party's code
        raise SettingsError(f"the engine {asked.name} cannot be loaded: {error}") from error
    return engine


class NoEngine:
    """Stands where no engine is set; ``why`` is told to whoever asks for something."""

    def __init__(self, why: str = "no engine is set") -> None:
        self._why = why

    async def generate(self, generation: Generation) -> AsyncGenerator[Chunk | Done]:  # noqa: ARG002
        raise NobodyAnswers(self._why, _set_one())
        yield  # makes it a generator

    async def model(self, name: str, role: Role = Role.GENERATION) -> ModelIdentity:  # noqa: ARG002
        raise NobodyAnswers(self._why, _set_one())

    def count_tokens(self, model: ModelIdentity, text: str) -> int:  # noqa: ARG002
        raise NobodyAnswers(self._why, _set_one())

    async def aclose(self) -> None:
        """Nothing runs."""


def _set_one() -> str:
    return f"set engine.name in your codetune.toml (available: {', '.join(available())})"
