"""A child process that speaks the Language Server Protocol over its standard streams."""

import asyncio
import contextlib
import itertools
import json
import re
from collections.abc import Sequence
from typing import Any, Self

_HEADER_END = b"\r\n\r\n"
_LAST_WORDS = 0.5
_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)

Message = dict[str, Any]


class ChildLost(Exception):  # noqa: N818 - says what happened
    """The child ended, or broke the protocol, before it answered."""


class RequestRefused(Exception):  # noqa: N818
    """The child answered with an error; the text is the child's."""


class LspChild:
    """The client's end of a language server started for one client, over JSON-RPC 2.0.

    Answers are matched to requests by id, in whatever order they come. What the child asks of its client is answered
    with null, what it notifies is passed over.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._writing = asyncio.Lock()
        self._lost = False
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, command: Sequence[str], folder: str) -> Self:
        """Start a program in a folder; raises OSError where that is impossible."""
        pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=nowhere, cwd=folder)
        return cls(process)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return not self._lost and self._process.returncode is None

    async def request(
        self, method: str, params: Message, *, before: Sequence[Message] = (), after: Sequence[Message] = ()
    ) -> Any:
        """Result of a request, sent in one write with the notifications before and after it.

        Raises ChildLost, or RequestRefused.
        """
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(*before, {"id": number, "method": method, "params": params}, *after)
            return await answer
        finally:
            del self._waiting[number]
            if answer.done() and not answer.cancelled():
                answer.exception()  # looked at, so that asyncio does not log what the caller was told otherwise

    async def notify(self, method: str, params: Message) -> None:
        """Send a notification; raises ChildLost."""
        await self._send({"method": method, "params": params})

    async def end(self) -> None:
        """Kill it and wait until nothing of it is left; may be called again."""
        lost, self._lost = self._lost, True
        try:
            if lost:  # it has mostly ended by itself, and what is reaped must not be killed
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_WORDS):
                        await asyncio.shield(self._reader)
        finally:
            self._kill()
        await asyncio.shield(self._reader)

    async def _send(self, *messages: Message) -> None:
        stream = self._process.stdin
        if stream is None or self._lost:
            raise ChildLost
        try:
            async with self._writing:
                stream.write(b"".join(_frame(message) for message in messages))
                await stream.drain()
        except ConnectionError as error:
            self._lost = True
            raise ChildLost from error

    async def _read(self) -> None:
        """Hand out answers until the child ends or stops making sense, which is the end of it too."""
        try:
            while True:
                await self._take(await self._message())
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError, ChildLost):
            pass
        finally:
            self._abandon()
            await self._buried()

    async def _message(self) -> Message:
        stream = self._process.stdout
        length = _LENGTH.search(await stream.readuntil(_HEADER_END)) if stream else None
        if stream is None or length is None:
            raise ValueError("no Content-Length")
        message = json.loads(await stream.readexactly(int(length[1])))
        if not isinstance(message, dict):
            raise ValueError("not a JSON-RPC message")  # noqa: TRY004 - malformed input, as the rest
        return message

    async def _take(self, message: Message) -> None:
        if "method" in message:
            if "id" in message:
                await self._send({"id": message["id"], "result": None})
            return
        answer = self._waiting.get(message.get("id", 0))
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(RequestRefused(str(message["error"].get("message", "no reason given"))))
        else:
            answer.set_result(message.get("result"))

    def _abandon(self) -> None:
        self._lost = True
        if self._process.stdin:
            self._process.stdin.close()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ChildLost())

    async def _buried(self) -> None:
        """Wait for the end of a child that closed its output; it mostly has ended by then."""
        try:
            async with asyncio.timeout(_LAST_WORDS):
                await self._process.wait()
        except TimeoutError:
            self._kill()
            await self._process.wait()
        if self._process.stdin:
            with contextlib.suppress(ConnectionError):
                await self._process.stdin.wait_closed()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._process.returncode is None:
                self._process.kill()


def _frame(message: Message) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode("utf-8", "replace")
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
