"""Counts tokens with a model's own tokenizer, without torch."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def count_tokens(folder: str, text: str) -> int:
    """Return the length of a text in tokens, never too low; may be called from any thread.

    Where the folder has no ``tokenizer.json``, it is the length in bytes: no token is shorter.
    """
    tokenizer = load_tokenizer(folder)
    # A lone surrogate is no text to a tokenizer.
    encoded = text.encode("utf-8", "replace")
    if tokenizer is None:
        return len(encoded) + 1
    return len(tokenizer.encode(encoded.decode(), add_special_tokens=False))


def load_tokenizer(folder: str) -> "Tokenizer | None":
    """Read the tokenizer of a model's folder, once until it changes; None where it has none."""
    path = Path(folder) / "tokenizer.json"
    return _read(str(path), path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=8)
def _read(path: str, changed: int) -> "Tokenizer":  # noqa: ARG001 - a part of the cache's key
    from tokenizers import Tokenizer  # noqa: PLC0415 - start-up stays light

    return Tokenizer.from_file(path)
