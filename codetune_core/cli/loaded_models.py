"""The models that are loaded now, in processes that all windows and terminals share, for people and for scripts."""

from collections.abc import Iterable
from typing import Any

from codetune_core.cli.formats.visible import visible
from codetune_core.engines.transformers.engine import TransformersEngine
from codetune_core.engines.transformers.wire import Status
from codetune_core.errors import SettingsError
from codetune_core.models.memory import gigabytes
from codetune_core.settings import Settings

_KEYS = {"model", "quantization", "device", "pid", "bytes_needed", "running", "waiting", "idle_seconds"}


async def loaded_models(settings: Settings) -> list[Status]:
    """Return what each model process of this user says of itself; none where this system has no Unix sockets."""
    try:
        engine = TransformersEngine.from_settings(settings.engine, settings)
    except SettingsError:
        return []
    try:
        return sorted(await engine.loaded(), key=lambda each: each.model)
    finally:
        await engine.aclose()


def loaded_as_text(loaded: Iterable[Status]) -> list[str]:
    """Return a line for each."""
    return [f"{visible(each.model)} {_how(each)}, {_busy(each)}" for each in loaded]


def loaded_as_json(loaded: Iterable[Status]) -> list[dict[str, Any]]:
    """Return an object for each; sizes in bytes."""
    return [each.model_dump(mode="json", include=_KEYS) for each in loaded]


def _how(status: Status) -> str:
    if not status.loaded:
        return "is being loaded"
    return f"as {status.quantization} on {status.device}, {gigabytes(status.bytes_needed)}"


def _busy(status: Status) -> str:
    if status.running or status.waiting:
        return f"{status.running} running, {status.waiting} waiting"
    return f"unused for {status.idle_seconds:.0f} s"
