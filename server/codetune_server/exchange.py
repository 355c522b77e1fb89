"""JSON-RPC as CodeTune speaks it: exactly one answer to every request, and cancellation that stops work.

pygls supplies the registry of features, the capabilities and the types. How messages are received, run, cancelled and
answered is decided here, because pygls 2.1 leaves some requests unanswered, lets cancelled commands run on, and keeps
a future for each notification.
"""

import asyncio
import inspect
import itertools
import json
import logging
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

from cattrs import Converter
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol
from pygls.server import JsonRPCServer

from codetune_core.errors import CodeTuneError
from codetune_server import errors
from codetune_server.documents import OutOfSync
from codetune_server.errors import RequestError
from codetune_server.framing import frame
from codetune_server.reading import Incoming, Refusal, params_of, read

logger = logging.getLogger(__name__)

MessageId = int | str
_LAST_ANSWERS_SECONDS = 0.2


class Exchange(LanguageServerProtocol):
    """Receives, runs and answers the messages of one connection; everything happens in the loop's thread."""

    def __init__(self, server: JsonRPCServer, converter: Converter) -> None:
        self._numbers = itertools.count(1)
        self._asked: dict[MessageId | None, asyncio.Future[Any]] = {}
        self._running: dict[MessageId | None, asyncio.Future[Any]] = {}
        self._background: set[asyncio.Future[Any]] = set()
        self._stoppable: dict[types.ProgressToken, asyncio.Task[Any]] = {}
        self._shutdown = False
        super().__init__(server, converter)  # type: ignore[arg-type]  # pygls' protocol knows its own servers only

    @property
    def is_shut_down(self) -> bool:
        """Whether the editor has asked for the end."""
        return self._shutdown

    def receive(self, body: bytes) -> None:
        """Take one message; whatever it holds, nothing is raised."""
        message = read(body)
        if isinstance(message, Refusal):
            self._refuse(message.id, message.error)
        elif message.is_request:
            self._take_request(message)
        elif message.method:
            self._take_notification(message)
        else:
            self._take_answer(message)

    def wind_down(self) -> list[asyncio.Future[Any]]:
        """Refuse every request from now on and cancel what runs."""
        self._shutdown = True
        running = [*self._running.values(), *self._background]
        for each in running:
            each.cancel()
        return running

    async def aclose(self) -> None:
        """Stop and answer what runs, as far as a moment allows, and let nobody wait for the client any more."""
        if not self._shutdown:
            self.wind_down()
        if self._running:
            await asyncio.wait(self._running.values(), timeout=_LAST_ANSWERS_SECONDS)
        self.writer = None
        self.wind_down()
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(ConnectionError("the editor is gone"))

    @contextmanager
    def stopped_by(self, token: types.ProgressToken | None) -> Iterator[None]:
        """Cancel the task that runs the block when the user cancels the progress shown under the token."""
        task = asyncio.current_task()
        if token is None or task is None or token in self._stoppable:
            yield
            return
        self._stoppable[token] = task
        try:
            yield
        finally:
            del self._stoppable[token]

    # Requests

    def _take_request(self, message: Incoming) -> None:
        try:
            self._check_state(message)
            outcome = self._begin(self._handler(message), params_of(message, self._converter))
        except Exception as error:  # noqa: BLE001 - whatever went wrong, an answer is owed
            self._fail(message, error)
            return
        if isinstance(outcome, asyncio.Future):
            self._running[message.id] = outcome
            outcome.add_done_callback(partial(self._finish, message))
        else:
            self._answer(message, outcome)

    def _check_state(self, message: Incoming) -> None:
        initialized = self._workspace is not None
        if self._shutdown:
            raise RequestError(errors.INVALID_REQUEST, "The server is shutting down.")
        if not initialized and message.method != types.INITIALIZE:
            raise RequestError(errors.NOT_INITIALIZED, "The first request must be initialize.")
        if initialized and message.method == types.INITIALIZE:
            raise RequestError(errors.INVALID_REQUEST, "The server is initialized already.")
        if message.id in self._running:
            raise RequestError(errors.INVALID_REQUEST, "Another request with this id is not answered yet.")

    def _handler(self, message: Incoming) -> Callable[..., Any]:
        handler = self._find(message.method)
        if handler is None:
            raise RequestError(
                errors.METHOD_NOT_FOUND, f"This server does not know the method {message.method[:80]!r}."
            )
        known = types.METHOD_TO_TYPES.get(message.method)
        if known and known[1] is None:
            raise RequestError(errors.INVALID_REQUEST, f"{message.method} is a notification and takes no id.")
        return handler

    def _find(self, method: str) -> Callable[..., Any] | None:
        found: Callable[..., Any] | None = self.fm.builtin_features.get(method) or self.fm.features.get(method)
        return found

    def _begin(self, handler: Callable[..., Any], params: Any) -> Any:
        """Call a handler: its result, or the future of one that has to be awaited."""
        outcome = handler(params)
        if inspect.isgenerator(outcome):
            outcome = self._drive(outcome)
        return asyncio.ensure_future(outcome) if inspect.isawaitable(outcome) else outcome

    def _drive(self, steps: Generator[Any, Any, Any], value: Any = None) -> Any:
        """Run one of pygls' generator handlers up to its end, or up to the first handler that has to be awaited."""
        try:
            while True:
                handler, args, kwargs = steps.send(value)
                value = handler(*args, **(kwargs or {}))
                if inspect.isawaitable(value):
                    return self._drive_on(steps, value)
        except StopIteration as end:
            return end.value

    async def _drive_on(self, steps: Generator[Any, Any, Any], pending: Awaitable[Any]) -> Any:
        outcome = self._drive(steps, await pending)
        return await outcome if inspect.isawaitable(outcome) else outcome

    def _finish(self, message: Incoming, running: asyncio.Future[Any]) -> None:
        self._running.pop(message.id, None)
        if running.cancelled():
            self._refuse(message.id, errors.cancelled())
        elif error := running.exception():
            self._fail(message, error)
        else:
            self._answer(message, running.result())

    def _answer(self, message: Incoming, result: Any) -> None:
        try:
            self._send_data({"jsonrpc": self.VERSION, "id": message.id, "result": self._converter.unstructure(result)})
        except Exception as error:  # noqa: BLE001 - a result that is no JSON still needs an answer
            self._fail(message, error)

    def _fail(self, message: Incoming, error: BaseException) -> None:
        self._note(message.method, error)
        self._refuse(message.id, errors.told(error))

    def _refuse(self, message_id: MessageId | None, error: RequestError) -> None:
        told = {"code": error.code, "message": error.message}
        self._send_data({"jsonrpc": self.VERSION, "id": message_id, "error": told})

    def _note(self, method: str, error: BaseException) -> None:
        if not isinstance(error, JsonRpcException | CodeTuneError):
            logger.error("%s failed: %s", method, type(error).__name__)
            logger.debug("%s failed", method, exc_info=error)

    # Notifications

    def _take_notification(self, message: Incoming) -> None:
        if message.method == types.CANCEL_REQUEST:
            self._cancel(message)
            return
        handler = self._find(message.method)
        ignored = (self._workspace is None or self._shutdown) and message.method != types.EXIT
        if handler is None or ignored:
            logger.debug("ignored the notification %s", message.method)
            return
        try:
            outcome = self._begin(handler, self._notified(message))
        except Exception as error:  # noqa: BLE001 - a notification must not end the server
            self._complain(message, error)
            return
        if isinstance(outcome, asyncio.Future):
            self._background.add(outcome)
            outcome.add_done_callback(partial(self._settle, message))

    def _notified(self, message: Incoming) -> Any:
        """The parameters of a notification."""
        try:
            return params_of(message, self._converter)
        except RequestError:
            self._unreadable(message)
            raise

    def _unreadable(self, message: Incoming) -> None:
        """Take note of a notification that cannot be read; may raise what is to be said about it instead."""

    def _settle(self, message: Incoming, done: asyncio.Future[Any]) -> None:
        self._background.discard(done)
        if not done.cancelled() and (error := done.exception()):
            self._complain(message, error)

    def _complain(self, message: Incoming, error: BaseException) -> None:
        """Tell the client in its log, since nobody waits for an answer."""
        self._note(message.method, error)
        kind = types.MessageType.Error if isinstance(error, OutOfSync) else types.MessageType.Warning
        text = f"{message.method}: {errors.told(error).message}"
        self.notify(types.WINDOW_LOG_MESSAGE, types.LogMessageParams(type=kind, message=text))

    def _cancel(self, message: Incoming) -> None:
        params = message.raw.get("params")
        message_id = params.get("id") if isinstance(params, dict) else None
        if isinstance(message_id, int | str) and (running := self._running.get(message_id)):
            running.cancel()

    # Requests to the client

    async def send_request_async(self, method: str, params: Any | None = None, msg_id: MessageId | None = None) -> Any:
        """Ask the client and wait; a caller that stops waiting cancels the request there. Raises JsonRpcException."""
        number = next(self._numbers) if msg_id is None else msg_id
        asked = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._send_data({"jsonrpc": self.VERSION, "id": number, "method": method, "params": params})
            raw = await asked
        except asyncio.CancelledError:
            self.notify(types.CANCEL_REQUEST, types.CancelParams(id=number))
            raise
        finally:
            del self._asked[number]
        kind = self.get_result_type(method)
        try:
            return self._converter.structure(raw, kind).result if kind else raw.get("result")
        except Exception as error:
            raise JsonRpcException(f"{method} was answered in a form that it has not") from error

    def send_request(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Not used: a future that is not awaited is never given up."""
        raise NotImplementedError("await the method whose name ends in _async, within server.ask()")

    def _take_answer(self, message: Incoming) -> None:
        asked = self._asked.get(message.id)
        if asked is None or asked.done():
            logger.debug("an answer came that nobody waits for")
        elif isinstance(error := message.raw.get("error"), dict):
            asked.set_exception(JsonRpcException(str(error.get("message", "")), error.get("code")))
        else:
            asked.set_result(message.raw)

    def _send_data(self, data: Any) -> None:
        if self.writer is not None:
            body = json.dumps(data, default=self._serialize_message, separators=(",", ":"))
            self.writer.write(frame(body.encode()))
