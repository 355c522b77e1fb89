"""Whether code outside the requested ranges still means what it meant, though no character of it is changed.

A decorator at the end of a range takes hold of the function below it, and an opened string swallows what follows.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

from codetune_core.domain.document import Document
from codetune_core.domain.text import Range


def is_outside_untouched(before: Document, after: Document, ranges: Sequence[Range]) -> bool:
    """Say whether each statement that has no line in a range stands in the edited text as it did; imports are left out.

    True also where the text before does not parse, as nothing can then be said.
    """
    try:
        old, new = (ast.parse(document.text.removeprefix("\ufeff")) for document in (before, after))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    lines = [_lines(place) for place in ranges]
    outside = (node for node in _statements(old) if not any(_touches(node, place) for place in lines))
    return not Counter(map(ast.dump, outside)) - Counter(map(ast.dump, _statements(new)))


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.stmt))
    yield from (node for node in nodes if not isinstance(node, ast.Import | ast.ImportFrom))


def _lines(place: Range) -> tuple[int, int]:
    """First and last line, from 1; a line of which only the start belongs to the range is not in it."""
    last = place.end.line if place.end.column or place.end.line == place.start.line else place.end.line - 1
    return place.start.line + 1, last + 1


def _touches(node: ast.stmt, lines: tuple[int, int]) -> bool:
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])
    return first <= lines[1] and lines[0] <= (node.end_lineno or node.lineno)
