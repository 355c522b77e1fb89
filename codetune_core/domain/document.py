"""The immutable text of one file."""

import sys
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePath, PurePosixPath
from urllib.parse import unquote, urlsplit

from codetune_core.domain.text import Edit, Position, Range, line_starts, split_lines, without_end

_LANGUAGES = {
    ".py": "python", ".pyi": "python", ".pyw": "python",
    ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascriptreact",
    ".ts": "typescript", ".mts": "typescript", ".tsx": "typescriptreact",
    ".go": "go", ".rs": "rust", ".java": "java", ".kt": "kotlin", ".rb": "ruby", ".php": "php",
    ".c": "c", ".h": "c", ".cc": "cpp", ".cpp": "cpp", ".hpp": "cpp", ".cs": "csharp", ".swift": "swift",
    ".sh": "shellscript", ".bash": "shellscript", ".sql": "sql", ".html": "html", ".css": "css",
    ".json": "json", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".ini": "ini", ".cfg": "ini", ".env": "dotenv",
    ".xml": "xml", ".md": "markdown", ".rst": "restructuredtext", ".txt": "plaintext", ".tf": "terraform",
}  # fmt: skip


@dataclass(frozen=True)
class Document:
    """One version of one file's text.

    Attributes:
        uri: where it is; ``untitled:`` and notebook-cell URIs have no path.
        text: the whole text as it stands in the editor or on the disk.
        language: the protocol's language identifier, such as ``python``.
        version: the editor's version number; None for a file read from the disk.
    """

    uri: str
    text: str
    language: str
    version: int | None = None

    @cached_property
    def lines(self) -> list[str]:
        """The lines with their ends."""
        return split_lines(self.text)

    @cached_property
    def starts(self) -> list[int]:
        """Offset at which each line starts."""
        return line_starts(self.lines)

    @property
    def path(self) -> Path | None:
        """The file's path, None where the URI is not a file's."""
        parts = urlsplit(self.uri)
        return _file_path(parts.path) if parts.scheme == "file" else None

    @property
    def name(self) -> str:
        """The last part of the URI, unquoted."""
        return PurePosixPath(unquote(urlsplit(self.uri).path)).name

    def offset(self, position: Position) -> int:
        """Offset of a position, clamped into the text."""
        if position.line >= len(self.lines):
            return len(self.text)
        content = without_end(self.lines[position.line])
        return self.starts[position.line] + min(position.column, len(content))

    def position(self, offset: int) -> Position:
        """Position of an offset."""
        line = min(bisect_right(self.starts, offset) - 1, len(self.lines) - 1)
        return Position(line, offset - self.starts[line])

    def line_end(self, line: int) -> str:
        """What ends a line, or else the first one."""
        for text in (self.lines[min(line, len(self.lines) - 1)], self.lines[0]):
            if end := text[len(without_end(text)) :]:
                return end
        return "\n"

    def slice(self, place: Range) -> str:
        """The text of a range."""
        return self.text[self.offset(place.start) : self.offset(place.end)]

    def edited(self, edits: Iterable[Edit]) -> "Document":
        """A copy with the edits applied; raises ValueError where two of them overlap."""
        pieces, done = [], 0
        for edit in sorted(edits, key=lambda edit: (edit.range.start, edit.range.end)):
            start = self.offset(edit.range.start)
            if start < done:
                raise ValueError("overlapping edits")
            pieces += [self.text[done:start], edit.new_text]
            done = self.offset(edit.range.end)
        return replace(self, text="".join([*pieces, self.text[done:]]))

    def __getstate__(self) -> dict[str, object]:
        return {"uri": self.uri, "text": self.text, "language": self.language, "version": self.version}


def _file_path(path: str) -> Path:
    if sys.platform == "win32":
        from urllib.request import url2pathname  # noqa: PLC0415 - costs 25 ms, and elsewhere it only unquotes

        return Path(url2pathname(path))
    return Path(unquote(path))


def language_of(path: PurePath) -> str:
    """Language identifier by file name, ``plaintext`` where none is known."""
    if path.name.startswith(".env"):
        return "dotenv"
    return _LANGUAGES.get(path.suffix.lower(), "plaintext")
