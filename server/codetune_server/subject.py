"""What is reviewed as one text: a document, or the cells of a notebook joined."""

from dataclasses import dataclass, replace
from urllib.parse import unquote

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.text import Edit, Position, Range
from codetune_server.notebooks import Notebook


@dataclass(frozen=True)
class Subject:
    """The text that findings are about, and the editor's documents it consists of."""

    document: Document
    notebook: Notebook | None = None

    @property
    def parts(self) -> tuple[Document, ...]:
        """The editor's documents, in order."""
        return self.notebook.cells if self.notebook else (self.document,)

    def part(self, uri: str) -> Document | None:
        """One of the editor's documents by its URI."""
        return next((part for part in self.parts if unquote(part.uri) == unquote(uri)), None)

    def locate(self, place: Range) -> tuple[Document, Range] | None:
        """The editor's document and the range in it that a range of the text is."""
        return self.notebook.locate(place) if self.notebook else (self.document, place)

    def spread(self, edits: tuple[Edit, ...]) -> list[tuple[Document, list[Edit]]] | None:
        """Edits of the text as edits of the editor's documents; None where one goes beyond its document."""
        found: dict[str, tuple[Document, list[Edit]]] = {}
        for edit in edits:
            at = self.locate(edit.range)
            if at is None or _lines(at[1]) != _lines(edit.range):
                return None
            found.setdefault(at[0].uri, (at[0], []))[1].append(replace(edit, range=at[1]))
        return list(found.values())

    def whole(self, part: Document, place: Range) -> Range:
        """Range in the text of a range in one of the editor's documents; the reverse of ``locate``."""
        first = (self.notebook.line_of(part.uri) if self.notebook else 0) or 0
        start, end = place.start, place.end
        return Range(Position(start.line + first, start.column), Position(end.line + first, end.column))

    def of(self, part: Document, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """The findings whose range begins in one of the editor's documents."""
        places = ((finding, self.locate(finding.range)) for finding in findings)
        return tuple(finding for finding, at in places if at and at[0].uri == part.uri)


def _lines(place: Range) -> int:
    return place.end.line - place.start.line
