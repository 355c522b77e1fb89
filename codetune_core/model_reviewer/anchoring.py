"""How quotes of a model become ranges: by a function that is given, here or in another process."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from codetune_core.domain.document import Document
from codetune_core.domain.text import Range
from codetune_core.model_reviewer.reading import Reading


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quote.

    Attributes:
        text: code, as the model copied it.
        symbol: qualified name of the function that it stands in; empty for anywhere.
        about: what is claimed of it; equal quotes about the same are told apart by their order.
        order: how many equal ones came before it.
        stripped: which text the model saw.
    """

    text: str
    symbol: str
    about: str
    order: int = 0
    stripped: bool = False


Anchoring = Callable[[Document, Sequence[Quoted]], Awaitable[Sequence[Range | None]]]
"""Ranges of quotes, None for what is not found or not unique; done wherever the document is parsed."""
Places = Mapping[Quoted, Range]
"""Where quotes stand; those that stand nowhere are missing."""


async def places_of(reading: Reading, quotes: Iterable[Quoted], anchoring: Anchoring) -> Places:
    """Anchor quotes, each in the text that the model saw, and keep those that hold code and not only a comment."""
    places: dict[Quoted, Range] = {}
    distinct = dict.fromkeys(quotes)
    for stripped, document in ((True, reading.stripped), (False, reading.document)):
        asked = [quote for quote in distinct if quote.stripped is stripped]
        found = await anchoring(document, asked) if asked else ()
        places |= {quote: place for quote, place in zip(asked, found, strict=True) if place is not None}
    return {quote: place for quote, place in places.items() if _is_code(reading.stripped.slice(place))}


def _is_code(text: str) -> bool:
    return any(character.isalnum() for character in text)
