"""What goes between CodeTune and a plugin's process: frames of four bytes of length (big-endian) and JSON in UTF-8."""

import json
import struct
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from codetune_core.domain.execution import ErrorKind, FinishReason
from codetune_core.plugins.metadata import Kind, ToolMetadata

HEADER = struct.Struct(">I")
MAX_BYTES = 16_000_000
"""Of one frame."""


class _Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Load(_Frame):
    """Load a plugin: a file, or ``module:Class`` of a package; ``capabilities`` are those known before it runs."""

    type: Literal["load"] = "load"
    file: str = ""
    target: str = ""
    capabilities: tuple[str, ...] = ()
    memory_bytes: int


class Run(_Frame):
    """Answer a request."""

    type: Literal["run"] = "run"
    task: str
    text: str
    arguments: dict[str, JsonValue]


class Piece(_Frame):
    """The next piece of a model's answer."""

    type: Literal["piece"] = "piece"
    text: str


class Answered(_Frame):
    """A model's answer is complete."""

    type: Literal["answered"] = "answered"
    prompt_tokens: int
    completion_tokens: int
    cached_prompt_tokens: int
    model: str
    finish_reason: FinishReason


class AskFailed(_Frame):
    """There will be no answer of the model."""

    type: Literal["ask_failed"] = "ask_failed"
    kind: ErrorKind
    message: str


class Loaded(_Frame):
    """The plugin is there; what its code says of it."""

    type: Literal["loaded"] = "loaded"
    metadata: ToolMetadata
    kind: Kind


class LoadFailed(_Frame):
    """It cannot be loaded."""

    type: Literal["load_failed"] = "load_failed"
    message: str


class Turn(_Frame):
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class AskModel(_Frame):
    """Ask a model; fields as in `codetune_core.plugins.protocol.Question`."""

    type: Literal["ask_model"] = "ask_model"
    messages: tuple[Turn, ...] = ()
    prefix: str | None = None
    suffix: str = ""
    model: str = ""
    max_tokens: int = Field(gt=0)
    temperature: float = Field(ge=0, le=2)
    stop: tuple[str, ...] = ()
    seed: int | None = None


class Shown(_Frame):
    """A piece of text for who asked."""

    type: Literal["shown"] = "shown"
    text: str


class Result(_Frame):
    """The request is answered."""

    type: Literal["result"] = "result"
    value: JsonValue


class RunFailed(_Frame):
    """The request failed: ``internal`` by the plugin's fault."""

    type: Literal["run_failed"] = "run_failed"
    kind: ErrorKind
    message: str


Order = Annotated[Load | Run | Piece | Answered | AskFailed, Field(discriminator="type")]
Report = Annotated[Loaded | LoadFailed | AskModel | Shown | Result | RunFailed, Field(discriminator="type")]
ORDER: TypeAdapter[Order] = TypeAdapter(Order)
REPORT: TypeAdapter[Report] = TypeAdapter(Report)


def pack(frame: Order | Report) -> bytes:
    """One frame; raises ValueError for what JSON in UTF-8 cannot say, and for more than ``MAX_BYTES``."""
    text = json.dumps(frame.model_dump(mode="json"), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    body = text.encode()
    if len(body) > MAX_BYTES:
        raise ValueError(f"{len(body):,} bytes are more than the {MAX_BYTES:,} allowed")
    return HEADER.pack(len(body)) + body
