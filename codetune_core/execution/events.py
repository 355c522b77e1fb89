"""The events of an execution: started, from_cache?, token*, (repairing, token*)?, usage?, then finished or failed.

Between them, ``waiting`` where what runs it has to be reached, or wakes up first.
"""

import json
from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from codetune_core.domain.execution import ErrorKind, FinishReason


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True)


class Started(_Event):
    """The version was chosen and rendered.

    ``cut`` says in words what was left out of the prompt to make it fit the model; ``notices`` what else to tell;
    ``structured`` that the answer is JSON.
    """

    type: Literal["started"] = "started"
    execution_id: UUID
    prompt: str
    version: int
    model: str
    experiment_arm: str = ""
    cut: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    structured: bool = False


class FromCache(_Event):
    """What follows was generated before, or is being generated for an equal request."""

    type: Literal["from_cache"] = "from_cache"


class Token(_Event):
    """The next piece of the answer."""

    type: Literal["token"] = "token"
    text: str


class Repairing(_Event):
    """The answer until now is void: it does not fill its schema, and the model is asked for another one."""

    type: Literal["repairing"] = "repairing"
    problem: str


class UsageCounted(_Event):
    """Tokens that were read and written, those of an answer that was repaired too.

    ``engine`` wrote the answer; ``estimated_cost_usd`` is what that costs now, None where no price is known.
    """

    type: Literal["usage"] = "usage"
    prompt_tokens: int
    completion_tokens: int
    engine: str = ""
    estimated_cost_usd: float | None = None


class Finished(_Event):
    """The answer is complete: ``output`` is all of it, without the model's reasoning.

    ``model`` is who answered; ``reason`` says why, where it is not the model or the engine that was asked first.
    """

    type: Literal["finished"] = "finished"
    output: str
    finish_reason: FinishReason
    execution_time_ms: float
    model: str = ""
    reason: str = ""


class Failed(_Event):
    """There will be no answer; ``message`` is fit to be shown. Where nothing was asked of a model it comes first.

    ``unavailable`` says that who should run it could not be asked at all, so that somebody else may.
    """

    type: Literal["failed"] = "failed"
    kind: ErrorKind
    message: str
    unavailable: bool = False


class Waiting(_Event):
    """What runs it is not there yet, and is waited for: ``reason`` is fit to be shown, and nothing of it is recorded.

    It may come any number of times, anywhere before the last event. ``seconds`` is how long it will take, by what was
    seen before; None where nobody knows.
    """

    type: Literal["waiting"] = "waiting"
    reason: str
    seconds: float | None = None


Event = Annotated[
    Started | FromCache | Token | Repairing | UsageCounted | Finished | Failed | Waiting,
    Field(discriminator="type"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
_KNOWN = frozenset(kind.model_fields["type"].default for kind in get_args(get_args(Event)[0]))


def written(content: BaseModel) -> bytes:
    """Return an event, or what is made of some, in JSON; half a character, as engines send it, is escaped."""
    try:
        return content.__pydantic_serializer__.to_json(content)
    except PydanticSerializationError:
        return json.dumps(content.model_dump(mode="json")).encode()


def read_event(text: str | bytes) -> Event | None:
    """Read an event from JSON; None for a kind of event that only a newer CodeTune knows.

    Raises ValueError for what is no event.
    """
    try:
        return EVENT.validate_json(text)
    except ValidationError:
        content = _content(text)
        if isinstance(content, dict) and isinstance(kind := content.get("type"), str) and kind not in _KNOWN:
            return None
        return EVENT.validate_python(content)


def _content(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
