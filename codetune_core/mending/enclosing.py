"""The code around a finding that a model may change: the function, or where there is none the lines near it."""

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position, Range, without_end
from codetune_core.findings.braces import LANGUAGES, blocks
from codetune_core.syntax.python import outline

_MOST_LINES = 150
_NEAR = 20
"""Lines on each side, where nothing encloses."""


def around(document: Document, place: Range) -> Range:
    """Whole lines: of the innermost function around a place in Python, of the largest small block elsewhere."""
    if document.language == "python":
        found = _function(document, place)
    else:
        found = _block(document, place) if document.language in LANGUAGES else None
    last_line = len(document.lines) - 1
    first, last = found or (max(0, place.start.line - _NEAR), min(last_line, place.end.line + _NEAR))
    last = min(last, last_line)
    return Range(Position(first, 0), Position(last, len(without_end(document.lines[last]))))


def _function(document: Document, place: Range) -> tuple[int, int] | None:
    functions = [
        (symbol.first_line, symbol.last_line)
        for symbol in outline(document).symbols
        if symbol.kind == "function" and symbol.first_line <= place.start.line and place.end.line <= symbol.last_line
    ]
    return max(functions, default=None)


def _block(document: Document, place: Range) -> tuple[int, int] | None:
    start, end = document.offset(place.start), document.offset(place.end)
    lines = [
        (document.position(opens).line, document.position(closes).line)
        for opens, closes in blocks(document).around(start, end)
    ]
    small = [(first, last) for first, last in lines if last - first < _MOST_LINES]
    return min(small, default=None)
