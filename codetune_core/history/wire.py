"""What a client and the service say to each other about the history."""

from collections.abc import Mapping
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, JsonValue, model_validator

from codetune_core.domain.execution import ErrorKind, Execution, Keep, Outcome, Task
from codetune_core.domain.prompt import NAME
from codetune_core.history.export import CONTENT
from codetune_core.http.replies import Cursor, Moment, Reply, Usd

HISTORY_PATH = "/api/execution/history"
Text = Annotated[str, Field(max_length=2000)]


class Executions(Cursor):
    """Which executions are listed; every field that is set must hold."""

    prompt: str = Field(default="", pattern=f"^$|{NAME}", max_length=200)
    """Of this prompt: its id or its name."""
    version: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """Of this version of the prompt, by number."""
    task: Task | None = None
    """For this task."""
    user: Text | None = None
    """By this user; others' are seen with the scope admin only."""
    model: Text | None = None
    """Answered by this model."""
    success: bool | None = None
    """Only what succeeded, or only what failed."""
    error_kind: ErrorKind | None = None
    """Only what failed for this reason."""
    since: Moment | None = None
    """Begun then or later."""
    until: Moment | None = None
    """Begun before then."""
    text: Text = ""
    """Whose prompt, input or answer has these words; ``"a phrase"``; ``star*``."""
    workspace: Text | None = None
    """For files of this folder."""
    before: UUID | None = None
    """Only those that stand behind this one in the list."""
    content: bool = False
    """Whether what was asked and answered is given too."""

    @model_validator(mode="after")
    def _version_of_a_prompt(self) -> Self:
        if self.version and not self.prompt:
            raise ValueError("a version has a number within its prompt: say which prompt")
        return self


class ExecutionReply(Reply):
    """What is recorded of one run; null where nothing was measured, kept or asked for."""

    id: UUID
    """Of the execution."""
    executed_at: Moment
    """When it began."""
    task: Task
    """What it was for."""
    prompt_id: UUID | None
    """The prompt; null where it was purged since."""
    version_id: UUID | None
    """The version that ran."""
    user_id: str
    """Who asked."""
    session_id: str
    """Of the client: keeps a user in one arm of an experiment."""
    workspace: str
    """Folder of the files it was about."""
    keep: Keep
    """What is kept of it."""
    execution_time_ms: float | None
    """From the question to the end of the answer."""
    time_to_first_token_ms: float | None
    """From the question to the first piece of the answer."""
    prompt_tokens: int | None
    """Of what was asked."""
    completion_tokens: int | None
    """Of the answer."""
    tokens_used: int | None
    """Both together."""
    model_used: str
    """Who answered."""
    model_revision: str
    """Commit of its weights."""
    engine: str
    """What ran it."""
    from_cache: bool
    """Whether the answer was remembered."""
    success: bool | None
    """Null while it runs."""
    error_kind: ErrorKind | None
    """Why it failed."""
    finish_reason: str | None
    """Why the answer ended."""
    user_feedback: int | None
    """The user's rating, from 1 to 5."""
    outcome: Outcome | None
    """What the user did with the answer."""
    estimated_cost_usd: Usd | None
    """Null where no price is known; while it runs, the most that it can cost."""
    price_source: str
    """Where the price is from."""
    experiment_id: str
    """The experiment that chose the version; empty for none."""
    experiment_arm: str
    """The arm of the experiment."""
    cache_key: Mapping[str, JsonValue]
    """Hashes and decoding parameters by which the answer is remembered."""
    input_data: Mapping[str, JsonValue] | None
    """Content: the variables."""
    rendered_prompt: str | None
    """Content: what the model was sent."""
    output_data: str | None
    """Content: the answer."""
    error_message: str | None
    """Content: why it failed, in words."""
    user_feedback_text: str | None
    """Content: what the user thought of it."""

    @classmethod
    def of(cls, execution: Execution, *, content: bool) -> "ExecutionReply":
        """Return what is given of an execution, with what may hold code or without."""
        hidden = frozenset() if content else CONTENT
        return cls(
            **{name: None if name in hidden else getattr(execution, name) for name in cls.model_fields},
        )

    @property
    def execution(self) -> Execution:
        """The same as the core has it."""
        return Execution(**dict(self))


class DeletedExecution(Reply):
    """What became of an execution."""

    deleted: int
    """How many there were: 1."""
    erased: bool
    """Whether its traces are gone from the database's files too, at once; false where that is done within the hour."""
