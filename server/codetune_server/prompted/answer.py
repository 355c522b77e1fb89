"""What a model answered as a proposal to change the document: edits inside what was asked about, or quotes of it."""

from codetune_core.domain.document import Document
from codetune_core.domain.editor_scope import Shows
from codetune_core.domain.text import Edit, Position, Range, indentation, without_end
from codetune_core.mending.proposal import UNFIT, Proposal, content, quoted
from codetune_server.prompted.docstring import documented
from codetune_server.prompted.layout import laid_out
from codetune_server.prompted.place import Place

_CODE = ("code", "tests")
_QUOTING = {"rewrite": "steps", "fix": "edits"}
_DOCSTRING = "docstring"
WRITES = (None, *_CODE, *_QUOTING, _DOCSTRING)
"""Schemas whose answers can be an edit; None for free text."""


def proposal_of(output: str, schema: str | None, shows: Shows, document: Document, place: Place) -> Proposal:
    """Return what an answer proposes: no edit and nothing replaced where the model changes nothing."""
    if schema is None:
        return _proposed(_written(output, shows, document, place), document)
    answer = content(output)
    match answer:
        case {"code": str(code)} if schema in _CODE:
            return _proposed(_written(code, shows, document, place), document)
        case {"docstring": str(text)} if schema == _DOCSTRING:
            edit = documented(text, document, place)
            return _proposed(edit, document) if edit else Proposal(refused="the text would change the code around it")
        case _ if schema in _QUOTING and isinstance(steps := answer.get(_QUOTING[schema]), list):
            return quoted(steps)
    return UNFIT


def allowed(document: Document, place: Place) -> tuple[Range, ...]:
    """Return what an edit may change: the place, and the empty range below it."""
    return place.range, _below(document, place)


def _proposed(edit: Edit, document: Document) -> Proposal:
    return Proposal((edit,) if document.slice(edit.range) != edit.new_text else ())


def _written(code: str, shows: Shows, document: Document, place: Place) -> Edit:
    first = place.range.start.line
    if shows is Shows.REPLACE or place.signature:
        return _replacing(code, document, place)
    at = _below(document, place)
    indent = indentation(document.lines[first])
    end = document.line_end(first)
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
