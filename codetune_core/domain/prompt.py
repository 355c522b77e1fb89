"""A Prompt and its PromptVersions: what is asked of models, in which wording."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from codetune_core.domain.canonical import digest


class Category(StrEnum):
    """What a prompt is for."""

    CODE_GENERATION = "code_generation"
    CODE_REVIEW = "code_review"
    SECURITY = "security"
    REFACTORING = "refactoring"
    DOCUMENTATION = "documentation"
    TESTING = "testing"
    EXPLANATION = "explanation"
    QUESTION_ANSWERING = "question_answering"
    OTHER = "other"


class VariableType(StrEnum):
    """What a variable holds, and how its value enters the text."""

    LINE = "line"
    """A word or a name: one line, put where it stands."""
    TEXT = "text"
    """Untrusted prose: fenced."""
    CODE = "code"
    """Untrusted source code: fenced, with its language."""
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    """A list of lines, for loops in the template."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


NAME = r"^[\w][\w .:/+-]*$"
"""How prompts are named, as a regular expression."""


class Variable(_Frozen):
    """A declared variable of a template.

    Attributes:
        name: a Python identifier.
        type: what it holds.
        description: for who fills it in.
        default: its value where none is given; a variable with one is not required.
        required: whether a render fails without it.
        choices: the only values allowed; empty for any.
        max_chars: longest text allowed, or longest list; a longer value is refused.
        minimum: least number allowed.
        maximum: greatest number allowed.
        cut: None for never; else a text may be shortened to fit the model's context, lower numbers first.
        cut_from: which end of it goes first: ``start`` for what stands before the place asked about.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=50)
    type: VariableType = VariableType.TEXT
    description: str = ""
    default: JsonValue = None
    required: bool = True
    choices: tuple[JsonValue, ...] = ()
    max_chars: int | None = Field(default=None, gt=0)
    minimum: float | None = None
    maximum: float | None = None
    cut: int | None = None
    cut_from: Literal["start", "end"] = "end"

    @model_validator(mode="before")
    @classmethod
    def _optional_by_default(cls, values: object) -> object:
        if isinstance(values, dict) and values.get("default") is not None:
            return {**values, "required": False}
        return values


class FewShotExample(_Frozen):
    """One solved case, shown to the model before the real one: variables as given, and the answer wanted."""

    variables: dict[str, JsonValue]
    output: str


class Decoding(_Frozen):
    """How tokens are chosen, beyond temperature and length; None leaves the engine's own."""

    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=1)
    min_p: float | None = Field(default=None, ge=0, le=1)
    repetition_penalty: float | None = Field(default=None, gt=0)
    seed: int | None = None
    stop: tuple[str, ...] = ()
    output_schema: str | None = None
    """Name of the schema that the answer must fill; None for free text."""


class Wording(_Frozen):
    """Everything a version says: two equal wordings are the same content."""

    system_prompt: str = ""
    user_prompt_template: str = Field(min_length=1)
    few_shot_examples: tuple[FewShotExample, ...] = ()
    variables: tuple[Variable, ...] = ()
    model_type: str | None = Field(default=None, max_length=100)
    """Which kind of model it is written for, such as ``whiterabbitneo``; None for any."""
    temperature: float = Field(default=0.7, ge=0, le=2)
    max_tokens: int = Field(default=2048, gt=0)
    decoding: Decoding = Decoding()

    @model_validator(mode="after")
    def _distinct_variables(self) -> Self:
        names = [variable.name for variable in self.variables]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"variables declared twice: {', '.join(sorted(twice))}")
        return self

    @property
    def content_hash(self) -> str:
        """SHA-256 of the canonical JSON: 64 hexadecimal digits."""
        return digest(self.model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class Statistics:
    """What came of executions: of those that ran to an end on an engine; None where there were none."""

    executions: int = 0
    success_rate: float | None = None
    average_ms: float | None = None


class PromptDraft(_Frozen):
    """What describes a prompt, beside its wording."""

    name: str = Field(min_length=1, max_length=200, pattern=NAME)
    description: str = ""
    category: Category = Category.OTHER
    use_case: str = Field(default="", max_length=100)
    tags: tuple[str, ...] = ()

    @property
    def revision(self) -> str:
        """Tells two descriptions apart: 64 hexadecimal digits."""
        return digest(self.model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class Prompt:
    """An entry of the library; its wording lives in versions.

    ``current_version_id`` is the version deployed to production, None where none is.
    """

    id: UUID
    draft: PromptDraft
    created_at: dt.datetime
    created_by: str
    is_active: bool
    current_version_id: UUID | None
    statistics: Statistics = Statistics()

    @property
    def name(self) -> str:
        """Unique among the active prompts."""
        return self.draft.name


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """One immutable wording of a prompt; versions of a prompt are numbered from 1."""

    id: UUID
    prompt_id: UUID
    number: int
    wording: Wording
    created_at: dt.datetime
    created_by: str
    change_notes: str = ""
    is_deployed: bool = False
    deployed_at: dt.datetime | None = None
    tests: Statistics = Statistics()
