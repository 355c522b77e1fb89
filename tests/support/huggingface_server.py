"""A server that speaks Hugging Face's interface: the router of Inference Providers, and Endpoints, with faults."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answer = Callable[["Asked", web.Request], Awaitable[web.StreamResponse]]

MODELS = {
    "data": [
        {
            "id": "Qwen/Qwen2.5-Coder-32B-Instruct",
            "object": "model",
            "providers": [
                {
                    "provider": "together",
                    "status": "live",
                    "context_length": 32768,
                    "pricing": {"input": 0.8, "output": 0.8},
                    "supports_structured_output": False,
                },
                {
                    "provider": "nscale",
                    "status": "live",
                    "context_length": 16384,
                    "pricing": {"input": 0.06, "output": 1.2},
                    "supports_structured_output": True,
                },
                {"provider": "gone", "status": "error", "context_length": 1024},
            ],
        },
        {"id": "org/unpriced", "providers": [{"provider": "together", "status": "live"}]},
        {"id": "org/odd", "providers": [{"provider": "together", "context_length": -1}, {"provider": "nscale"}]},
        {"id": "org/nobody", "providers": []},
        {"no": "id"},
    ]
}


@dataclass
class Asked:
    """A request as it arrived; ``port`` is that of the client's connection."""

    path: str
    headers: dict[str, str]
    body: Any
    port: int


@dataclass
class HuggingFaceServer:
    """Answers by path; what is not in ``answers`` is 404. ``open`` counts the streams that a client still reads."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    open: int = 0
    was_closed: asyncio.Event = field(default_factory=asyncio.Event)

    def on(self, path: str, *answers: Answer) -> None:
        """Set what a path answers, one after the other, the last of them for ever."""
        self.answers[path] = list(answers)

    def bodies(self, path: str) -> list[Any]:
        """What was sent to a path."""
        return [asked.body for asked in self.asked if asked.path == path]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer."""
        body = await request.json() if request.can_read_body else None
        port = request.transport.get_extra_info("peername")[1]
        asked = Asked(request.path, dict(request.headers), body, port)
        self.asked.append(asked)
        answers = self.answers.get(request.path)
        if not answers:
            return web.json_response({"error": "Not Found"}, status=404)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.open += 1
        try:
            return await answer(asked, request)
        finally:
            self.open -= 1
            self.was_closed.set()


@asynccontextmanager
async def huggingface_server() -> AsyncIterator[HuggingFaceServer]:
    """Serve on a free port of this machine."""
    server = HuggingFaceServer()
    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_route("*", "/{path:.*}", server.handle)
    # A request whose client has gone is cancelled, so that a test can see it.
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    server.on("/v1/models", answers(MODELS))
    try:
        yield server
    finally:
        await runner.cleanup()


def answers(content: Any, status: int = 200, **headers: str) -> Answer:
    """Answer with JSON."""

    async def answer(_asked: Asked, _request: web.Request) -> web.StreamResponse:
        return web.json_response(content, status=status, headers=headers)

    return answer


def says(text: str, status: int = 200, **headers: str) -> Answer:
    """Answer with a text."""

    async def answer(_asked: Asked, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status, headers=headers)

    return answer


def streams(*events: Any, then: str = "end") -> Answer:
    """Answer with Server-Sent Events: texts as they are, else JSON; ``then`` end, cut, or be silent."""

    async def answer(_asked: Asked, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in events:
            line = event if isinstance(event, str) else f"data: {json.dumps(event)}"
            await response.write(f"{line}\n\n".encode())
        if then == "silence":
            await asyncio.Event().wait()
        if then == "cut":
            request.transport.abort()
        else:
            await response.write_eof()
        return response

    return answer


async def silence(_asked: Asked, _request: web.Request) -> web.StreamResponse:
    """Answer nothing, for ever."""
    await asyncio.Event().wait()
    raise AssertionError


def delta(text: str, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One event of a chat."""
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": finish, **more}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def used(prompt: int, completion: int, **more: Any) -> dict[str, Any]:
    """The event that tells the usage of a chat."""
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **more}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": usage}


def token(text: str, logprob: float = -0.5, *, special: bool = False, **details: Any) -> dict[str, Any]:
    """One event of a generation of text."""
    event = {"index": 1, "token": {"id": 1, "text": text, "logprob": logprob, "special": special}}
    return {**event, "generated_text": None, "details": details or None}
