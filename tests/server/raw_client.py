"""A client that speaks raw bytes to a server process, so that it can also send what no client should."""

import contextlib
import itertools
import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

PROBE = (sys.executable, str(Path(__file__).with_name("probe_server.py")))
SERVER = (sys.executable, "-m", "codetune_server")
SECONDS = 15.0
"""How long to wait for what must come; the machine may be busy."""


def frame(message: Any) -> bytes:
    """A message as it goes over the wire."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class RawClient:
    """Starts a server and talks to it; every message that came is in ``seen``."""

    def __init__(self, command: tuple[str, ...] = PROBE, **options: Any) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
        )
        self.seen: list[dict[str, Any]] = []
        self.log = b""
        self._incoming: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._ids = itertools.count(1000)
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._read, self._read_log)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def send_bytes(self, data: bytes) -> None:
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, **message: Any) -> None:
        self.send_bytes(frame({"jsonrpc": "2.0", **message}))

    def notify(self, method: str, params: Any = None) -> None:
        self.send(method=method, params=params)

    def request(self, method: str, params: Any = None) -> int:
        """Send a request without waiting; returns its id."""
        number = next(self._ids)
        self.send(id=number, method=method, params=params)
        return number

    def ask(self, method: str, params: Any = None) -> Any:
        """The result of a request; fails on an error."""
        answer = self.answer(self.request(method, params))
        assert "error" not in answer, answer
        return answer["result"]

    def error(self, method: str, params: Any = None) -> dict[str, Any]:
        """The error that a request is answered with."""
        answer = self.answer(self.request(method, params))
        assert "result" not in answer, answer
        return answer["error"]

    def command(self, name: str, *arguments: Any, **more: Any) -> Any:
        return self.ask("workspace/executeCommand", {"command": name, "arguments": list(arguments), **more})

    def start_command(self, name: str, *arguments: Any, **more: Any) -> int:
        return self.request("workspace/executeCommand", {"command": name, "arguments": list(arguments), **more})

    def initialize(self, **params: Any) -> dict[str, Any]:
        result = self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}, **params})
        self.notify("initialized", {})
        return result

    def open(self, uri: str, text: str, version: int = 1, language: str = "python") -> None:
        item = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, uri: str, version: int, *changes: dict[str, Any]) -> None:
        params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": list(changes)}
        self.notify("textDocument/didChange", params)

    def answer(self, number: int | str | None, seconds: float = SECONDS) -> dict[str, Any]:
        """The answer to a request."""
        return self.wait_for(lambda seen: "method" not in seen and seen["id"] == number, seconds)

    def called(self, method: str, seconds: float = SECONDS) -> dict[str, Any]:
        """The first message of the server's own with this method."""
        return self.wait_for(lambda seen: seen.get("method") == method, seconds)

    def wait_for(self, wanted: Any, seconds: float = SECONDS) -> dict[str, Any]:
        for message in list(self.seen):
            if wanted(message):
                return message
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self._incoming.get(timeout=left)
            except queue.Empty:
                break
            if message is None:
                raise AssertionError(f"the server ended: {self.log.decode()}")
            self.seen.append(message)
            if wanted(message):
                return message
        raise AssertionError(f"not seen within {seconds} s; seen: {self.seen[-5:]}; log: {self.log.decode()[-2000:]}")

    def settle(self) -> None:
        """Wait until everything sent so far is dealt with."""
        self.error("probe/nothing")

    def answers(self, number: int | str | None) -> int:
        """How many answers to a request have come."""
        self.settle()
        return sum("method" not in seen and seen["id"] == number for seen in self.seen)

    def exit_code(self, seconds: float = SECONDS) -> int:
        return self.process.wait(seconds)

    def _read(self) -> None:
        stream = self.process.stdout
        while header := stream.readline():
            length = int(header.removeprefix(b"Content-Length: "))
            assert stream.readline() == b"\r\n"
            self._incoming.put(json.loads(stream.read(length)))
        self._incoming.put(None)

    def _read_log(self) -> None:
        while data := os.read(self.process.stderr.fileno(), 65_536):
            self.log += data
