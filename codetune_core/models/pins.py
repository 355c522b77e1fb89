"""Pins a model at its first pull: the commit that it was, and the SHA-256 of each file of weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, ValidationError

from codetune_core.errors import SettingsError
from codetune_core.models.spec import ModelSpec
from codetune_core.workspace.write import replace_file


class Pin(BaseModel):
    """What was pulled: a commit, and file name -> SHA-256 in hexadecimal digits."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    revision: str
    files: dict[str, str] = {}


def pinned(spec: ModelSpec) -> ModelSpec:
    """Return a model with its pin; what the catalogue says itself goes before."""
    return pinned_all({spec.name: spec})[spec.name]


def pinned_all(specs: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
    """Return models with their pins, which are read once."""
    pins = _read()
    return {name: _with(spec, pins.get(spec.id)) for name, spec in specs.items()}


def _with(spec: ModelSpec, pin: Pin | None) -> ModelSpec:
    if spec.revision or pin is None:
        return spec
    return spec.model_copy(update={"revision": pin.revision, "files": {**pin.files, **spec.files}})


def pin(spec: ModelSpec, revision: str, files: dict[str, str]) -> None:
    """Remember what a model was when it was pulled; raises SettingsError where that cannot be written."""
    pins = _read() | {spec.id: Pin(revision=revision, files=files)}
    path = _path()
    text = json.dumps({name: each.model_dump() for name, each in sorted(pins.items())}, indent=1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode())
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error}") from error


def _path() -> Path:
    return user_data_path("codetune") / "models" / "pins.json"


def _read() -> dict[str, Pin]:
    """Return all pins; raises SettingsError for a file that cannot be read, since a lost pin trusts whatever comes."""
    path = _path()
    try:
        content: Any = json.loads(path.read_text("utf-8"))
        return {name: Pin.model_validate(each) for name, each in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, ValidationError) as error:
        raise SettingsError(
            f"{path} cannot be read, which says what your models were when you pulled them: {error}. Mend it, or "
            "remove it to trust what the next pulls find"
        ) from error
