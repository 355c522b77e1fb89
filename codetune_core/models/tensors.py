"""Reads the sizes of a model of any architecture from the headers of its safetensors, where no formula is known.

The format is that of safetensors: eight bytes with the header's length (little-endian), then JSON, name -> ``shape``.
"""

import json
from collections.abc import Iterator
from math import prod
from pathlib import Path

from codetune_core.models.parameters import Config
from codetune_core.models.spec import Architecture

_LARGEST_HEADER = 100_000_000
"""Bytes, as the library allows."""
_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
_HEADS = ("num_attention_heads", "n_head", "num_heads", "n_heads")
_KV_HEADS = ("num_key_value_heads", "num_kv_heads", "n_head_kv", *_HEADS)
_HIDDEN = ("hidden_size", "n_embd", "d_model")


def counted(folder: Path, config: Config) -> Architecture | None:
    """Return the sizes of the weights in a folder; None where headers or config do not tell them.

    What is no matrix, and what has a side as long as the vocabulary, is taken as never quantized.
    """
    try:
        vocabulary, hidden, heads = config["vocab_size"], _first(config, _HIDDEN), _first(config, _HEADS)
        shapes = list(_shapes(folder))
        whole = sum(prod(shape) for shape in shapes if len(shape) != 2 or vocabulary in shape)  # noqa: PLR2004 - a matrix
        return Architecture(
            parameters=sum(map(prod, shapes)),
            embedding_parameters=whole,
            layers=_first(config, _LAYERS),
            kv_heads=_first(config, _KV_HEADS),
            head_dim=config.get("head_dim") or hidden // heads,
            hidden=hidden,
            vocabulary=vocabulary,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _first(config: Config, names: tuple[str, ...]) -> int:
    """Return the first that the config has; raises ValueError where it has none."""
    found = next((config[name] for name in names if config.get(name)), None)
    if found is None:
        raise ValueError(f"the config has no {names[0]}")
    return int(found)


def _shapes(folder: Path) -> Iterator[list[int]]:
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _LARGEST_HEADER:
                raise ValueError(f"{path.name} has no header")
            header = json.loads(file.read(length))
        yield from (entry["shape"] for name, entry in header.items() if name != "__metadata__")
