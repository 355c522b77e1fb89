"""What a client and the service say to each other about the version that would answer."""

from typing import Annotated, Self
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from codetune_core.domain.deployment import PRODUCTION
from codetune_core.domain.prompt import Category, Variable
from codetune_core.http.replies import Reply
from codetune_core.prompts.deployments import LABEL, LONGEST_LABEL
from codetune_core.prompts.library import Choice

Label = Annotated[str, StringConstraints(pattern=f"^{LABEL}$", max_length=LONGEST_LABEL)]
"""A label, such as ``production`` or ``staging``."""


class Choosing(BaseModel):
    """What an execution says of the version that shall answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Label = PRODUCTION
    """What stands under this label, or an arm of its experiment."""
    version: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """This version instead, by number."""
    session_id: str = Field(default="", max_length=2000)
    """Keeps a user in one arm of an experiment."""

    def path(self, prompt: str) -> str:
        """Return where a service says which version of a prompt that is."""
        return f"/api/prompts/{quote(prompt, safe='')}/choice?{urlencode(self.model_dump(exclude_defaults=True))}"


class ChosenVersion(Reply):
    """The version that would answer, and what it wants to be given."""

    prompt: str
    """The prompt's name."""
    category: Category
    """What the prompt is for, by kind."""
    version: int
    """Its number."""
    experiment_arm: str
    """The arm of an experiment; empty outside one."""
    variables: tuple[Variable, ...]
    """What it declares."""

    @classmethod
    def of(cls, choice: Choice) -> Self:
        """Return what is told of a choice."""
        return cls(
            prompt=choice.prompt.name,
            category=choice.prompt.draft.category,
            version=choice.version.number,
            experiment_arm=choice.experiment_arm,
            variables=choice.version.wording.variables,
        )
