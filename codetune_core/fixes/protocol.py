"""What verification needs from the rest of the core."""

from collections.abc import Iterable
from typing import Protocol

from codetune_core.domain.check import Check
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding


class Checker(Protocol):
    """Says whether a text is sound."""

    async def check(self, document: Document) -> Check:
        """Look at one text; raises CodeTuneError where that is impossible."""
        ...


class Finder(Protocol):
    """Runs the detectors again."""

    async def findings(self, document: Document, also: Iterable[str] = ()) -> tuple[Finding, ...]:
        """All findings of the fast detectors, and of those named; raises CodeTuneError where one cannot answer."""
        ...
