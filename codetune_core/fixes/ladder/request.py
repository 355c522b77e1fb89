"""What a model was asked to change, and where it may."""

from dataclasses import dataclass
from pathlib import Path

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.text import Range


@dataclass(frozen=True, slots=True)
class Request:
    """What the candidates answer.

    Attributes:
        document: the current text, as it stands in the editor.
        ranges: where edits may change it; elsewhere they may only add imports.
        finding: what is to be gone; None where the task is another one, such as code to be written.
        root: the workspace's directory; None where the document is in none.
    """

    document: Document
    ranges: tuple[Range, ...]
    finding: Finding | None = None
    root: Path | None = None
