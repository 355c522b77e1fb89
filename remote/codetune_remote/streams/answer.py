"""What an execution came to, in one piece: for who does not stream."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel

from codetune_core.domain.execution import FinishReason
from codetune_core.errors import CodeTuneError, ExecutionError
from codetune_core.execution.events import Failed, Finished, FromCache, Started, UsageCounted, read_event
from codetune_remote.streams.log import EventLog

_ERRORS: dict[str, type[ExecutionError]] = {error.kind: error for error in ExecutionError.__subclasses__()}


class Answer(BaseModel):
    """A complete answer, and where it comes from; the fields are those of the events that make it up."""

    execution_id: UUID
    prompt: str
    version: int
    model: str
    output: str
    finish_reason: FinishReason
    execution_time_ms: float
    experiment_arm: str = ""
    from_cache: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cut: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    reason: str = ""


def answer_of(log: EventLog) -> Answer:
    """Return what a closed log says; raises the error of an execution that failed."""
    said: dict[str, Any] = {}
    for _, _, content in log.after(0, log.bytes):
        event = read_event(content)
        match event:
            case Failed():
                raise _ERRORS.get(event.kind, CodeTuneError)(event.message)
            case FromCache():
                said["from_cache"] = True
            case Started() | UsageCounted() | Finished():
                said |= {name: value for name, value in event if value or name not in said}
    return Answer.model_validate(said)
