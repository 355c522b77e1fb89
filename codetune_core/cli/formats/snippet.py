"""The lines of a document that a finding is about, with the range underlined."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len

from codetune_core.cli.formats.visible import cropped, visible
from codetune_core.domain.document import Document
from codetune_core.domain.text import Range, without_end

_MOST_LINES = 6


@dataclass(frozen=True, slots=True)
class Line:
    """A line of code as it is printed: number from 1 (0 for an ellipsis), text, and the marked cells from 0."""

    number: int
    code: str
    start: int = 0
    end: int = 0


def snippet(document: Document, place: Range, width: int) -> Iterator[Line]:
    """The lines of a range, the middle left out where they are many; ``width`` is the cells there are for code."""
    last = max(place.start.line, place.end.line - (place.end.column == 0))
    numbers = [number for number in range(place.start.line, last + 1) if number < len(document.lines)]
    if len(numbers) > _MOST_LINES:
        numbers = [*numbers[: _MOST_LINES - 2], -1, numbers[-1]]
    for number in numbers:
        yield Line(0, "...") if number < 0 else _line(document, place, number, width)


def _line(document: Document, place: Range, number: int, width: int) -> Line:
    content = without_end(document.lines[number])
    indentation = len(content) - len(content.lstrip())
    start = place.start.column if number == place.start.line else indentation
    end = place.end.column if number == place.end.line else len(content.rstrip())
    first = cell_len(visible(content[:start]))
    after = max(cell_len(visible(content[:end])), first + 1)
    code, first, after = cropped(visible(content).rstrip(), first, after, width)
    return Line(number + 1, code, first, after)
