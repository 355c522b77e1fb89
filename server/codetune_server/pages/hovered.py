"""Answers about ranges for editors that open no page: they stand in the hover of their range."""

from dataclasses import dataclass

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position, Range
from codetune_server.follow import Shift

_KEPT = 32


@dataclass(frozen=True, slots=True)
class About:
    """What an answer is about."""

    document: Document
    range: Range


class Answers:
    """The last answer about each range, the newest ones."""

    def __init__(self) -> None:
        self._pages: dict[tuple[str, Range], tuple[Document, str]] = {}

    def keep(self, about: About, markdown: str) -> None:
        """Keep the last answer about a range."""
        key = (about.document.uri, about.range)
        self._pages.pop(key, None)
        self._pages[key] = (about.document, markdown)
        if len(self._pages) > _KEPT:
            del self._pages[next(iter(self._pages))]

    def at(self, document: Document, place: Position) -> list[str]:
        """Return the answers about what is around a place now, the newest first.

        An edit inside a range ends its answer, as the code that it is about is another one.
        """
        found = []
        for (uri, asked), (before, markdown) in self._pages.items():
            if uri != document.uri:
                continue
            now = asked if before.text == document.text else Shift.between(before, document).range(asked)
            if now and now.contains(Range(place, place)):
                found.append(markdown)
        return found[::-1]

    def forget(self, uri: str) -> None:
        """Forget the answers about a document."""
        self._pages = {key: kept for key, kept in self._pages.items() if key[0] != uri}
