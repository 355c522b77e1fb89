"""Where in the code the quotes of an answer stand, so that its page can link to exactly that."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import from_json

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position, Range
from codetune_core.errors import CodeTuneError
from codetune_core.model_reviewer.anchoring import Anchoring, Quoted
from codetune_server.prompted.place import Place

QUOTES = frozenset({"quote", "evidence"})
"""Fields of the schemas whose values are copied from the code."""


def answered(output: str) -> Any:
    """Return an answer in JSON, or what there is of one; None for any other text."""
    try:
        return from_json(output, allow_partial="trailing-strings") if output.startswith("{") else None
    except ValueError:
        return None


async def cited(output: str, document: Document, place: Place, anchoring: Anchoring) -> Mapping[str, Range]:
    """Return the ranges of the quotes that stand exactly once in what was asked about, or else in the document."""
    quotes = tuple(dict.fromkeys(_quotes(answered(output))))
    part = replace(document, text=place.code)
    inside = await _anchored(part, quotes, anchoring)
    ranges = {quote: _whole(at, place.range.start) for quote, at in inside.items()}
    ranges |= await _anchored(document, [quote for quote in quotes if quote not in ranges], anchoring)
    literal = ((quote, _literally(quote, document)) for quote in quotes if quote not in ranges)
    return ranges | {quote: at for quote, at in literal if at}


async def _anchored(document: Document, quotes: Sequence[str], anchoring: Anchoring) -> dict[str, Range]:
    try:
        found = await anchoring(document, [Quoted(quote, "", "") for quote in quotes]) if quotes else ()
    except CodeTuneError:  # no worker: a page with fewer links is better than none
        return {}
    return {quote: at for quote, at in zip(quotes, found, strict=True) if at}


def _quotes(answer: Any, name: str = "") -> Iterator[str]:
    if isinstance(answer, str) and name in QUOTES and answer.strip():
        yield answer
    elif isinstance(answer, list):
        for each in answer:
            yield from _quotes(each, name)
    elif isinstance(answer, dict):
        for key, value in answer.items():
            yield from _quotes(value, key)


def _whole(at: Range, start: Position) -> Range:
    """Return a range of the part of a document that begins at a position as one of the document."""
    return Range(*(_moved(end, start) for end in (at.start, at.end)))


def _moved(position: Position, start: Position) -> Position:
    column = position.column + (start.column if position.line == 0 else 0)
    return Position(position.line + start.line, column)


def _literally(quote: str, document: Document) -> Range | None:
    """Find a quote that is no code, such as a comment, by its very letters."""
    wanted = quote.strip()
    if document.text.count(wanted) != 1:
        return None
    begins = document.text.index(wanted)
    return Range(document.position(begins), document.position(begins + len(wanted)))


def lines_of(at: Range) -> tuple[int, int]:
    """Return the first and the last line of a range, from 1."""
    first = at.start.line + 1
    return first, max(first, at.end.line + (at.end.column > 0))
