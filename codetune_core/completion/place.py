"""The place of a completion: one document's text before and after the cursor."""

from dataclasses import dataclass
from functools import cached_property

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position


@dataclass(frozen=True)
class Place:
    """Where a completion shall stand.

    Attributes:
        uri: the document's.
        before: its whole text up to the cursor.
        after: its whole text behind the cursor.
        language: the protocol's language identifier.
    """

    uri: str
    before: str
    after: str
    language: str = "plaintext"

    @classmethod
    def of(cls, document: Document, position: Position) -> "Place":
        """Return the place at a position of a document."""
        offset = document.offset(position)
        return cls(document.uri, document.text[:offset], document.text[offset:], document.language)

    @cached_property
    def line_before(self) -> str:
        """The cursor's line, up to the cursor."""
        return self.before[max(self.before.rfind("\n"), self.before.rfind("\r")) + 1 :]

    @cached_property
    def line_after(self) -> str:
        """The rest of the cursor's line, without its end."""
        return self.after.split("\n", 1)[0].split("\r", 1)[0]

    @property
    def is_inside_word(self) -> bool:
        """Whether a word goes on on both sides of the cursor."""
        return is_word(self.before[-1:]) and is_word(self.after[:1])

    @property
    def line_end(self) -> str:
        """How lines of this document end."""
        return "\r\n" if "\r\n" in self.before or "\r\n" in self.after else "\n"


def is_word(character: str) -> bool:
    """Say whether a character can stand in a name; an empty text cannot."""
    return character.isalnum() or character == "_"


def indent_of(line: str) -> int:
    """Width of a line's indentation in columns; a tab reaches the next multiple of 4."""
    width = 0
    for character in line:
        if character == "\t":
            width += 4 - width % 4
        elif character == " ":
            width += 1
        else:
            break
    return width
