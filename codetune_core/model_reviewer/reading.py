"""What is read of a document before a model is asked: its units, and its text without what only people read."""

from dataclasses import dataclass

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position, Range


@dataclass(frozen=True, slots=True)
class Unit:
    """What a model is asked about at once: a function, what stands at module level, or a whole file.

    Attributes:
        name: qualified name of the function; empty for the others.
        places: whole lines of the document, in order; one range for a function.
        symbols: qualified names of what is defined in it, its own first.
        text: these lines.
        stripped: the same without comments, docstrings and hidden characters.
        context: code of the same document that it uses, from outside.
        stripped_context: the same, stripped.
        key: digest of text and context; as long as it stays, so do the verdicts.
        has_code: it does something besides importing and defining.
        whole: it is the whole file, whose symbols nobody knows.
    """

    name: str
    places: tuple[Range, ...]
    symbols: tuple[str, ...]
    text: str
    stripped: str
    context: str
    stripped_context: str
    key: str
    has_code: bool = True
    whole: bool = False

    def contains(self, place: Range | Position) -> bool:
        """Say whether a range lies wholly in it, or a position in one of its lines."""
        asked = place if isinstance(place, Range) else Range(place, place)
        return any(own.contains(asked) for own in self.places)

    def symbol(self, said: str) -> str | None:
        """Qualified name of what a model calls by its whole name or the end of it; None for what is not in here."""
        if self.whole or not said or said == self.name:
            return self.name
        inside = [known for known in self.symbols if known == said or known.endswith(f".{said}")]
        return min(inside, key=len, default=None)


@dataclass(frozen=True, slots=True)
class Reading:
    """A document, the same with blanks for what only people read (positions are equal), and its units in order."""

    document: Document
    stripped: Document
    units: tuple[Unit, ...]
