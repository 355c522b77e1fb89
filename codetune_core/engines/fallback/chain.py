"""The links of a chain: its engines with their settings and breakers, built in the order of the settings."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from codetune_core.domain.execution import ModelIdentity
from codetune_core.engines.fallback.breaker import Breaker, State
from codetune_core.engines.protocol import Engine
from codetune_core.engines.registry import build_named
from codetune_core.errors import SettingsError
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

_NAME = "fallback"


@dataclass(slots=True)
class Link:
    """One engine of a chain; ``identity`` is the model that it was last asked for."""

    name: str
    engine: Engine
    settings: EngineSettings = field(default_factory=EngineSettings)
    breaker: Breaker = field(default_factory=Breaker)
    identity: ModelIdentity | None = None


@dataclass(frozen=True, slots=True)
class LinkState:
    """How an engine of a chain stands; ``seconds_open`` until it is tried again."""

    name: str
    state: State
    last_error: str
    seconds_open: float


def links(chain: tuple[str, ...], settings: Settings) -> tuple[Link, ...]:
    """Build the engines of a chain; raises SettingsError."""
    if not chain:
        raise SettingsError("the engine fallback needs engine.chain: the names of the engines to ask, in order")
    if len(set(chain)) < len(chain):
        raise SettingsError(f"engine.chain names an engine twice: {', '.join(chain)}")
    for name in chain:
        _check(name, settings, ())
    return tuple(Link(name, build_named(name, settings), _section(name, settings)) for name in chain)


def _check(name: str, settings: Settings, above: tuple[str, ...]) -> None:
    """Follow a name to its end; raises SettingsError where it leads to itself."""
    for step in _steps(name, settings):
        if step in above or (step == _NAME and step not in settings.engines):
            raise SettingsError(f"the chain of engines contains itself: {' -> '.join((*above, step))}")
        above = (*above, step)
    section = _section(above[-1], settings)
    for inner in section.chain if section.name == _NAME else ():
        _check(inner, settings, above)


def _steps(name: str, settings: Settings) -> Iterator[str]:
    """The name, and the names for which it stands."""
    while True:
        yield name
        following = _section(name, settings).name
        if following == name or following not in settings.engines:
            return
        name = following


def _section(name: str, settings: Settings) -> EngineSettings:
    return settings.engines.get(name) or EngineSettings(name=name)
