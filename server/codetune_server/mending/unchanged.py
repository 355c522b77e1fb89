"""Stops work on a text at once when the text changes, as its result would be for another one."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from codetune_core.domain.document import Document
from codetune_core.errors import UnreadableFile
from codetune_core.workspace.read import read
from codetune_server.backend import Backend
from codetune_server.errors import changed

T = TypeVar("T")


async def while_unchanged(backend: Backend, parts: tuple[Document, ...], work: Coroutine[Any, Any, T]) -> T:
    """Return what the work gives; raises RequestError, and stops it, where one of these documents is not as it was."""
    documents = backend.session.documents
    working = asyncio.create_task(work)
    changing = [asyncio.create_task(documents.other_than(part)) for part in parts]
    try:
        await asyncio.wait([working, *changing], return_when=asyncio.FIRST_COMPLETED)
        if any(change.done() for change in changing):
            raise changed()
        return working.result()
    finally:
        for task in (working, *changing):
            task.cancel()
        await asyncio.gather(working, *changing, return_exceptions=True)


async def check_unchanged(backend: Backend, parts: tuple[Document, ...]) -> None:
    """Raise RequestError where a document, or a file that is not open, is not as it was."""
    for part in sorted(parts, key=lambda part: part.version is not None):  # what is open changes while files are read
        present = backend.session.documents.snapshot(part.uri)
        if part.version is None and present is None:
            present = await asyncio.to_thread(_on_disk, part)
        if present is None or (present.version, present.text) != (part.version, part.text):
            raise changed()


def _on_disk(part: Document) -> Document | None:
    """A file as it is; without text where it is not there."""
    try:
        return replace(part, text=read(part.path).document.text if part.path and part.path.exists() else "")
    except (UnreadableFile, OSError):
        return None
