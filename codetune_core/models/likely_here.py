"""Whether a model of the catalogue seems to be on this machine, told by folders alone: nothing heavy is imported."""

import os
from pathlib import Path

from platformdirs import user_data_path

from codetune_core.models.catalogue import read_catalogue
from codetune_core.models.files import is_path
from codetune_core.models.local_extra import missing_parts
from codetune_core.settings import Settings


def is_any_model_likely_here(settings: Settings) -> bool:
    """Say whether it is worth a closer look: weights may be incomplete, or too large for this machine."""
    if missing_parts():
        return False
    models = read_catalogue(settings.models).models.values()
    return any(_has_folder(model.id) or _has_copy(model.name) for model in models)


def _has_folder(model_id: str) -> bool:
    if is_path(model_id):
        return Path(model_id).expanduser().is_dir()
    return (_hub_cache() / f"models--{model_id.replace('/', '--')}" / "snapshots").is_dir()


def _has_copy(name: str) -> bool:
    return (user_data_path("codetune") / "models" / name.replace("/", "--")).is_dir()


def _hub_cache() -> Path:
    """Return where Hugging Face's client keeps what it fetched, by the variables that its documentation names."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{caches}/huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser()
