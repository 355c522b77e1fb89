"""A local HTTP server whose answers a test decides, and which tells what it was asked, and how often it was dialled."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[[web.Request, dict], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict


@dataclass
class Peer:
    """``routes`` maps a path to what answers it; ``hung_up`` is set when a client leaves in the middle of an answer."""

    routes: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    connections: list[object] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    origin: str = ""

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    def posts(self, path: str = "") -> list[dict]:
        """Bodies of what was posted to a path that ends so."""
        return [asked.body for asked in self.asked if asked.method == "POST" and asked.path.endswith(path)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.transport not in self.connections:
            self.connections.append(request.transport)
        text = await request.text()
        body = json.loads(text) if text else {}
        self.asked.append(Asked(request.method, request.path, dict(request.headers), body))
        answer = self.routes.get(request.path)
        if answer is None:
            return web.json_response({"detail": "Not Found"}, status=404)
        try:
            return await answer(request, body)
        except (asyncio.CancelledError, ConnectionError):
            self.hung_up.set()
            raise


@asynccontextmanager
async def serving(peer: Peer, tls: ssl.SSLContext | None = None):
    """Serve on a free port of this machine; a handler is cancelled when its client leaves."""
    runner = web.AppRunner(_app(peer), handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    scheme, port = ("https" if tls else "http"), runner.addresses[0][1]
    peer.origin = f"{scheme}://localhost:{port}" if tls else f"{scheme}://127.0.0.1:{port}"
    try:
        yield peer
    finally:
        await runner.cleanup()


def _app(peer: Peer) -> web.Application:
    app = web.Application(client_max_size=10**8)
    app.router.add_route("*", "/{path:.*}", peer.handle)
    return app


def told(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """An answer in JSON."""

    async def answer(request, body):
        return web.json_response(content, status=status, headers=headers)

    return answer


def text(content: str, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """An answer that is text."""

    async def answer(request, body):
        return web.Response(text=content, status=status, headers=headers, content_type="text/html")

    return answer


def in_turn(*answers: Answer) -> Answer:
    """The first answer first; the last one from then on."""
    left = list(answers)

    async def answer(request, body):
        return await (left.pop(0) if len(left) > 1 else left[0])(request, body)

    return answer


async def silence(request, body):
    """No answer ever."""
    await asyncio.Event().wait()


def blocks(*parts: bytes, then: str = "end") -> Answer:
    """Stream blocks, each of which arrives by itself; then ``end``, ``cut`` the connection, or stay in ``silence``."""

    async def answer(request, body):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for part in parts:
            await response.write(part)
            await asyncio.sleep(0)
        if then == "cut":
            request.transport.close()
        elif then == "silence":
            await asyncio.Event().wait()
        return response

    return answer


def frame(content: object, event: str = "") -> bytes:
    """A Server-Sent Event."""
    data = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    named = f"event: {event}\n" if event else ""
    return f"{named}data: {data}\n\n".encode()


def every_byte(parts: Iterable[bytes]) -> list[bytes]:
    """The same, one byte at a time."""
    return [bytes([byte]) for byte in b"".join(parts)]
