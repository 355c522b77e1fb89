"""What editors' menus need to know of the prompts that they offer, as a service says it."""

from typing import Self

from codetune_core.domain.editor_scope import EditorScope, editor_scope
from codetune_core.domain.prompt import Prompt, PromptVersion, Variable
from codetune_core.http.replies import LONGEST_PAGE, Reply

EDITOR_PROMPTS_PATH = "/api/editor/prompts"
MOST_OFFERED = LONGEST_PAGE
"""A menu is learnt as a whole, and nobody reads a longer one: so there are no pages of it."""


class EditorPrompt(Reply):
    """A prompt that editors offer, and its version in production."""

    name: str
    """Unique among the active prompts."""
    description: str
    """What it is for, in words."""
    use_case: str
    """A word for when it is used."""
    tags: tuple[str, ...]
    """Among them those that say where it is offered (``editor:``), and what becomes of its answer (``shows:``)."""
    version: int
    """Number of the version in production."""
    variables: tuple[Variable, ...]
    """What that declares."""
    output_schema: str | None
    """Name of the schema of its answers; null for free text."""

    @classmethod
    def of(cls, prompt: Prompt, version: PromptVersion) -> Self:
        """Return what is told of a prompt with its version in production."""
        return cls(
            name=prompt.name,
            description=prompt.draft.description,
            use_case=prompt.draft.use_case,
            tags=prompt.draft.tags,
            version=version.number,
            variables=version.wording.variables,
            output_schema=version.wording.decoding.output_schema,
        )

    @property
    def scope(self) -> EditorScope | None:
        """Where it is offered; None for tags that this CodeTune does not follow."""
        try:
            return editor_scope(self.tags)
        except ValueError:
            return None


class EditorPrompts(Reply):
    """The prompts that editors offer, by name: at most the first 200."""

    prompts: tuple[EditorPrompt, ...]
    """Active ones with a tag ``editor:`` and a version in production."""
