"""Runs prompts, streams what happens, and lets clients pick it up again or stop it."""

from collections.abc import Mapping
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any
from uuid import UUID

from aiohttp import web

from codetune_core.domain.execution import Task
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.prompt import Prompt
from codetune_core.domain.service_key import Scope
from codetune_core.execution.events import written
from codetune_core.execution.headers import EXECUTION_HEADER, LAST_EVENT_HEADER, RESUMABLE_HEADER
from codetune_core.execution.wire import ExecuteBody, ExecuteOptions
from codetune_remote.handlers.prompts import ByPrompt
from codetune_remote.problems import Refusal
from codetune_remote.route import ById, Call, Nothing, Route
from codetune_remote.streams.answer import Answer, answer_of
from codetune_remote.streams.live import Live, Owner
from codetune_remote.streams.media import NDJSON, SSE, Medium, medium_of
from codetune_remote.streams.send import Reading, send

STARTERS: Mapping[Task, str] = {
    Task.REVIEW: "review",
    Task.EXPLAIN: "explain-code",
    Task.FIX: "fix-finding",
    Task.GENERATE: "generate",
    Task.COMPLETE: "complete",
    Task.TESTS: "unit-tests",
    Task.DOCSTRING: "docstring",
    Task.OPTIMIZE: "optimize",
    Task.SUMMARIZE: "summarize",
    Task.ASK: "answer-with-citations",
}
"""The prompt that does a task where none is named."""
_DIGITS = 15
AnyCall = Call[Any, Any, Any]


class ByTask(ExecuteBody):
    """What to run; without a ``prompt``, the one that ships with CodeTune for this task."""

    prompt: str = ""


class OfPrompt(ExecuteOptions):
    """How to run the prompt of the path; without a ``task``, the one that the prompt says it is for."""

    task: Task | None = None


async def execute(call: Call[ByTask]) -> web.StreamResponse:
    """Stream the events of one execution, or give the answer as JSON where that is what ``Accept`` says.

    What fails after it was let in is the stream's last event. Asking again with the same execution id joins what runs.
    """
    body = call.body if call.body.prompt else call.body.model_copy(update={"prompt": STARTERS[call.body.task]})
    return await _executed(call, body)


async def execute_prompt(call: Call[OfPrompt, Nothing, ByPrompt]) -> web.StreamResponse:
    """Stream the events of one execution of the prompt with this id or name; see ``POST /api/execute``."""
    prompt = await call.service.core.prompts.show(call.path.ref)
    task = call.body.task or _task_of(prompt)
    return await _executed(call, ByTask(**{**dict(call.body), "task": task, "prompt": prompt.name}))


async def events(call: Call[Nothing, Nothing, ById]) -> web.StreamResponse:
    """Stream what followed the event of ``Last-Event-ID``, until the execution is over.

    Where it is over and nothing followed, that is 204. Events are kept for serve.resume_seconds after the end.
    """
    live, after = _own(call), _last_event(call.request)
    if live.log.closed and len(live.log) <= after:
        return web.Response(status=HTTPStatus.NO_CONTENT, headers={EXECUTION_HEADER: str(live.id)})
    return await _read(call, live, medium_of(call.request), after)


async def cancel(call: Call[Nothing, Nothing, ById]) -> web.Response:
    """Stop an execution, for all who read it; it is recorded as cancelled when this answers."""
    live = _own(call)
    live.stop("its client cancelled it")
    await live.ended()
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def _executed(call: AnyCall, body: ExecuteBody) -> web.StreamResponse:
    medium, execution_id, after = medium_of(call.request), _chosen_id(call.request), _last_event(call.request)
    live = _joined(call, body, execution_id) or await _started(call, body, execution_id)
    return await _read(call, live, medium, after)


async def _read(call: AnyCall, live: Live, medium: Medium | None, after: int) -> web.StreamResponse:
    """Give an execution to its client, who counts among those that wait for it meanwhile."""
    hub = call.service.hub
    with hub.reading(live, resumable=call.request.headers.get(RESUMABLE_HEADER) == "1"):
        if medium:
            return await send(call.request, Reading(live, medium, after), hub.pace)
        await live.ended()
        answer = written(answer_of(live.log))
    return web.Response(body=answer, content_type="application/json", headers={EXECUTION_HEADER: str(live.id)})


