"""What a unit depends on in its own document: definitions of the names that it uses."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codetune_core.domain.document import Document
from codetune_core.domain.text import without_end
from codetune_core.syntax.python import Symbol, outline

MOST_LINES = 300
"""Longest context, in lines; what comes later in the text is left out."""
_WHOLE_FUNCTION = 40
_LONGEST_HEADER = 12
_NAME = re.compile(r"[^\W\d]\w*")
_ASSIGNED = re.compile(r"\s*([^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*)\s*(?::[^=]+)?(?:=(?!=)|\Z)")
_IMPORT = re.compile(r"\s*(?:import|from)\b")


@dataclass(frozen=True, slots=True)
class Definition:
    """What defines some names: lines, and the last line of its header (decorators and signature)."""

    names: frozenset[str]
    first_line: int
    last_line: int
    last_header_line: int
    is_import: bool = False

    def lines(self, *, header_only: bool) -> tuple[int, int]:
        """First and last line of what is told of it."""
        short = self.last_line - self.first_line < _WHOLE_FUNCTION
        return self.first_line, self.last_line if short and not header_only else self.last_header_line


def definitions(document: Document, stripped: Document) -> tuple[Definition, ...]:
    """Functions, classes, assignments and imports of a Python document, in the order of the text."""
    read = outline(document)
    found = [_symbol(symbol, stripped) for symbol in read.symbols]
    defined = {symbol.first_line for symbol in read.symbols}
    for first, last in read.top_level:
        if first not in defined and (statement := _statement(stripped, first, last)):
            found.append(statement)
    return tuple(sorted(found, key=lambda each: (each.first_line, -each.last_line)))


def used_by(text: str, name: str, own: Sequence[tuple[int, int]], known: Iterable[Definition]) -> list[tuple[int, int]]:
    """Lines, in order, that define what a text uses, and of the class that ``name`` is a method of.

    A name counts wherever it stands, as ``f`` of ``self.f()`` does: what is told in vain costs less than what is
    missing. Of large functions, of classes, and for a module only headers are told.
    """
    words = {*_NAME.findall(text), *name.split(".")}
    lines: set[int] = set()
    for each in known:
        if each.names & words and not any(first <= each.first_line <= last for first, last in own):
            first, last = each.lines(header_only=not name)
            lines.update(range(first, last + 1))
    return _blocks(sorted(lines)[:MOST_LINES])


def _symbol(symbol: Symbol, stripped: Document) -> Definition:
    last = min(symbol.last_line, symbol.name_range.start.line + _LONGEST_HEADER)
    lines = range(symbol.name_range.start.line, last + 1)
    header = next((line for line in lines if stripped.lines[line].rstrip().endswith(":")), lines[0])
    end = header if symbol.kind == "class" else symbol.last_line
    return Definition(frozenset({symbol.name.rpartition(".")[2]}), symbol.first_line, end, header)


def _statement(stripped: Document, first: int, last: int) -> Definition | None:
    lines = [without_end(line) for line in stripped.lines[first : last + 1]]
    if lines and _IMPORT.match(lines[0]):
        return Definition(frozenset(_NAME.findall(" ".join(lines))), first, last, last, is_import=True)
    assigned = _ASSIGNED.match(lines[0]) if lines else None
    return Definition(frozenset(_NAME.findall(assigned[1])), first, last, last) if assigned else None


def _blocks(lines: Iterable[int]) -> list[tuple[int, int]]:
    blocks: list[tuple[int, int]] = []
    for line in lines:
        if blocks and blocks[-1][1] == line - 1:
            blocks[-1] = (blocks[-1][0], line)
        else:
            blocks.append((line, line))
    return blocks
