"""What a model answered as an edit of the document: inside what was asked about, or refused in words."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from codetune_core.domain.document import Document
from codetune_core.domain.editor_scope import Shows
from codetune_core.domain.text import Edit, Position, Range, without_end
from codetune_server.errors import RequestError, failed
from codetune_server.prompted.docstring import documented
from codetune_server.prompted.layout import indentation, laid_out, line_end
from codetune_server.prompted.place import Place
from codetune_server.prompted.python_code import parse

_CODE = ("code", "tests")
_QUOTING = {"rewrite": "steps", "fix": "edits"}
_DOCSTRING = "docstring"
WRITES = (None, *_CODE, *_QUOTING, _DOCSTRING)
"""Schemas whose answers can be an edit; None for free text."""


def edits_of(output: str, schema: str | None, shows: Shows, document: Document, place: Place) -> tuple[Edit, ...]:
    """Return the edits, empty where the model changes nothing.

    Raises RequestError for an answer that is none of its schema, is about code that is not there exactly once, or
    does not parse where the code did before.
    """
    if schema is None:
        edits = [_written(output, shows, document, place)]
    else:
        edits = list(_edits(content(output), schema, shows, document, place))
    edits = [edit for edit in edits if document.slice(edit.range) != edit.new_text]
    for edit in edits:
        if not place.range.contains(edit.range) and edit.range != _below(document, place):
            raise failed("The model's answer reaches beyond what it was asked about, so nothing was edited.")
    _check_python(document, place, edits)
    return tuple(edits)


def content(output: str) -> Mapping[str, Any]:
    """Return an answer in JSON; raises RequestError for anything else."""
    try:
        read = json.loads(output)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise _unfit()
    return read


def _edits(answer: Mapping[str, Any], schema: str, shows: Shows, document: Document, place: Place) -> Iterator[Edit]:
    if schema in _CODE:
        yield _written(_text(answer, "code"), shows, document, place)
    elif schema == _DOCSTRING:
        yield documented(_text(answer, _DOCSTRING), document, place)
    elif schema in _QUOTING and isinstance(steps := answer.get(_QUOTING[schema]), list):
        yield from _quoted(steps, document, place)
    else:
        raise _unfit()


def _written(code: str, shows: Shows, document: Document, place: Place) -> Edit:
    first = place.range.start.line
    if shows is Shows.REPLACE or place.signature:
        return _replacing(code, document, place)
    at = _below(document, place)
    indent = indentation(document.lines[first])
    end = line_end(document, first)
    begun = "" if at.start.column == 0 else end
    return Edit(at, f"{begun}{laid_out(code, document, first, indent)}{'' if begun else end}")


def _replacing(code: str, document: Document, place: Place) -> Edit:
    first = place.range.start
    new = laid_out(code, document, first.line, indentation(document.lines[first.line]))
    if first.column:
        new = new.lstrip(" \t")
    tail = place.code[len(place.code.rstrip()) :]
    return Edit(place.range, new + tail)


def _below(document: Document, place: Place) -> Range:
    """Return the empty range below the last line of a place: the start of the next line where there is one."""
    end = place.range.end
    last = end.line - 1 if end.column == 0 and end.line > place.range.start.line else end.line
    if last + 1 < len(document.lines):
        at = Position(last + 1, 0)
    else:
        at = Position(last, len(without_end(document.lines[last])))
    return Range(at, at)


def _quoted(steps: list[Any], document: Document, place: Place) -> Iterator[Edit]:
    begins, taken = document.offset(place.range.start), 0
    found = sorted(_located(step, document, place) for step in steps)
    for start, quote, new in found:
        if start < taken:
            raise failed("The model changes the same code twice, so nothing was edited.")
        taken = start + len(quote)
        at = Range(document.position(begins + start), document.position(begins + taken))
        yield Edit(at, new)


def _located(step: Any, document: Document, place: Place) -> tuple[int, str, str]:
    if not isinstance(step, dict):
        raise _unfit()
    end = line_end(document, place.range.start.line)
    quote, new = (_with_ends(_text(step, name), end) for name in ("quote", "replacement"))
    times = place.code.count(quote) if quote else 0
    if times != 1:
        what = "is not there" if times == 0 else f"is there {times} times"
        raise failed(f"The model changes code that {what}, so nothing was edited. Ask again.")
    return place.code.index(quote), quote, new


def _with_ends(text: str, end: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", end)


def _check_python(document: Document, place: Place, edits: list[Edit]) -> None:
    if document.language != "python" or not edits or parse(place.code) is None:
        return
    changed = document.edited(edits)
    ends = max(document.offset(place.range.end), *(document.offset(edit.range.end) for edit in edits))
    grown = len(changed.text) - len(document.text)
    if parse(changed.text[document.offset(place.range.start) : ends + grown]) is None:
        raise failed("The model's code does not parse, so nothing was edited. Ask again.")


def _text(answer: Mapping[str, Any], name: str) -> str:
    text = answer.get(name)
    if not isinstance(text, str):
        raise _unfit()
    return text


def _unfit() -> RequestError:
    return failed("The model's answer has not the form that was asked for. Ask again.")
