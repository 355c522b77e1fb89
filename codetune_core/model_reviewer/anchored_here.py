"""Anchors quotes in this process, which parses the document."""

from collections.abc import Sequence

from codetune_core.domain.document import Document
from codetune_core.domain.text import Range
from codetune_core.findings import anchor
from codetune_core.model_reviewer.anchoring import Quoted


async def anchored_here(document: Document, quotes: Sequence[Quoted]) -> Sequence[Range | None]:
    """Find the range of each quote, None where there is none or more than one."""
    claims = [anchor.Quoted(quote.text, quote.symbol, quote.about) for quote in quotes]
    return [place if isinstance(place, Range) else None for place in anchor.anchor_all(document, claims)]
