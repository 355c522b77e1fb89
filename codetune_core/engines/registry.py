"""Engines by entry point."""

from collections.abc import AsyncGenerator
from importlib.metadata import entry_points

from codetune_core.domain.execution import ModelIdentity
from codetune_core.engines.protocol import Chunk, Done, Engine, Generation
from codetune_core.errors import SettingsError
from codetune_core.sections import EngineSettings

GROUP = "codetune.engines"
"""Each entry point names a class with ``from_settings(EngineSettings) -> Engine``."""


def available() -> list[str]:
    """Return the name of every engine that an installed package offers."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def build(settings: EngineSettings) -> Engine:
    """Make the engine that the settings name.

    Raises SettingsError where none has that name, or where it cannot be made. Where no engine is named, what is
    returned says so whenever it is asked for something.
    """
    if not settings.name:
        return NoEngine()
    found = next(iter(entry_points(group=GROUP, name=settings.name)), None)
    if found is None:
        raise SettingsError(f"there is no engine {settings.name!r}; set engine.name to {' or '.join(available())}")
    try:
        engine: Engine = found.load().from_settings(settings)
    except SettingsError:
        raise
    except Exception as error:  # a third party's code
        raise SettingsError(f"the engine {settings.name} cannot be loaded: {error}") from error
    return engine


class NoEngine:
    """Stands where no engine is set."""

    async def generate(self, generation: Generation) -> AsyncGenerator[Chunk | Done]:  # noqa: ARG002
        raise none_set()
        yield  # makes it a generator

    async def model(self, name: str) -> ModelIdentity:  # noqa: ARG002
        raise none_set()

    def count_tokens(self, model: ModelIdentity, text: str) -> int:  # noqa: ARG002
        raise none_set()

    async def aclose(self) -> None:
        """Nothing runs."""


def none_set() -> SettingsError:
    """Return the error that says which engines there are to set."""
    names = ", ".join(available())
    return SettingsError(f"no engine is set: set engine.name in your codetune.toml (available: {names})")
