"""Runs prompts, and streams what happens."""

from contextlib import aclosing

from aiohttp import web

from codetune_core.domain.identifiers import new_id
from codetune_core.execution.wire import EXECUTION_HEADER, ExecuteBody
from codetune_remote.principal import Scope
from codetune_remote.route import Call, Route


async def execute(call: Call[ExecuteBody]) -> web.StreamResponse:
    """Stream the events of one execution."""
    execution_id = new_id()
    asked = call.body.request(execution_id, user_id=call.principal.user_id, tenant=call.principal.tenant)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", EXECUTION_HEADER: str(execution_id)})
    await response.prepare(call.request)
    number = 0
    async with aclosing(call.service.core.executor.execute(asked)) as events:
        async for event in events:
            number += 1
            await response.write(f"id: {number}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n".encode())
    return response


ROUTES = (
    Route(
        "POST",
        "/api/execute",
        execute,
        Scope.EXECUTE,
        "Run a prompt, by task",
        body=ExecuteBody,
        media=("text/event-stream", "application/x-ndjson"),
    ),
)
