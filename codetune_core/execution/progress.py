"""Progress: what is known of an execution while it goes on, and what is recorded of it in the end."""

import logging
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import JsonValue

from codetune_core.domain.canonical import canonical_json
from codetune_core.domain.clock import utc_now
from codetune_core.domain.execution import ErrorKind, Execution, ExecutionRequest, FinishReason, ModelIdentity, Usage
from codetune_core.domain.faults import log_fault
from codetune_core.domain.identifiers import new_id
from codetune_core.errors import CodeTuneError, ExecutionCancelled, ExecutionError, PromptError
from codetune_core.execution.events import Failed, Finished, Started, Token, UsageCounted

_LOG = logging.getLogger(__name__)


class Progress:
    """An execution that has begun; times are measured from its making, by a clock that only goes forward.

    Attributes:
        id: of the execution.
        executed_at: when it began.
        from_cache: whether what answers was generated before, or for another execution.
    """

    def __init__(self, request: ExecutionRequest) -> None:
        self._start = time.perf_counter()
        self._output = ""
        self._finish_reason: FinishReason = "stop"
        self._reason = ""
        self.id = request.id or new_id()
        self.executed_at = utc_now()
        self.from_cache = False
        self._known: dict[str, Any] = {
            "id": self.id,
            "executed_at": self.executed_at,
            "task": request.task,
            "user_id": request.user_id,
            "session_id": request.session_id,
            "workspace": request.workspace,
        }
        self._variables = dict(request.variables)

    @property
    def execution(self) -> Execution:
        """What is known so far, put together anew for each who asks."""
        if "input_data" not in self._known:
            self._note(input_data=self._variables if _is_json(self._variables) else None)
        return Execution(**self._known, from_cache=self.from_cache)

    @property
    def milliseconds(self) -> float:
        """Since the start."""
        return (time.perf_counter() - self._start) * 1000

    def chose(self, prompt_id: UUID, version_id: UUID, experiment_id: str, arm: str) -> None:
        """Note which version answers."""
        self._note(prompt_id=prompt_id, version_id=version_id, experiment_id=experiment_id, experiment_arm=arm)

    def asks(self, model: ModelIdentity, rendered: str, cache_key: Mapping[str, JsonValue]) -> None:
        """Note what is asked of which model."""
        self._note(
            model_used=model.name,
            model_revision=model.revision,
            engine=model.engine,
            rendered_prompt=rendered,
            cache_key=cache_key,
        )

    def started(
        self, prompt: str, version: int, cut: tuple[str, ...], notices: tuple[str, ...], *, structured: bool = False
    ) -> Started:
        """Return the first event."""
        return Started(
            execution_id=self.id,
            prompt=prompt,
            version=version,
            model=self._known.get("model_used", ""),
            experiment_arm=self._known.get("experiment_arm", ""),
            cut=cut,
            notices=notices,
            structured=structured,
        )

    def shares(self, *, shared: bool = True) -> None:
        """Note whether what answers was generated before, or for another execution."""
        self.from_cache = shared

    def token(self, text: str) -> Token:
        """Note the first one's time."""
        if "time_to_first_token_ms" not in self._known:
            self._note(time_to_first_token_ms=self.milliseconds)
        return Token(text=text)

    def counted(self, usage: Usage, cost_usd: Decimal | None = None) -> UsageCounted:
        """Note how long question and answer are; what was generated before uses no tokens now."""
        used = 0 if self.from_cache else usage.total
        self._note(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens, tokens_used=used)
        return UsageCounted(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            engine=self._known.get("engine", ""),
            estimated_cost_usd=None if cost_usd is None else float(cost_usd),
        )

    def used(self, usage: Usage) -> Execution:
        """Note the tokens of the generation that this execution started, however it ended."""
        self.counted(usage)
        return self.execution

    def answered_by(self, model: ModelIdentity, reason: str) -> None:
        """Note who answers where it is not the model or the engine that was asked first, and why."""
        self._reason = reason
        self._note(model_used=model.name, model_revision=model.revision, engine=model.engine)

    def answered(self, output: str, finish_reason: FinishReason) -> None:
        """Note the answer."""
        self._output, self._finish_reason = output, finish_reason

    def finish(self) -> Finished:
        """Note success and return the last event."""
        milliseconds = self.milliseconds
        self._note(success=True, finish_reason=self._finish_reason, execution_time_ms=milliseconds)
        return Finished(
            output=self._output,
            finish_reason=self._finish_reason,
            execution_time_ms=milliseconds,
            model=self._known.get("model_used", ""),
            reason=self._reason,
        )

    def fail(self, error: BaseException) -> Failed:
        """Note a failure and return the last event; an unexpected error is logged without what it says."""
        kind, message = _explained(error)
        if kind is ErrorKind.INTERNAL and not isinstance(error, CodeTuneError):
            log_fault(_LOG, f"execution {self.id} failed", error)
        self._note(success=False, error_kind=kind, error_message=message, execution_time_ms=self.milliseconds)
        return Failed(kind=kind, message=message)

    def cancel(self, cancelled: BaseException) -> None:
        """Note that it was stopped: why, where who cancelled the task gave an ExecutionError to say so."""
        why = cancelled.args[0] if cancelled.args else None
        if not isinstance(why, ExecutionError):
            why = ExecutionCancelled("cancelled")
        self._note(
            success=False,
            error_kind=ErrorKind(why.kind),
            error_message=str(why),
            execution_time_ms=self.milliseconds,
        )

    def _note(self, **known: object) -> None:
        self._known.update(known)


def _explained(error: BaseException) -> tuple[ErrorKind, str]:
    if isinstance(error, ExecutionError):
        return ErrorKind(error.kind), str(error)
    if isinstance(error, PromptError):
        return ErrorKind.INVALID_INPUT, str(error)
    if isinstance(error, CodeTuneError):
        return ErrorKind.INTERNAL, str(error)
    return ErrorKind.INTERNAL, f"an unexpected error ({type(error).__qualname__}): the log says where"


def _is_json(value: object) -> bool:
    try:
        canonical_json(value)
    except (TypeError, ValueError):
        return False
    return True
