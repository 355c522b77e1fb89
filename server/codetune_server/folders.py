"""The roots of the workspace, and which of them a document belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codetune_core.domain.document import Document


@dataclass(frozen=True, slots=True)
class Folder:
    """A root of the workspace; ``path`` is None for one that is not on this machine's disk."""

    uri: str
    path: Path | None

    @classmethod
    def at(cls, uri: str) -> "Folder":
        """The folder of a URI."""
        return cls(uri.rstrip("/"), Document(uri, "", "").path)

    def holds(self, document: Document) -> bool:
        """Say whether a document lies inside."""
        return bool(self.relative(document)) or document.uri.startswith(f"{self.uri}/")

    def relative(self, document: Document) -> str:
        """Path of a document inside, with ``/``; empty where it has none."""
        if self.path and document.path and document.path.is_relative_to(self.path):
            return document.path.relative_to(self.path).as_posix()
        return ""


def workspace_of(folder: Folder | None) -> str:
    """Path of a folder as executions name it; empty where there is none."""
    return str(folder.path) if folder and folder.path else ""


def paths_of(*documents: Document) -> tuple[str, ...]:
    """Paths of documents as executions name them, without those that are on no disk."""
    return tuple(str(document.path) for document in documents if document.path)


def name_in(folder: Folder | None, document: Document) -> str:
    """What a model is told that a document is called: its path in the folder, else its name."""
    return (folder.relative(document) if folder else "") or document.name


class Folders:
    """The roots, in the order in which the editor named them."""

    def __init__(self) -> None:
        self._folders: dict[str, Folder] = {}

    def __iter__(self) -> Iterator[Folder]:
        return iter(tuple(self._folders.values()))

    def add(self, uri: str) -> None:
        """Take in a root."""
        folder = Folder.at(uri)
        self._folders[folder.uri] = folder

    def remove(self, uri: str) -> None:
        """Leave out a root."""
        self._folders.pop(uri.rstrip("/"), None)

    def of(self, document: Document) -> Folder | None:
        """The innermost root around a document; the first root for one that is on no disk, such as an unsaved one."""
        around = [folder for folder in self._folders.values() if folder.holds(document)]
        if not around and document.path is None:
            return next(iter(self._folders.values()), None)
        return max(around, key=lambda folder: len(folder.uri), default=None)
