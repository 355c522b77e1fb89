"""Embedders and rerankers by entry point."""

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, cast

from codetune_core.errors import SettingsError
from codetune_core.settings import Settings

if TYPE_CHECKING:
    from codetune_core.engines.embedding import Embedder, Reranker

EMBEDDERS, RERANKERS = "codetune.embedders", "codetune.rerankers"
"""Each entry point has the name of an engine, and names a class with ``from_settings(EngineSettings, Settings)``."""
_LOCAL = "transformers"


def build_embedder(settings: Settings) -> "Embedder":
    """Make the embedder of the engine that the settings name; where it has none, that of this machine.

    Raises SettingsError where it cannot be made.
    """
    return cast("Embedder", _build(EMBEDDERS, settings))


def build_reranker(settings: Settings) -> "Reranker":
    """Make the reranker of the engine that the settings name; where it has none, that of this machine.

    Raises SettingsError where it cannot be made.
    """
    return cast("Reranker", _build(RERANKERS, settings))


def _build(group: str, settings: Settings) -> Any:
    asked = settings.engines.get(settings.engine.name) or settings.engine
    offered = {point.name: point for point in entry_points(group=group)}
    point = offered.get(asked.name) or offered[_LOCAL]
    try:
        return point.load().from_settings(asked, settings)
    except SettingsError:
        raise
    except Exception as error:  # a third party's code
        raise SettingsError(f"the {point.name} of {group} cannot be loaded: {error}") from error
