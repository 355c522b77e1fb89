"""The protocol's own methods, from ``initialize`` to ``exit``, and the text synchronization, on our own documents.

pygls would keep a second copy of every text, split at other line ends. What is overridden or used of pygls' private
side, here and in ``exchange``, is listed in ``RELIED_ON``, which a test compares with the pygls that is installed.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Protocol, cast

from cattrs import Converter
from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.protocol import lsp_method

from codetune_core.domain.text import Encoding
from codetune_server import errors
from codetune_server.commands import CommandParams, bind_arguments, command_params
from codetune_server.documents import Documents
from codetune_server.exchange import Exchange
from codetune_server.notebooks import Notebooks
from codetune_server.reading import Incoming

RELIED_ON = {
    "_send_data": ("self", "data"),
    "_serialize_message": ("self", "data"),
    "send_request_async": ("self", "method", "params", "msg_id"),
    "lsp_initialize": ("self", "params"),
    "lsp_shutdown": ("self", "args"),
    "lsp_exit": ("self", "args"),
    "lsp_text_document__did_open": ("self", "params"),
    "lsp_text_document__did_change": ("self", "params"),
    "lsp_text_document__did_close": ("self", "params"),
    "lsp_notebook_document__did_open": ("self", "params"),
    "lsp_notebook_document__did_change": ("self", "params"),
    "lsp_notebook_document__did_close": ("self", "params"),
    "lsp_workspace__execute_command": ("self", "params"),
    "lsp_work_done_progress_cancel": ("self", "params"),
}
"""Methods of pygls' LanguageServerProtocol that are replaced or called here, with their parameters."""

_WIND_DOWN_SECONDS = 0.5


class Owner(Protocol):
    """What the protocol tells the server that it belongs to."""

    watch: Callable[[int | None], None]
    """The editor's process id is known."""

    def stop(self) -> None:
        """The editor said ``exit``."""
        ...


class CodeTuneProtocol(Exchange):
    """The protocol of one connection."""

    def __init__(self, server: LanguageServer, converter: Converter) -> None:
        self.documents = Documents()
        self.notebooks = Notebooks(self.documents)
        super().__init__(server, converter)

    @property
    def _owner(self) -> Owner:
        return cast("Owner", self._server)

    def _then(self, method: str, params: Any) -> Any:
        """Hand over to the feature registered for the same method."""
        handler = self.fm.features.get(method)
        return handler(params) if handler else None

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """Negotiate; the editor's process is watched from here on."""
        result = yield from super().lsp_initialize(params)
        content = self.fm.feature_options.get(types.WORKSPACE_TEXT_DOCUMENT_CONTENT)
        if content and result.capabilities.workspace:  # pygls does not know it
            result.capabilities.workspace.text_document_content = content
        self.documents.encoding = Encoding(types.PositionEncodingKind(self.workspace.position_encoding).value)
        self._owner.watch(params.process_id)
        return result

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *args: Any) -> Awaitable[None]:  # type: ignore[override]
        """Refuse what comes from now on and cancel what runs, which is answered before this is."""
        return self._after(self.wind_down(), self._then(types.SHUTDOWN, *args))

    async def _after(self, cancelled: list[asyncio.Future[Any]], outcome: Any) -> None:
        if inspect.isawaitable(outcome):
            await outcome
        if cancelled:
            await asyncio.wait(cancelled, timeout=_WIND_DOWN_SECONDS)

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override]  # noqa: ARG002 - pygls' signature
        """End: 0 after a shutdown, 1 without."""
        self._owner.stop()

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Any:
        """Take the text."""
        self.documents.open(params.text_document)
        return self._then(types.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Any:
        """Apply the changes."""
        self.documents.change(params.text_document, params.content_changes)
        return self._then(types.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Any:
        """Forget the text."""
        self.documents.close(params.text_document.uri)
        return self._then(types.TEXT_DOCUMENT_DID_CLOSE, params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def lsp_notebook_document__did_open(self, params: types.DidOpenNotebookDocumentParams) -> Any:
        """Take the cells."""
        self.notebooks.open(params)
        return self._then(types.NOTEBOOK_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def lsp_notebook_document__did_change(self, params: types.DidChangeNotebookDocumentParams) -> Any:
        """Apply the changes to the cells."""
        self.notebooks.change(params)
        return self._then(types.NOTEBOOK_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def lsp_notebook_document__did_close(self, params: types.DidCloseNotebookDocumentParams) -> Any:
        """Forget the cells."""
        self.notebooks.close(params)
        return self._then(types.NOTEBOOK_DOCUMENT_DID_CLOSE, params)

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(self, params: CommandParams) -> Any:  # type: ignore[override]
        """Run a command in the task that answers, so that cancelling one cancels the other."""
        handler = self.fm.commands.get(params.command)
        if handler is None:
            raise errors.invalid_params("There is no command of this name.")
        arguments = bind_arguments(handler, params.arguments or (), self._converter)
        command_params.set(params)
        with self.stopped_by(params.work_done_token):
            outcome = handler(*arguments)
            return await outcome if inspect.isawaitable(outcome) else outcome

    @lsp_method(types.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def lsp_work_done_progress_cancel(self, params: types.WorkDoneProgressCancelParams) -> Any:
        """Cancel the task that shows this progress."""
        if task := self._stoppable.get(params.token):
            task.cancel()
        return self._then(types.WINDOW_WORK_DONE_PROGRESS_CANCEL, params)

    def _unreadable(self, message: Incoming) -> None:
        """A document whose change cannot be read is out of sync."""
        params = message.raw.get("params")
        for key, store in (("textDocument", self.documents), ("notebookDocument", self.notebooks)):
            named = params.get(key) if isinstance(params, dict) else None
            uri = named.get("uri") if isinstance(named, dict) else None
            if isinstance(uri, str) and message.method.endswith("/didChange"):
                store.distrust(uri)
