"""The recipe of written tests: into the project's file of tests, run once where the user lets tests run, and said."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position, Range
from codetune_core.errors import UnreadableFile
from codetune_core.mending.proposal import UNFIT, Proposal, content
from codetune_core.mending.tests_code import with_tests
from codetune_core.mending.tests_file import imported_as, tests_file
from codetune_core.workspace.read import read
from codetune_server.errors import failed
from codetune_server.folders import Folders
from codetune_server.mending.climbing import Answer, climbed
from codetune_server.prompt_runs import Listener
from codetune_server.prompted.writing import Asked, Writer, Written
from codetune_server.subject import Subject


@dataclass(frozen=True, slots=True)
class TestsFile:
    """The file that tests go to, and how they import what they test; a file that is not there yet has no text."""

    __test__ = False

    document: Document
    module: str
    is_new: bool


def tests_file_of(document: Document, folders: Folders, opened: Callable[[str], Document | None]) -> TestsFile | None:
    """Where tests for a document go; None where no convention says it. ``opened`` gives what is open in the editor.

    Raises RequestError where the file of tests that is there cannot be used.
    """
    folder, path = folders.of(document), document.path
    root = folder.path if folder else None
    if document.language != "python" or path is None or root is None or not path.is_relative_to(root):
        return None
    module = imported_as(root, path)
    if not module:
        return None
    place = tests_file(root, path)
    real = Path(os.path.realpath(root), place.relative_to(root))
    if place.is_symlink() or os.path.realpath(place) != str(real):  # not resolve(), which fails for a loop of links
        raise failed(f"{place.relative_to(root).as_posix()} is where the tests would go, and a link leads elsewhere.")
    present = opened(place.as_uri()) or _on_disk(place)
    return TestsFile(present or Document(place.as_uri(), "", "python"), module, is_new=present is None)


async def write_tests(writer: Writer, asked: Asked, file: TestsFile, listener: Listener) -> Written:
    """Return edits of the file of tests; tests that do not pass are kept, and it is said.

    Raises CodeTuneError or RequestError where there is no answer. Being cancelled stops the model.
    """
    document = file.document

    async def proposed(answer: Answer) -> Proposal:
        return await asyncio.to_thread(_proposal, answer, document)

    end = document.position(len(document.text))
    everything = Range(Position(0, 0), end) if not document.text.strip() else Range(end, end)
    start = partial(writer.climbs, Subject(document), (everything,))
    ended = await climbed(start, partial(writer.ask, asked, listener), proposed, listener)
    ended = replace(ended, keeps_failing_tests=True)
    edits = list(ended.best.edits) if ended.best else []
    return Written(ended, [(document, edits)], created=file.is_new)


def _proposal(answer: Answer, document: Document) -> Proposal:
    match content(answer["output"]):
        case {"code": str(code)}:
            try:
                return with_tests(document, code)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                raise failed(f"{document.name} does not parse, so nothing can be added to it.") from None
    return UNFIT


def _on_disk(path: Path) -> Document | None:
    try:
        return Document(path.as_uri(), read(path).document.text, "python")
    except FileNotFoundError:
        return None
    except (UnreadableFile, OSError):
        if not path.exists():
            return None
        raise failed(f"{path.name}, which has the tests, cannot be read.") from None
