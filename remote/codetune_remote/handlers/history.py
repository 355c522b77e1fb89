"""The history of executions: one's own, or everybody's for who administers the service."""

from http import HTTPStatus
from typing import Self
from uuid import UUID

from aiohttp import web
from pydantic import Field, model_validator

from codetune_core.domain.execution import Feedback, Outcome
from codetune_core.domain.service_key import Scope
from codetune_core.execution.wire import WireBody
from codetune_core.history.protocol import Filter, Place
from codetune_core.history.wire import HISTORY_PATH, DeletedExecution, ExecutionReply, Executions
from codetune_core.http.replies import Moment, Page
from codetune_core.prompts.library import PromptLibrary
from codetune_remote.cursors import Cursors, Number, split
from codetune_remote.handlers.prompts import prompt_ref
from codetune_remote.principal import Principal
from codetune_remote.problems import Refusal
from codetune_remote.route import ById, Call, Nothing, Route

_PLACES: Cursors[tuple[Moment, int]] = Cursors(tuple[Moment, Number])


class FeedbackBody(WireBody):
    """What the user thought and did; what is left out stays as it was said before."""

    execution_id: UUID
    """Of one's own execution."""
    rating: int | None = Field(default=None, ge=1, le=5)
    """From 1 to 5."""
    outcome: Outcome | None = None
    """What became of the answer."""
    text: str | None = Field(default=None, max_length=10_000)
    """In the user's words; kept as long as content is."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.rating is None and self.outcome is None and self.text is None:
            raise ValueError("say a rating, an outcome or a text")
        return self


async def list_executions(call: Call[Nothing, Executions]) -> Page[ExecutionReply]:
    """List executions, the newest first: one's own, or everybody's with the scope admin."""
    history, asked = call.service.core.history, call.query
    mine = None if call.principal.sees_everyone else call.principal.user_id
    if mine is not None and asked.user not in {None, mine}:
        return Page(items=[])
    where = await _filter(asked, asked.user or mine, call.service.core.prompts)
    place = _PLACES.read(asked.cursor)
    found = await history.page(where, Place(*place) if place else asked.before, asked.limit + 1)
    items, last = split(found, asked.limit)
    following = _PLACES.written(await history.place(last.id)) if last else ""
    return Page(items=[ExecutionReply.of(each, content=asked.content) for each in items], next=following)


async def get_execution(call: Call[Nothing, Nothing, ById]) -> ExecutionReply:
    """Say all that is kept of an execution, with what was asked and answered."""
    found = await call.service.core.history.page(_one(call.path.id, call.principal), limit=1)
    if not found:
        raise _unknown(call.path.id)
    return ExecutionReply.of(found[0], content=True)


async def delete_execution(call: Call[Nothing, Nothing, ById]) -> DeletedExecution:
    """Delete an execution, the answer remembered of it, and every trace of both from the database's files.

    Nobody is shown them from then on. The traces go at once for the scope admin, and within the hour for others, for
    erasing them may keep everybody out of the history meanwhile; `erased` says whether they are gone.

    What the budget of today counts (time, user, task and cost) stays till tomorrow, and is shown nowhere. Copies that
    an upgrade or a restore of the database left aside are not touched; `codetune history delete` names them.
    """
    erase = call.principal.sees_everyone
    gone = await call.service.core.history.delete(_one(call.path.id, call.principal), erase=erase)
    if not gone.executions:
        raise _unknown(call.path.id)
    return DeletedExecution(deleted=gone.executions, erased=gone.erased)


async def give_feedback(call: Call[FeedbackBody]) -> ExecutionReply | web.Response:
    """Say whether the answer of one's own execution was any good; returns the execution, without its content.

    Who has everything here, such as the owner of the socket, may also rate what this service had another one run.
    """
    history, said = call.service.core.history, call.body
    feedback = Feedback(said.rating, said.text, said.outcome)
    own = Filter(ids=(said.execution_id,), user_id=call.principal.user_id)
    known = await history.page(own, limit=1)
    if not known and await _rated_elsewhere(call, feedback):
        return web.Response(status=HTTPStatus.NO_CONTENT)
    if not known or not await history.rate(said.execution_id, feedback):
        raise _unknown(said.execution_id)
    rated = await history.page(own, limit=1)
    return ExecutionReply.of((rated or known)[0], content=False)


async def _filter(asked: Executions, user: str | None, library: PromptLibrary) -> Filter:
    """Return what the store is asked for; raises PromptNotFound."""
    same = ("task", "workspace", "model", "success", "error_kind", "since", "until", "text")
    values = {name: getattr(asked, name) for name in same}
    if asked.prompt:
        prompt = await library.show(prompt_ref(asked.prompt))
        values["prompt_id"] = prompt.id
        if asked.version:
            values["version_id"] = (await library.version(prompt.id, asked.version)).id
    return Filter(**values, user_id=user)


async def _rated_elsewhere(call: Call[FeedbackBody], feedback: Feedback) -> bool:
    """Pass feedback on; the key with which another service is asked is not everybody's."""
    core = call.service.core
    may = call.principal.sees_everyone and core.settings.remote.base_url
    return bool(may) and await core.executor.rate(call.body.execution_id, feedback)


def _one(execution_id: UUID, principal: Principal) -> Filter:
    """Return the filter of one execution: another user's is as unknown as one that never was."""
    return Filter(ids=(execution_id,), user_id=None if principal.sees_everyone else principal.user_id)


def _unknown(execution_id: UUID) -> Refusal:
    return Refusal(404, "not-found", f"nothing of yours is kept of an execution {execution_id}")


_NONE = {404: "Nothing of one's own is kept of such an execution."}
ROUTES = (
    Route(
        "GET",
        HISTORY_PATH,
        list_executions,
        Scope.READ,
        "List executions",
        query=Executions,
        reply=Page[ExecutionReply],
        problems={404: "There is no such prompt or version."},
    ),
    Route(
        "GET",
        f"{HISTORY_PATH}/{{id}}",
        get_execution,
        Scope.READ,
        "Show an execution",
        parts=ById,
        reply=ExecutionReply,
        problems=_NONE,
    ),
    Route(
        "DELETE",
        f"{HISTORY_PATH}/{{id}}",
        delete_execution,
        Scope.EXECUTE,
        "Delete an execution",
        parts=ById,
        reply=DeletedExecution,
        problems=_NONE,
    ),
    Route(
        "POST",
        "/api/execution/feedback",
        give_feedback,
        Scope.EXECUTE,
        "Rate an execution",
        body=FeedbackBody,
        reply=ExecutionReply,
        empty={204: "It was noted by the service that this one had run it."},
        problems=_NONE,
    ),
)
