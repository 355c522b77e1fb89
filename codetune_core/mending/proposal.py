"""What one answer of a model proposes: exact edits, or code by its quote with what stands there instead."""

from dataclasses import dataclass

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
