r"""Positions, ranges and edits in a text, and the three ways editors count columns.

Inside CodeTune a column counts code points. Line ends are those of the Language Server Protocol: ``\n``, ``\r\n``
and ``\r``, and no others (a form feed or U+2028 is an ordinary character).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


def encodable(text: str) -> str:
    """Put a question mark for half a character, as editors send one while it is typed: UTF-8 has none."""
    return text.encode("utf-8", "replace").decode("utf-8")


class Encoding(StrEnum):
    """The unit in which a client counts the characters of a line."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place between two characters: line and column (code points), both from 0."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """The text from ``start`` up to, not including, ``end``."""

    start: Position
    end: Position

    @classmethod
    def of(cls, start_line: int, start_column: int, end_line: int, end_column: int) -> "Range":
        """Build a range from its four numbers, all from 0."""
        return cls(Position(start_line, start_column), Position(end_line, end_column))

    def overlaps(self, other: "Range") -> bool:
        """Say whether the two share a character, or touch where one of them is empty."""
        if self.start == self.end or other.start == other.end:
            return self.start <= other.end and other.start <= self.end
        return self.start < other.end and other.start < self.end

    def contains(self, other: "Range") -> bool:
        """Say whether ``other`` lies wholly inside."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace the text of a range by another text."""

    range: Range
    new_text: str


def split_lines(text: str) -> list[str]:
    """Split into lines with their ends kept; a text that ends in a line end has a last, empty line."""
    if "\r" not in text:
        lines = [line + "\n" for line in text.split("\n")]
        lines[-1] = lines[-1][:-1]
        return lines
    lines = _LINE.findall(text)
    if not lines or lines[-1][-1] in "\r\n":
        lines.append("")
    return lines


def line_starts(lines: Iterable[str]) -> list[int]:
    """Offset (code points) at which each line starts, and last the length of the whole text."""
    return [0, *accumulate(len(line) for line in lines)]


def without_end(line: str) -> str:
    """Cut the line end off a line."""
    return line.rstrip("\r\n")


def indentation(line: str) -> str:
    """The blanks with which a line begins."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def to_units(line: str, column: int, encoding: Encoding) -> int:
    """Column in code points -> column in the encoding's units."""
    head = line[:column]
    if encoding is Encoding.UTF32 or head.isascii():
        return len(head)
    if encoding is Encoding.UTF8:
        return len(head.encode("utf-8", "surrogatepass"))
    return len(head) + sum(character > "\uffff" for character in head)


def from_units(line: str, units: int, encoding: Encoding) -> int:
    """Column in the encoding's units -> column in code points, clamped to the line without its end.

    Units that point inside a character mean the place before it.
    """
    content = without_end(line)
    if encoding is Encoding.UTF32 or content.isascii():
        return max(0, min(units, len(content)))
    seen = 0
    for column, character in enumerate(content):
        seen += _width(character, encoding)
        if seen > units:
            return column
    return len(content)


def _width(character: str, encoding: Encoding) -> int:
    if encoding is Encoding.UTF16:
        return 2 if character > "\uffff" else 1
    return len(character.encode("utf-8", "surrogatepass"))
