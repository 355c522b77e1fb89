"""One server for one connection: the protocol, its documents, and what is to be ended with it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from attrs import evolve
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from codetune_core.domain.own_version import own_version
from codetune_server.documents import Documents
from codetune_server.notebooks import SYNC, Notebooks
from codetune_server.protocol import CodeTuneProtocol
from codetune_server.reading import strict_converter
from codetune_server.spoken import spoken

logger = logging.getLogger(__name__)
T = TypeVar("T")
CLEANUP_SECONDS = 0.8


class CodeTuneServer(LanguageServer):
    """What features are registered on; its handlers get it as their first argument, ``server``.

    Handlers are ``async def`` or quick: a plain function holds up every other message. Long computation belongs in
    a worker process, and pygls' ``thread()`` is not to be used, because it cannot be cancelled.
    """

    protocol: CodeTuneProtocol

    def __init__(self) -> None:
        super().__init__(
            "codetune",
            own_version(),
            notebook_document_sync=SYNC,
            protocol_cls=CodeTuneProtocol,
            converter_factory=strict_converter,
        )
        self.stopping = asyncio.Event()
        self.exit_code = 1
        self.watch: Callable[[int | None], None] = lambda _: None
        """Called with the editor's process id; set by a transport whose editor is on this machine."""
        self._cleanups: list[Callable[[], Awaitable[None]]] = []

    @property
    def documents(self) -> Documents:
        """The open documents."""
        return self.protocol.documents

    @property
    def notebooks(self) -> Notebooks:
        """The open notebooks."""
        return self.protocol.notebooks

    async def ask(self, answer: Awaitable[T], seconds: float = 10.0) -> T:
        """Wait for the client's answer; raises TimeoutError, or JsonRpcException where the client refuses.

        Args:
            answer: such as ``server.workspace_configuration_async(params)``.
            seconds: how long; a question that a person answers needs minutes.
        """
        async with asyncio.timeout(seconds):
            return await answer

    def window_show_message(self, params: types.ShowMessageParams) -> None:
        """Show a message; nothing in it can be followed."""
        super().window_show_message(evolve(params, message=spoken(params.message)))

    async def window_show_message_request_async(
        self, params: types.ShowMessageRequestParams
    ) -> types.MessageActionItem | None:
        """Ask a question; nothing in it can be followed."""
        return await super().window_show_message_request_async(evolve(params, message=spoken(params.message)))

    def add_cleanup(self, cleanup: Callable[[], Awaitable[None]]) -> None:
        """Have something ended with the server; all of it together has CLEANUP_SECONDS."""
        self._cleanups.append(cleanup)

    def stop(self) -> None:
        """End: the editor said ``exit`` or is gone."""
        if not self.stopping.is_set():
            self.exit_code = 0 if self.protocol.is_shut_down else 1
            self.stopping.set()

    async def aclose(self) -> None:
        """Stop what runs and end what was started; takes about a second at most, whatever hangs."""
        await self.protocol.aclose()
        ending = [asyncio.ensure_future(cleanup()) for cleanup in self._cleanups]
        if ending:
            done, _ = await asyncio.wait(ending, timeout=CLEANUP_SECONDS)
            for failed in (each for each in done if each.exception()):
                logger.warning("clean-up failed: %s", type(failed.exception()).__name__)

    def report_server_error(self, error: Exception, source: Any) -> None:  # noqa: ARG002 - pygls' signature
        """Note an error that pygls met; the client is not told, because the text may hold code."""
        logger.error("the server failed: %s", type(error).__name__)
        logger.debug("the server failed", exc_info=error)
