"""An Executor of another machine behind the outbound gate: requests leave redacted, events come back restored."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import PurePath
from uuid import UUID

from codetune_core.domain.execution import ErrorKind, ExecutionRequest, Feedback
from codetune_core.domain.identifiers import new_id
from codetune_core.errors import OutboundRefused
from codetune_core.execution.events import Event, Failed, Finished, Repairing, Started, Token, UsageCounted
from codetune_core.execution.protocol import Executor
from codetune_core.http.passage import steps, through
from codetune_core.outbound.gate import Gate, GatePassage
from codetune_core.outbound.origin import Origin
from codetune_core.outbound.restore import Restorer


class GuardedExecutor:
    """Runs executions elsewhere.

    Of the workspace only its folder's name is sent, of the session a pseudonym, and no paths.
    """

    def __init__(self, executor: Executor, gate: Gate) -> None:
        self._executor = executor
        self._gate = gate

    async def execute(self, request: ExecutionRequest) -> AsyncGenerator[Event]:
        request = replace(request, id=request.id or new_id())
        passage = self._gate.passage(Origin.of(request))
        try:
            await passage.check()
            sent = self._sent(request)
            async with (
                aclosing(steps(self._executor.execute(sent), passage)) as events,
                aclosing(_restored(events, passage)) as restored,
            ):
                async for event in restored:
                    yield event
        except OutboundRefused as refusal:
            yield Failed(kind=ErrorKind.REFUSED, message=str(refusal))

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        with through(self._gate.passage(Origin("feedback", execution=str(execution_id)))):
            return await self._executor.rate(execution_id, feedback)

    def _sent(self, request: ExecutionRequest) -> ExecutionRequest:
        return replace(
            request,
            workspace=PurePath(request.workspace).name,
            session_id=self._gate.placeholders.pseudonym(request.session_id),
            paths=(),
        )


async def _restored(events: AsyncGenerator[Event], passage: GatePassage) -> AsyncGenerator[Event]:
    """Restore what events say; of an answer that begins anew, or goes on to its end, nothing stays held back."""
    restorer, as_json = passage.restorer(), False
    async for event in events:
        if isinstance(event, Started | Repairing):
            as_json = event.structured if isinstance(event, Started) else as_json
            restorer = passage.restorer(as_json=as_json)
        if isinstance(event, Token):
            if text := restorer.feed(event.text):
                yield Token(text=text)
            continue
        if isinstance(event, UsageCounted | Finished | Failed) and (held := restorer.end()):
            yield Token(text=held)
        yield _told(event, restorer, passage.restorer())


def _told(event: Event, answer: Restorer, words: Restorer) -> Event:
    """Restore an event that is no piece of the answer."""
    match event:
        case Started():
            told = {"cut": tuple(map(words.text, event.cut)), "notices": tuple(map(words.text, event.notices))}
            return event.model_copy(update=told)
        case Repairing():
            return event.model_copy(update={"problem": words.text(event.problem)})
        case Finished():
            return event.model_copy(update={"output": answer.text(event.output), "reason": words.text(event.reason)})
        case Failed():
            return event.model_copy(update={"message": words.text(event.message)})
    return event
