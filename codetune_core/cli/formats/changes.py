"""What a fix changes, line by line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit, Position, Range, split_lines, without_end


@dataclass(frozen=True, slots=True)
class Change:
    """A line that goes (``-``) or comes (``+``), and the present line, from 1, at which it does."""

    number: int
    sign: str
    text: str


def changes(document: Document, edits: Iterable[Edit]) -> Iterator[Change]:
    """The changed lines, in the order of the text; only the lines that the edits touch are compared."""
    for group in _groups(edits):
        first = group[0].range.start.line
        last = max(edit.range.end.line for edit in group)
        old = document.lines[first : last + 1]
        inner = Document("", "".join(old), "").edited(_moved(edit, first) for edit in group)
        new = split_lines(inner.text)
        if not new[-1] and old and old[-1]:
            new.pop()  # the empty line after the last line end
        yield from _compared([without_end(line) for line in old], [without_end(line) for line in new], first + 1)


def _groups(edits: Iterable[Edit]) -> Iterator[list[Edit]]:
    """Edits of which each touches a line of the one before it."""
    group: list[Edit] = []
    for edit in sorted(edits):
        if group and edit.range.start.line > max(before.range.end.line for before in group):
            yield group
            group = []
        group.append(edit)
    if group:
        yield group


def _moved(edit: Edit, first: int) -> Edit:
    start, end = edit.range.start, edit.range.end
    place = Range(Position(start.line - first, start.column), Position(end.line - first, end.column))
    return Edit(place, edit.new_text)


def _compared(old: list[str], new: list[str], first: int) -> Iterator[Change]:
    for kind, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield from (Change(first + number, "-", old[number]) for number in range(old_from, old_to))
            yield from (Change(first + old_from, "+", line) for line in new[new_from:new_to])
