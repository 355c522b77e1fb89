"""LoRA adapters: which of the user's belong to a model."""

import json
from pathlib import Path

from codetune_core.errors import SettingsError
from codetune_core.models.spec import ModelSpec
from codetune_core.sections import ModelSettings


def split_adapter(name: str) -> tuple[str, str]:
    """Split ``model+adapter``; the adapter is empty where none is named."""
    model, _, adapter = name.partition("+")
    return model, adapter


def adapters_for(spec: ModelSpec, settings: ModelSettings, *, asked: str = "") -> dict[str, str]:
    """Return name -> folder of the adapters that were made for a model, or do not say for which.

    Raises SettingsError where the one that is asked for is not among them.
    """
    bases = {name: _base(folder) for name, folder in settings.adapters.items()}
    own = {name: folder for name, folder in settings.adapters.items() if _matches(bases[name], spec)}
    if asked and asked not in settings.adapters:
        known = ", ".join(settings.adapters) or "none"
        raise SettingsError(f"there is no adapter {asked!r} in models.adapters (there: {known})")
    if asked and asked not in own:
        why = f"was made for {bases[asked]}" if bases[asked] else f"is not in {settings.adapters[asked]}"
        raise SettingsError(f"the adapter {asked} {why}, so {spec.name} cannot use it")
    return {name: str(folder.expanduser().absolute()) for name, folder in own.items()}


def _base(folder: Path) -> str | None:
    """Return what an adapter was made for; empty where it does not say, None where it is no adapter."""
    try:
        config = json.loads((folder.expanduser() / "adapter_config.json").read_text("utf-8"))
        return str(config.get("base_model_name_or_path") or "")
    except (OSError, ValueError, AttributeError):
        return None


def _matches(base: str | None, spec: ModelSpec) -> bool:
    if base is None:
        return False
    return not base or Path(base).name.casefold() in {spec.name.casefold(), Path(spec.id).name.casefold()}
