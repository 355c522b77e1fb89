"""A copy of a workspace, on which programs may run and write; the workspace itself stays as it is."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from codetune_core.domain.document import Document
from codetune_core.errors import CodeTuneError, UnreadableFile
from codetune_core.sections import FileSettings
from codetune_core.workspace.discover import discover
from codetune_core.workspace.read import read

_MOST_FILES = 20_000
_MOST_BYTES = 500 * 1024 * 1024


class TooLarge(CodeTuneError):  # noqa: N818 - the name says what is wrong with the workspace
    """The workspace has more files, or larger ones, than are copied for one check."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copied workspace.

    Attributes:
        root: its directory.
        home: an empty folder beside it, for what programs keep.
        file: the document's path in the copy.
    """

    root: Path
    home: Path
    file: Path

    def write(self, document: Document) -> None:
        """Put a text of the document in its place, in the file's own encoding where it can hold the text."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        try:
            data = read(self.file).encode(document.text)
        except (UnreadableFile, UnicodeEncodeError):
            data = document.text.encode("utf-8", "replace")
        self.file.write_bytes(data)


@asynccontextmanager
async def copied(root: Path, path: Path) -> AsyncIterator[Copy]:
    """Give a copy of the workspace without what git ignores; it is removed in the end.

    Links are not copied: they may lead out of the workspace. Raises TooLarge, and OSError where there is no room.

    Args:
        root: the workspace's directory.
        path: the document's, inside it.
    """
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="codetune-"))
    copy = Copy(folder / root.name, folder / "home", folder / root.name / path.relative_to(root))
    try:
        await asyncio.to_thread(_fill, root, copy)
        yield copy
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


def _fill(root: Path, copy: Copy) -> None:
    copy.home.mkdir()
    copy.root.mkdir()
    targets = discover([root], root, FileSettings(include_generated=True)).targets
    if len(targets) > _MOST_FILES or sum(target.path.stat().st_size for target in targets) > _MOST_BYTES:
        raise TooLarge("the workspace is too large to be copied for a check: more than 20,000 files or 500 MB")
    for target in targets:
        place = copy.root / target.path.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(target.path, place)
