"""An Execution: one run of a PromptVersion on given variables, and what is recorded of it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Literal
from uuid import UUID

from pydantic import JsonValue


class Task(StrEnum):
    """What the user wants a model to do."""

    REVIEW = "review"
    EXPLAIN = "explain"
    FIX = "fix"
    GENERATE = "generate"
    COMPLETE = "complete"
    TESTS = "tests"
    DOCSTRING = "docstring"
    OPTIMIZE = "optimize"
    SUMMARIZE = "summarize"
    ASK = "ask"


class Keep(StrEnum):
    """What is kept of an execution; the later the stricter."""

    FULL = "full"
    METADATA = "metadata"
    """Hashes and counts, nothing of what was asked or answered."""
    NOTHING = "nothing"


class ErrorKind(StrEnum):
    """Why an execution failed."""

    TIMEOUT = "timeout"
    OVERLOADED = "overloaded"
    REFUSED = "refused"
    CONTEXT_TOO_LONG = "context_too_long"
    INVALID_OUTPUT = "invalid_output"
    ENGINE_LOST = "engine_lost"
    CANCELLED = "cancelled"
    INVALID_INPUT = "invalid_input"
    """The variables do not fit what the version declares; nothing was generated."""
    BUDGET_SPENT = "budget_spent"
    INTERNAL = "internal"


class Role(StrEnum):
    """What a Model is used for."""

    REVIEW = "review"
    GENERATION = "generation"
    COMPLETION = "completion"
    EMBEDDING = "embedding"
    RERANK = "rerank"

    @classmethod
    def of(cls, task: Task) -> "Role":
        """Return what does a task."""
        if task is Task.COMPLETE:
            return cls.COMPLETION
        reading = {Task.REVIEW, Task.EXPLAIN, Task.SUMMARIZE, Task.ASK}
        return cls.REVIEW if task in reading else cls.GENERATION


class Priority(IntEnum):
    """Who goes first; the lower the sooner."""

    TYPING = 0
    """Somebody types, and looks at the place where the answer will be."""
    EXPLICIT = 1
    """Somebody asked, and waits."""
    BACKGROUND = 2
    """Nobody waits."""


class Outcome(StrEnum):
    """What the user did with the answer."""

    SHOWN = "shown"
    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"
    REVERTED = "reverted"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the user thought and did; None leaves what was said before."""

    rating: int | None = None
    text: str | None = None
    outcome: Outcome | None = None


FinishReason = Literal["stop", "length"]
Speaker = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of what is sent to a model."""

    role: Speaker
    content: str


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which weights answer: everything about them that can change an answer.

    ``context_tokens`` is the longest prompt and answer together, in tokens. ``source`` tells apart what bears the same
    name: the address of a server, or a digest of files of this machine.
    """

    name: str
    engine: str
    context_tokens: int
    revision: str = ""
    quantization: str = ""
    adapter: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one generation; ``cached_prompt_tokens`` are those of the prompt that the engine had read before."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_prompt_tokens: int = 0

    @property
    def total(self) -> int:
        """Both together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class ExecutionRequest:
    """What to run.

    Attributes:
        task: what it is for.
        prompt: the prompt's name.
        variables: values by the names that the version declares.
        label: whose deployed version runs.
        version: a version's number, instead of the deployed one.
        model: instead of the configured one.
        session_id: keeps a user in one arm of an experiment.
        user_id: who asks; whom a budget counts for.
        tenant: entries of the cache are never shared between tenants.
        workspace: folder of the files it is about, which decides what is kept.
        sample_index: 0, 1, ... for several answers to one question.
        fresh: do not answer from the cache.
        priority: who goes first where engines are busy.
        paths: files whose text stands in the variables, which decide what may leave this machine.
        id: of the execution; None for a new one.
    """

    task: Task
    prompt: str
    variables: Mapping[str, JsonValue]
    label: str = "production"
    version: int | None = None
    model: str = ""
    session_id: str = ""
    user_id: str = ""
    tenant: str = ""
    workspace: str = ""
    sample_index: int = 0
    fresh: bool = False
    priority: Priority = Priority.EXPLICIT
    paths: tuple[str, ...] = ()
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """What is recorded of one run; fields are named after the columns of ``execution_history``.

    ``success`` is None while it runs. What is not kept is None: ``input_data``, ``rendered_prompt``, ``output_data``.
    ``estimated_cost_usd`` is None where no price is known; while it runs it is the most that it can cost.
    ``cache_key`` holds hashes and decoding parameters, and no content.
    """

    id: UUID
    executed_at: dt.datetime
    task: Task
    prompt_id: UUID | None = None
    version_id: UUID | None = None
    user_id: str = ""
    session_id: str = ""
    workspace: str = ""
    keep: Keep = Keep.FULL
    input_data: Mapping[str, JsonValue] | None = None
    rendered_prompt: str | None = None
    output_data: str | None = None
    execution_time_ms: float | None = None
    time_to_first_token_ms: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    tokens_used: int | None = None
    model_used: str = ""
    model_revision: str = ""
    engine: str = ""
    from_cache: bool = False
    success: bool | None = None
    error_kind: ErrorKind | None = None
    error_message: str | None = None
    finish_reason: FinishReason | None = None
    user_feedback: int | None = None
    user_feedback_text: str | None = None
    outcome: Outcome | None = None
    estimated_cost_usd: Decimal | None = None
    price_source: str = ""
    experiment_id: str = ""
    experiment_arm: str = ""
    cache_key: Mapping[str, JsonValue] = field(default_factory=dict)
