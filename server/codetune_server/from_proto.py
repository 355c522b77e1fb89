"""From the protocol's values to CodeTune's, which count columns in code points."""

from lsprotocol import types

from codetune_core.domain.document import Document
from codetune_core.domain.text import Encoding, Position, Range, from_units, without_end
from codetune_server.errors import invalid_params
from codetune_server.offers import Deed, Wanted


def position(document: Document, place: types.Position, encoding: Encoding) -> Position:
    """A place in a document; one beyond a line or beyond the text means its end."""
    if place.line >= len(document.lines):
        last = len(document.lines) - 1
        return Position(last, len(without_end(document.lines[last])))
    return Position(place.line, from_units(document.lines[place.line], place.character, encoding))


def range_(document: Document, place: types.Range, encoding: Encoding) -> Range:
    """A range of a document, its ends in order."""
    ends = sorted(position(document, end, encoding) for end in (place.start, place.end))
    return Range(ends[0], ends[1])


def wanted(data: object) -> Wanted:
    """What an editor sends back of an entry it was given; raises RequestError where it is something else."""
    try:
        values = dict(data)  # type: ignore[call-overload]
        found = Wanted(**{**values, "deed": Deed(values.get("deed"))})
    except (TypeError, ValueError):
        raise invalid_params("This is no entry of CodeTune's.") from None
    texts = (found.uri, found.finding, found.rule, found.reason)
    if not all(isinstance(text, str) for text in texts) or not isinstance(found.fix, int) or found.fix < 0:
        raise invalid_params("This is no entry of CodeTune's.")
    return found
