"""What goes between CodeTune and a model process: frames of four bytes of length (big-endian) and JSON in UTF-8."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from codetune_core.domain.execution import ErrorKind, FinishReason, Priority

PROTOCOL = 2
"""Raised where old and new cannot understand each other."""


class _Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Turn(_Frame):
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class Generate(_Frame):
    """Start an answer; ``id`` is unique on its connection. Fields as in `codetune_core.engines.protocol.Generation`."""

    type: Literal["generate"] = "generate"
    id: int
    messages: tuple[Turn, ...] = ()
    prefix: str | None = None
    suffix: str = ""
    temperature: float = 0
    max_tokens: int
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    output_schema: dict[str, JsonValue] | None = None
    logprobs: bool = False
    adapter: str = ""
    priority: Priority = Priority.EXPLICIT


class Embed(_Frame):
    """Make vectors."""

    type: Literal["embed"] = "embed"
    id: int
    texts: tuple[str, ...]
    priority: Priority = Priority.BACKGROUND


class Score(_Frame):
    """Say how well texts answer a query."""

    type: Literal["score"] = "score"
    id: int
    query: str
    texts: tuple[str, ...]
    priority: Priority = Priority.EXPLICIT


class Cancel(_Frame):
    """Stop a request; it is answered with Failed of kind ``cancelled``."""

    type: Literal["cancel"] = "cancel"
    id: int


class AskStatus(_Frame):
    """Say what runs; answered at once, also while the model loads."""

    type: Literal["ask_status"] = "ask_status"
    id: int


class Unload(_Frame):
    """End the process; what runs fails as ``engine_lost``. With ``if_idle``, only where nothing runs or waits."""

    type: Literal["unload"] = "unload"
    if_idle: bool = False


class Ready(_Frame):
    """The model is loaded; the first frame of a connection, after as many Loading as it takes.

    ``weights_bytes`` is what the loaded weights take, measured.
    """

    type: Literal["ready"] = "ready"
    protocol: int = PROTOCOL
    context_tokens: int
    weights_bytes: int
    load_seconds: float


class Loading(_Frame):
    """How far loading is, from 0 to 1."""

    type: Literal["loading"] = "loading"
    stage: str
    part: float = 0


class LoadFailed(_Frame):
    """The model cannot be loaded; the process ends. ``message`` says what to do."""

    type: Literal["load_failed"] = "load_failed"
    message: str


class Unloaded(_Frame):
    """The last frame of a process that ends in good order: what it gave no answer to, another one may be asked."""

    type: Literal["unloaded"] = "unloaded"


class Piece(_Frame):
    """The next piece of an answer."""

    type: Literal["piece"] = "piece"
    id: int
    text: str
    logprob: float | None = None


class Finished(_Frame):
    """An answer's end."""

    type: Literal["finished"] = "finished"
    id: int
    prompt_tokens: int
    completion_tokens: int
    cached_prompt_tokens: int = 0
    finish_reason: FinishReason


class Embedded(_Frame):
    """Vectors: float32, little-endian, row by row, in base64."""

    type: Literal["embedded"] = "embedded"
    id: int
    dimensions: int
    data: str


class Scored(_Frame):
    """One number for each text."""

    type: Literal["scored"] = "scored"
    id: int
    scores: tuple[float, ...]


class Failed(_Frame):
    """A request failed, and only it."""

    type: Literal["failed"] = "failed"
    id: int
    kind: ErrorKind
    message: str


class Status(_Frame):
    """What runs, counted.

    ``kv_tokens_used`` includes what is kept for reuse, ``kv_tokens_held`` only what runs. ``bytes_needed`` is the load
    plan's. ``step_seconds`` is how long the step that runs has taken by now, ``idle_seconds`` how long nobody asked,
    ``loading_seconds`` how long loading has taken by now, or took.
    """

    type: Literal["status"] = "status"
    id: int
    loaded: bool
    pid: int = 0
    model: str = ""
    quantization: str = ""
    device: str = ""
    bytes_needed: int = 0
    running: int = 0
    waiting: int = 0
    kv_tokens: int = 0
    kv_tokens_held: int = 0
    kv_tokens_used: int = 0
    weights_bytes: int = 0
    rss_bytes: int = 0
    device_bytes: int = 0
    generated_tokens: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    step_seconds: float = 0
    idle_seconds: float = 0
    loading_seconds: float = 0


Asking = Annotated[Generate | Embed | Score | Cancel | AskStatus | Unload, Field(discriminator="type")]
Telling = Annotated[
    Ready | Loading | LoadFailed | Unloaded | Piece | Finished | Embedded | Scored | Failed | Status,
    Field(discriminator="type"),
]
ASKING: TypeAdapter[Asking] = TypeAdapter(Asking)
TELLING: TypeAdapter[Telling] = TypeAdapter(Telling)
