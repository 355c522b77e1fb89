"""Says what of ``codetune[local]`` is installed, without importing any of it."""

from importlib.util import find_spec

from codetune_core.models.hardware import Device
from codetune_core.models.spec import Kind, ModelSpec, Quantization

INSTALL = "pip install 'codetune[local]'"
_ALWAYS = ("torch", "transformers", "accelerate", "safetensors")
_PARTS = (*_ALWAYS, "bitsandbytes", "peft", "sentence_transformers", "llguidance")
_EMBEDS = {Kind.EMBEDDING, Kind.CROSS_ENCODER}
_PACKED = {Quantization.INT8, Quantization.NF4}


def missing_parts() -> tuple[str, ...]:
    """Return the parts that are not installed, by the names of their packages."""
    return tuple(_package(part) for part in _PARTS if not _installed(part))


def missing_for(spec: ModelSpec) -> tuple[str, ...]:
    """Return the parts without which a model cannot be loaded at all."""
    needed = (*_ALWAYS, *(("sentence_transformers",) if spec.kind in _EMBEDS else ()))
    return tuple(_package(part) for part in needed if not _installed(part))


def can_hold(quantization: Quantization, on: Device) -> bool:
    """Whether weights can be held so on a device: what is packed is bitsandbytes', but for 8 bits on a processor."""
    ours = quantization is Quantization.INT8 and on.name == "cpu"
    return ours or quantization not in _PACKED or _installed("bitsandbytes")


def _installed(part: str) -> bool:
    return find_spec(part) is not None


def _package(part: str) -> str:
    return part.replace("_", "-")
