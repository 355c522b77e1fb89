"""Brings a page of markdown before the person at the editor."""

import asyncio
import tempfile
from functools import cache
from pathlib import Path

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from codetune_server.backend import Backend
from codetune_server.explain import plain


async def show(backend: Backend, name: str, markdown: str) -> None:
    """Show a page as a document where the editor opens documents, and as a message where it does not."""
    if backend.client.shows_documents:
        path = await asyncio.to_thread(_write, name, markdown)
        params = types.ShowDocumentParams(path.as_uri(), take_focus=True)
        try:
            if (await backend.server.ask(backend.server.window_show_document_async(params))).success:
                return
        except (TimeoutError, JsonRpcException):
            pass
    backend.server.window_show_message(types.ShowMessageParams(types.MessageType.Info, plain(markdown)))


def _write(name: str, markdown: str) -> Path:
    path = _folder() / f"{name}.md"
    path.write_text(f"{markdown}\n", "utf-8")
    return path


@cache
def _folder() -> Path:
    """This process's pages; left to the system's cleaning, as the editor may read one again at any time."""
    return Path(tempfile.mkdtemp(prefix="codetune-"))
