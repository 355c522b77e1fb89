"""A server with commands and features that misbehave in every way a real one might; run as a program by the tests."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from typing import Any

from lsprotocol import types

from codetune_core.errors import CodeTuneError
from codetune_server.app import _log_to
from codetune_server.commands import work_done_token
from codetune_server.language_server import CodeTuneServer
from codetune_server.progress import progress
from codetune_server.transport import run_stdio

SECRET = "password = 'hunter2' in /home/someone/project.py"


class Ticks:
    """Counts while something runs, so that it can be seen whether it still does."""

    def __init__(self) -> None:
        self.count = 0

    async def run(self, seconds: float = 60) -> str:
        for _ in range(int(seconds * 200)):
            self.count += 1
            await asyncio.sleep(0.005)
        return "done"


def create() -> CodeTuneServer:
    server = CodeTuneServer()
    ticks = Ticks()
    _add_commands(server, ticks)
    _add_bad_commands(server)
    _add_features(server, ticks)
    return server


def _add_commands(server: CodeTuneServer, ticks: Ticks) -> None:  # noqa: C901 - a list of small functions
    @server.command("probe.ticks")
    def count() -> int:
        return ticks.count

    @server.command("probe.slow")
    async def slow(seconds: float = 60) -> str:
        return await ticks.run(seconds)

    @server.command("probe.progress")
    async def long(server: CodeTuneServer) -> str:
        async with progress(server, "Probing") as shown:
            shown.report("half", 50)
            return await ticks.run()

    @server.command("probe.arguments")
    def arguments(text: str, number: int = 3, places: list[types.Position] | None = None) -> list[Any]:
        return [text, number, len(places or [])]

    @server.command("probe.token")
    async def token() -> Any:
        await asyncio.sleep(0)
        return work_done_token()

    @server.command("probe.ask")
    async def ask(ls: CodeTuneServer, seconds: float) -> str:
        params = types.ShowMessageRequestParams(types.MessageType.Info, "Well?", [types.MessageActionItem("Yes")])
        try:
            answer = await ls.ask(ls.window_show_message_request_async(params), seconds)
        except TimeoutError:
            return "no answer"
        return answer.title if answer else "nothing chosen"

    @server.command("probe.text")
    def text(ls: CodeTuneServer, uri: str) -> list[Any] | None:
        document = ls.documents.snapshot(uri)
        return [document.text, document.version, document.language] if document else None

    @server.command("probe.notebook")
    def notebook(ls: CodeTuneServer, uri: str) -> str | None:
        joined = ls.notebooks.notebook(uri)
        return joined.document.text if joined else None

    @server.command("probe.capabilities")
    def capabilities(ls: CodeTuneServer) -> types.ClientCapabilities:
        return ls.client_capabilities

    @server.command("probe.kept")
    async def kept(ls: CodeTuneServer) -> dict[str, int]:
        await asyncio.sleep(0.1)
        held = {name: len(value) for name, value in vars(ls.protocol).items() if isinstance(value, dict | set)}
        return held | {"tasks": len(asyncio.all_tasks())}


def _add_bad_commands(server: CodeTuneServer) -> None:  # noqa: C901 - a list of small functions
    @server.command("probe.fail")
    async def fail() -> None:
        raise ValueError(SECRET)

    @server.command("probe.refuse")
    def refuse() -> None:
        raise CodeTuneError("Install the thing first.")

    @server.command("probe.no_json")
    def no_json() -> object:
        return {1, threading.Lock()}

    @server.command("probe.stubborn")
    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "finished all the same"
        return "never"

    @server.command("probe.print")
    def noise() -> str:
        print("noise from print")  # noqa: T201 - the noise is what is tested
        os.write(1, b"noise from the descriptor")
        return subprocess.run(["cat"], stdin=None, stdout=None, check=True, timeout=5).args[0]

    @server.command("probe.thread")
    def thread() -> None:
        threading.Thread(target=time.sleep, args=(60,)).start()
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)

    @server.command("probe.block")
    def block() -> None:
        time.sleep(60)

    @server.command("probe.hang_at_end")
    def hang(ls: CodeTuneServer) -> None:
        async def cleanup() -> None:
            while True:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    continue

        ls.add_cleanup(cleanup)

    @server.command("probe.mark_at_end")
    def mark(ls: CodeTuneServer, path: str) -> None:
        async def cleanup() -> None:
            await asyncio.sleep(0.01)
            os.close(os.open(path, os.O_CREAT))

        ls.add_cleanup(cleanup)


def _add_features(server: CodeTuneServer, ticks: Ticks) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(_: types.HoverParams) -> types.Hover:
        return types.Hover(await ticks.run())

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def symbols(_: types.DocumentSymbolParams) -> None:
        raise KeyError(SECRET)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(_: types.DidSaveTextDocumentParams) -> None:
        raise RuntimeError(SECRET)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(_: types.DidChangeTextDocumentParams) -> None:
        await asyncio.sleep(0)

    @server.feature("probe/echo")
    def echo(params: Any) -> Any:
        return params


if __name__ == "__main__":
    _log_to(None, sys.argv[1] if len(sys.argv) > 1 else "warning")
    run_stdio(create)
