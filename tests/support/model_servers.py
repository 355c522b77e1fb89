"""Local servers that say which models they have, as OpenAI-compatible ones do."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def http_server(answer: Callable[[BaseHTTPRequestHandler], None], host: str = "127.0.0.1") -> Iterator[int]:
    """A real HTTP server in this process, whose GET requests are answered so; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """Answer a request, and hang up."""
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True


@contextmanager
def model_server(models: list[str]) -> Iterator[int]:
    """A server that has these models; yields its port."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        listed = {"object": "list", "data": [{"id": name, "object": "model"} for name in models]}
        known = handler.path == "/v1/models"
        send(handler, json.dumps(listed).encode() if known else b"{}", 200 if known else 404)

    with http_server(answer) as port:
        yield port
