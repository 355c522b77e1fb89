"""From CodeTune's values to the protocol's, in the units that the client counts columns in."""

from lsprotocol import types

from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit, Encoding, Position, Range, to_units, without_end


def position(document: Document, place: Position, encoding: Encoding) -> types.Position:
    """A place in a document; one beyond the text means its end."""
    if place.line >= len(document.lines):
        last = len(document.lines) - 1
        place = Position(last, len(document.lines[last]))
    content = without_end(document.lines[place.line])
    return types.Position(place.line, to_units(content, place.column, encoding))


def range_(document: Document, place: Range, encoding: Encoding) -> types.Range:
    """A range of a document."""
    return types.Range(position(document, place.start, encoding), position(document, place.end, encoding))


def text_edit(document: Document, edit: Edit, encoding: Encoding) -> types.TextEdit:
    """An edit of a document."""
    return types.TextEdit(range_(document, edit.range, encoding), edit.new_text)
