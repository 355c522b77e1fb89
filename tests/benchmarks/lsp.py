"""A small LSP client that measures: one server process, answers by id, diagnostics by version."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class Client:
    """Speaks to a started server; every wait ends after a limit, so that a benchmark cannot hang."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._next = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._diagnostics: list[tuple[Json, asyncio.Future[Json]]] = []
        self._listener = asyncio.create_task(self._listen())

    async def request(self, method: str, params: Json | None) -> Any:
        """The result of a request; an error answer raises RuntimeError."""
        self._next += 1
        future = self._answers[self._next] = asyncio.get_running_loop().create_future()
        await self._send({"id": self._next, "method": method, "params": params})
        return await asyncio.wait_for(future, 120)

    async def notify(self, method: str, params: Json) -> None:
        """Send a notification."""
        await self._send({"method": method, "params": params})

    def published(self, uri: str, version: int | None = None) -> asyncio.Future[Json]:
        """The next diagnostics published for a document (of this version, where one is given)."""
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._diagnostics.append(({"uri": uri, "version": version}, future))
        return future

    async def open(self, uri: str, text: str) -> Json:
        """Open a Python document and wait for its diagnostics."""
        waiting = self.published(uri, 1)
        document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        await self.notify("textDocument/didOpen", {"textDocument": document})
        return await asyncio.wait_for(waiting, 120)

    async def aclose(self) -> None:
        """End the session as an editor does."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.request("shutdown", None), 5)
            await self.notify("exit", {})
            await asyncio.wait_for(self.process.wait(), 5)
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)

    async def _send(self, message: Json) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await self.process.stdin.drain()

    async def _listen(self) -> None:
        assert self.process.stdout
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                header = await self.process.stdout.readuntil(b"\r\n\r\n")
                length = int(header.lower().partition(b"content-length:")[2].split()[0])
                await self._receive(json.loads(await self.process.stdout.readexactly(length)))

    async def _receive(self, message: Json) -> None:
        if "method" in message and "id" in message:
            answer = (
                [None] * len(message["params"]["items"]) if message["method"] == "workspace/configuration" else None
            )
            await self._send({"id": message["id"], "result": answer})
        elif message.get("method") == "textDocument/publishDiagnostics":
            self._publish(message["params"])
        elif message.get("id") in self._answers:
            future = self._answers.pop(message["id"])
            if "error" in message:
                future.set_exception(RuntimeError(message["error"]["message"]))
            else:
                future.set_result(message["result"])

    def _publish(self, params: Json) -> None:
        for entry in list(self._diagnostics):
            wanted, future = entry
            if wanted["uri"] == params["uri"] and wanted["version"] in (None, params.get("version")):
                self._diagnostics.remove(entry)
                future.set_result(params)


@contextlib.asynccontextmanager
async def session(command: Sequence[str], root: Path, capabilities: Json) -> AsyncIterator[tuple[Client, float]]:
    """A server started and initialized, and the seconds from its start to the answer of ``initialize``."""
    pipe = asyncio.subprocess.PIPE
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, cwd=root, limit=2**26
    )
    client = Client(process)
    folders = [{"uri": root.as_uri(), "name": root.name}]
    params = {"processId": None, "rootUri": root.as_uri(), "workspaceFolders": folders, "capabilities": capabilities}
    await client.request("initialize", params)
    taken = time.perf_counter() - begun
    await client.notify("initialized", {})
    try:
        yield client, taken
    finally:
        await client.aclose()
