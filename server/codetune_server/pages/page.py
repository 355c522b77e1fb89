"""One page before the person at the editor, which can be read while it grows where the editor can do that."""

import asyncio
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from codetune_server.backend import Backend
from codetune_server.explain import plain
from codetune_server.pages.hovered import About
from codetune_server.pages.store import file_name

logger = logging.getLogger(__name__)
Draft = Callable[[], str]
_NUMBERS = count(1)
_STOPPED = "_It was stopped before its end._"


class Page:
    """A document whose text the server is asked for, else a file, else a hover over what it is about, else a message.

    Args:
        backend: of the editor.
        name: of the document.
        title: how a message calls it.
    """

    def __init__(self, backend: Backend, name: str, title: str = "") -> None:
        self._backend = backend
        self._name = name
        self._title = title
        self._uri = ""
        self._text = ""
        self._draft: Draft | None = None
        self._over = False
        self._wake = asyncio.Event()
        self._opened: asyncio.Future[bool] | None = None

    def grow(self, draft: Draft) -> None:
        """Show this from now on, where a page can be read while it grows; returns at once.

        ``draft`` makes the page, in a thread, and is left out where a newer one comes before its turn.
        """
        if not (self._backend.client.reads_pages and self._backend.client.shows_documents):
            return
        self._draft = draft
        if self._opened is None:
            self._uri = self._backend.pages.add(self._name)
            self._opened = asyncio.get_running_loop().create_future()
            self._backend.in_background(self._follow(self._opened))
        self._wake.set()

    async def finish(self, markdown: str, about: About | None = None) -> None:
        """Show the whole page, in the best way that the editor knows; ``about`` is what code it is about."""
        self._end(markdown)
        opened = self._opened
        if opened is not None and await asyncio.shield(opened):
            return
        if self._backend.client.shows_documents:
            path = await asyncio.to_thread(_write, self._name, markdown)
            if await self._open(path.as_uri()):
                return
        self._say(markdown, about)

    @contextmanager
    def stopped_on_error(self) -> Iterator[None]:
        """Say on a page that has begun that nothing more comes, where the block raises."""
        try:
            yield
        except BaseException:
            if self._opened:
                self._end(f"{self._text}\n\n{_STOPPED}")
            raise

    def _end(self, markdown: str) -> None:
        """Let the page say this for good."""
        self.grow(lambda: markdown)
        self._over = True
        self._backend.pages.write(self._uri, markdown)

    async def _follow(self, opened: asyncio.Future[bool]) -> None:
        """Show the page until all of it is there; whatever happens, who waits for its being opened is told."""
        try:
            await self._show(opened)
        finally:
            if not opened.done():
                opened.set_result(False)

    async def _show(self, opened: asyncio.Future[bool]) -> None:
        """Open the page, and let the editor read it again as it grows."""
        shown: Draft | None = None
        while shown is not self._draft or not self._over:
            self._wake.clear()
            if (draft := self._draft) is None or draft is shown:
                await self._wake.wait()
                continue
            shown = draft
            try:
                text = await asyncio.to_thread(draft)
            except Exception as error:  # noqa: BLE001 - the next draft may be made, and the whole page does not hang on it
                logger.warning("a page was not drafted: %s", type(error).__name__)
                continue
            if draft is self._draft or not self._over:
                self._text = text
                self._backend.pages.write(self._uri, text)
            if opened.done():
                await self._refresh()
                continue
            opened.set_result(await self._open(self._uri))
            if not opened.result():
                return

    async def _open(self, uri: str) -> bool:
        server = self._backend.server
        try:
            params = types.ShowDocumentParams(uri, take_focus=True)
            return (await server.ask(server.window_show_document_async(params))).success
        except (TimeoutError, JsonRpcException):
            return False

    async def _refresh(self) -> None:
        server, params = self._backend.server, types.TextDocumentContentRefreshParams(self._uri)
        with suppress(TimeoutError, JsonRpcException):  # it has what it read last, and the next refresh may do better
            await server.ask(server.workspace_text_document_content_refresh_async(params))

    def _say(self, markdown: str, about: About | None) -> None:
        text = plain(markdown)
        if about and self._backend.client.hovers:
            self._backend.answers.keep(about, markdown)
            line, name = about.range.start.line + 1, about.document.name or "the file"
            text = f"{self._title or 'The answer'} is here: hover over line {line} of {name} to read it."
        self._backend.server.window_show_message(types.ShowMessageParams(types.MessageType.Info, text))


def _write(name: str, markdown: str) -> Path:
    path = (
        _folder() / f"{file_name(name)}-{next(_NUMBERS)}.md"
    )  # editors complain of a file that changes while it is open
    path.write_text(f"{markdown}\n", "utf-8")
    return path


@cache
def _folder() -> Path:
    """This process's pages; left to the system's cleaning, as the editor may read one again at any time."""
    return Path(tempfile.mkdtemp(prefix="codetune-"))