async def _started(call: AnyCall, body: ExecuteBody, execution_id: UUID) -> Live:
    admission, principal = call.service.admission, call.principal
    request = body.request(execution_id, user_id=principal.user_id, tenant=principal.tenant)
    with ExitStack() as unused:
        ticket = await admission.enter(call.request, principal, body.priority, body.deadline_seconds)
        unused.callback(ticket.leave)
        if live := _joined(call, body, execution_id):  # it was asked twice at once
            return live
        live = call.service.hub.start(request, body, ticket)
        unused.pop_all()
    return live


def _joined(call: AnyCall, body: ExecuteBody, execution_id: UUID) -> Live | None:
    """Return the execution that runs with this id; raises Refusal 409 where it is another one, or over."""
    live = call.service.hub.get(execution_id)
    if live is None:
        return None
    if live.owner != _owner(call) or (live.body and not _same(live.body, body)):
        raise Refusal(409, "conflict", f"{execution_id} is the id of another execution: choose another one")
    if live.body is None:
        detail = f"execution {execution_id} is over; for a while its events are at /api/execution/{execution_id}/events"
        raise Refusal(409, "conflict", detail)
    return live


def _same(one: ExecuteBody, other: ExecuteBody) -> bool:
    """Tell whether the same is asked; a client that asks again has less time left."""
    return one == other.model_copy(update={"deadline_seconds": one.deadline_seconds})


def _own(call: Call[Nothing, Nothing, ById]) -> Live:
    """Return the execution of the path; raises Refusal 404 where there is none, or it is somebody else's."""
    live = call.service.hub.get(call.path.id)
    if live is None or live.owner != _owner(call):
        raise Refusal(404, "not-found", f"no execution {call.path.id} of yours runs, or ended a short while ago")
    return live


def _owner(call: AnyCall) -> Owner:
    return Owner(call.principal.user_id, call.principal.tenant)


def _chosen_id(request: web.Request) -> UUID:
    chosen = request.headers.get(EXECUTION_HEADER)
    if chosen is None:
        return new_id()
    try:
        return UUID(chosen)
    except ValueError as error:
        raise Refusal(422, "invalid", f"{EXECUTION_HEADER} is not a UUID") from error


def _last_event(request: web.Request) -> int:
    number = request.headers.get(LAST_EVENT_HEADER, "0")
    if not (number.isascii() and number.isdigit()):
        raise Refusal(422, "invalid", f"{LAST_EVENT_HEADER} is not the number of an event")
    return int(number[:_DIGITS])


def _task_of(prompt: Prompt) -> Task:
    try:
        return Task(prompt.draft.use_case)
    except ValueError:
        detail = f"say the task: {prompt.name!r} does not say what it is for; tasks are {', '.join(Task)}"
        raise Refusal(422, "invalid", detail) from None


_STREAMS = (SSE.kind, NDJSON.kind)
_BUSY: Mapping[int, str] = {
    406: "``Accept`` names nothing that is offered",
    409: "The execution id is that of another execution, or of one that is over",
    429: "Too many requests run and wait, or this user's limit is reached",
    503: "The service is about to end",
}
ROUTES = (
    Route(
        "POST",
        "/api/execute",
        execute,
        Scope.EXECUTE,
        "Run a prompt, by task",
        body=ByTask,
        reply=Answer,
        problems=_BUSY,
        media=_STREAMS,
    ),
    Route(
        "POST",
        "/api/prompts/{id}/execute",
        execute_prompt,
        Scope.EXECUTE,
        "Run a prompt",
        parts=ByPrompt,
        body=OfPrompt,
        reply=Answer,
        problems=_BUSY,
        media=_STREAMS,
    ),
    Route(
        "GET",
        "/api/execution/{id}/events",
        events,
        Scope.EXECUTE,
        "Pick up the events of an execution",
        parts=ById,
        reply=Answer,
        empty={204: "It is over, and nothing followed."},
        problems={406: _BUSY[406]},
        media=_STREAMS,
    ),
    Route("DELETE", "/api/execution/{id}", cancel, Scope.EXECUTE, "Stop an execution", parts=ById, status=204),
)
