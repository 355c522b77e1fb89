"""What one answer of a model proposes: exact edits, or code by its quote with what stands there instead."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codetune_core.domain.text import Edit


@dataclass(frozen=True, slots=True)
class Replaced:
    """Code, copied more or less exactly, and its new text."""

    quote: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a model proposes.

    Attributes:
        edits: of exact places.
        replaced: to be found by their quotes.
        refused: why the answer gives nothing to try, in words that a model can mend it by; empty where it does.
    """

    edits: tuple[Edit, ...] = ()
    replaced: tuple[Replaced, ...] = ()
    refused: str = ""


UNFIT = Proposal(refused="the answer has not the form that was asked for")


def content(output: str) -> Mapping[str, Any]:
    """Return an answer in JSON; nothing for anything else."""
    try:
        read = json.loads(output)
    except (ValueError, RecursionError):
        read = None
    return read if isinstance(read, dict) else {}


def quoted(steps: Sequence[Any]) -> Proposal:
    """Return what steps propose, each a ``quote`` and its ``replacement``; those that are the same change nothing."""
    try:
        pairs = [Replaced(step["quote"], step["replacement"]) for step in steps]
    except (TypeError, KeyError):
        return UNFIT
    if not all(isinstance(text, str) for each in pairs for text in (each.quote, each.replacement)):
        return UNFIT
    return Proposal(replaced=tuple(each for each in pairs if each.quote != each.replacement))
