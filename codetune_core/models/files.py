"""Where a model's files are on this machine: a folder, the Hugging Face cache, or a copy that CodeTune converted."""

import json
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from codetune_core.domain.canonical import digest
from codetune_core.models.spec import ModelSpec, Quantization

SAFETENSORS = "model.safetensors"
PICKLE = "pytorch_model.bin"
_PACKED = {Quantization.INT8, Quantization.NF4}


def named_folder(name: str) -> Path | None:
    """Return the folder whose path a name is; None for what may be an id of the Hub.

    So a workspace that one happens to work in, and that has a folder called like a model, cannot put its own in place.
    """
    path = Path(name).expanduser()
    return path.absolute() if is_path(name) and path.is_dir() else None


def is_path(name: str) -> bool:
    """Tell whether a model's name is looked for as a folder."""
    return Path(name).is_absolute() or name.startswith((".", "~")) or name.count("/") > 1


def source_folder(spec: ModelSpec) -> Path | None:
    """Return the folder with a model's config, as it was published; None where it is not on this machine."""
    if folder := named_folder(spec.id):
        return folder
    if Path(spec.id).is_absolute() or spec.id.count("/") > 1:
        return None
    import huggingface_hub  # noqa: PLC0415 - start-up stays light
    from huggingface_hub.errors import HFValidationError  # noqa: PLC0415

    try:
        found = huggingface_hub.try_to_load_from_cache(spec.id, "config.json", revision=spec.revision or None)
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def converted_folder(spec: ModelSpec, quantization: Quantization) -> Path:
    """Return where CodeTune's own copy of a model is or would be, with its weights in safetensors."""
    return user_data_path("codetune") / "models" / spec.name.replace("/", "--") / quantization


def has_weights(folder: Path, name: str = SAFETENSORS) -> bool:
    """Whether all weights are in a folder, in one file or in all parts that its index names."""
    if (folder / name).is_file():
        return True
    try:
        index = json.loads((folder / f"{name}.index.json").read_text("utf-8"))
        parts = set(index["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return bool(parts) and all((folder / str(part)).is_file() for part in parts)


def has_pickle(folder: Path) -> bool:
    """Whether the weights are there, as pickle, which is never loaded."""
    return has_weights(folder, PICKLE)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with weights in safetensors, and whether they are quantized so already."""

    folder: Path
    prequantized: bool = False


def located(spec: ModelSpec, quantization: Quantization) -> Place | None:
    """Return what a model is loaded from at a quantization; None where the files for it are not here.

    A copy that was quantized so goes before the published weights, and those before a copy of them in another type.
    """
    copy = converted_folder(spec, quantization)
    if quantization in _PACKED and has_weights(copy):
        return Place(copy, prequantized=True)
    whole = [source_folder(spec), *(converted_folder(spec, each) for each in Quantization if each not in _PACKED)]
    return next((Place(folder) for folder in whole if folder and has_weights(folder)), None)


def is_here(spec: ModelSpec) -> bool:
    """Whether its weights are on this machine, ready to be loaded at one quantization at least."""
    return any(located(spec, quantization) for quantization in spec.quantizations)


def contents(folder: Path) -> str:
    """Return a digest that changes where a file of a model does, by its size and time: weights are too long to read."""
    found = sorted([*folder.glob("*"), *folder.glob("*/config.json")])
    stats = [(str(path.relative_to(folder)), path.stat()) for path in found if path.is_file()]
    return digest([str(folder), *((name, about.st_size, about.st_mtime_ns) for name, about in stats)])
