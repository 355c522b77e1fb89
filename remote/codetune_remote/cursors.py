"""Cursors of lists: where a page ended, as text that nobody needs to understand.

A cursor holds the place of the last item in the list's order, so that what is added or deleted meanwhile neither hides
items nor repeats them.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, Generic

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypeVar

from codetune_remote.problems import Refusal

Place = TypeVar("Place")
Found = TypeVar("Found")
Number = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""A place that is counted; no list is longer."""


class Cursors(Generic[Place]):
    """Writes and reads the cursors of one list, whose places are of this type."""

    def __init__(self, kind: Any) -> None:
        self._places: TypeAdapter[Place] = TypeAdapter(kind)

    def written(self, place: Place) -> str:
        """Return the cursor of a place."""
        return base64.urlsafe_b64encode(self._places.dump_json(place)).decode().rstrip("=")

    def read(self, cursor: str) -> Place | None:
        """Return the place of a cursor, None where it is empty; raises Refusal 422 for one that was not given here."""
        if not cursor:
            return None
        try:
            return self._places.validate_json(base64.b64decode(cursor + "==", altchars=b"-_"))
        except (ValidationError, binascii.Error, ValueError):
            raise Refusal(422, "invalid", "the cursor is none that this list gave: begin without one") from None


def split(found: Sequence[Found], limit: int) -> tuple[Sequence[Found], Found | None]:
    """Return a page and its last item where more follows it; ``found`` is one item longer than the page then."""
    items = found[:limit]
    return items, items[-1] if len(found) > limit else None
