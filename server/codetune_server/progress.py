"""Progress that the editor shows for long work, and that the user can cancel there."""

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from codetune_server.commands import work_done_token
from codetune_server.language_server import CodeTuneServer
from codetune_server.spoken import spoken

_CREATION_SECONDS = 5.0


class Progress:
    """A progress that has begun; without a token it is shown to nobody."""

    def __init__(self, server: CodeTuneServer, token: types.ProgressToken | None) -> None:
        self._server = server
        self._token = token

    def begin(self, title: str, *, measured: bool = True) -> None:
        """Show it, with a button that cancels; ``measured`` where it will be known how much is done."""
        percentage = 0 if measured else None
        self._send(types.WorkDoneProgressBegin(title=spoken(title), cancellable=True, percentage=percentage))

    def report(self, message: str, percentage: int | None = None) -> None:
        """Say what is done now and, where it is measured, how much (0 to 100)."""
        self._send(types.WorkDoneProgressReport(message=spoken(message), percentage=percentage, cancellable=True))

    def end(self, message: str | None = None) -> None:
        """Show it no longer."""
        self._send(types.WorkDoneProgressEnd(message=message))

    def _send(
        self, value: types.WorkDoneProgressBegin | types.WorkDoneProgressReport | types.WorkDoneProgressEnd
    ) -> None:
        if self._token is not None:
            self._server.progress(types.ProgressParams(token=self._token, value=value))


@asynccontextmanager
async def progress(server: CodeTuneServer, title: str, *, measured: bool = True) -> AsyncGenerator[Progress]:
    """Show progress while the block runs, under the running command's token or one of the server's own.

    The task is cancelled when the user cancels the progress.
    """
    token = work_done_token()
    if token is None:
        token = await _create(server)
    shown = Progress(server, token)
    shown.begin(title, measured=measured)
    try:
        with server.protocol.stopped_by(token):
            yield shown
    finally:
        shown.end()


async def _create(server: CodeTuneServer) -> str | None:
    window = server.client_capabilities.window
    if not (window and window.work_done_progress):
        return None
    token = str(uuid.uuid4())
    params = types.WorkDoneProgressCreateParams(token=token)
    try:
        await server.ask(server.window_work_done_progress_create_async(params), _CREATION_SECONDS)
    except (TimeoutError, JsonRpcException):
        return None
    return token
