"""Takes comments, docstrings and hidden characters out of a document and leaves blanks, so that positions stay."""

from collections.abc import Iterable
from dataclasses import replace

from codetune_core.domain.document import Document
from codetune_core.findings.blanking import blanked, spans
from codetune_core.model_reviewer.hidden import shown
from codetune_core.syntax.python import outline


def blank(document: Document) -> Document:
    """Return a document of the same lines and columns, with blanks for what the machine does not run.

    A docstring keeps its quotation marks, so that what is left parses as before.
    """
    text = blanked(document.text, sorted(_spans(document)))
    return replace(document, text=shown(text))


def _spans(document: Document) -> Iterable[tuple[int, int]]:
    if document.language != "python":
        return (span.place for span in spans(document.text, document.language) if span.comment)
    read = outline(document)
    places = (*(comment.range for comment in read.comments), *read.remarks)
    return ((document.offset(place.start), document.offset(place.end)) for place in places)
