"""What a model is told of a document: a window around the cursor that stays the same while one types."""

from collections.abc import Iterable
from dataclasses import dataclass

from codetune_core.completion.neighbours import Snippet, snippets
from codetune_core.completion.place import Place
from codetune_core.domain.document import Document

CHARACTERS_PER_TOKEN = 3
"""Of code, at the least: tokenizers of code models take 3 to 4 characters for one token."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a model is told, in characters.

    Attributes:
        before: of the text before the cursor.
        after: of the text behind it, at the most: it follows the cursor in prompts and is computed anew each time, so
            it is a sixth of what stands before it, and a third of this where that is little.
        others: of snippets of other documents.
        step: by how much the window moves at once.
    """

    before: int = 6144
    after: int = 1024
    others: int = 1536
    step: int = 2048

    @classmethod
    def of_tokens(cls, tokens: int) -> "Budget":
        """Divide a model's room for the prompt, which is larger than the ordinary budget in few models."""
        characters, whole = tokens * CHARACTERS_PER_TOKEN, cls()
        share = min(1.0, characters / (whole.before + whole.after + whole.others))
        parts = (int(part * share) for part in (whole.before, whole.after, whole.others, whole.step))
        before, after, others, step = parts
        return cls(before, after, others, max(1, step))


@dataclass(frozen=True, slots=True)
class Context:
    """What goes into the prompt.

    Attributes:
        others: snippets of other documents, the most alike first.
        before: the window's text before the cursor.
        after: the window's text behind it.
        language: of the document.
        at_line_start: whether the cursor stands at the start of a line.
    """

    others: tuple[Snippet, ...]
    before: str
    after: str
    language: str
    at_line_start: bool

    @property
    def prefix(self) -> str:
        """The text before the cursor for models that fill in: snippets of others come first, as comments."""
        return "".join(snippet.as_comment(self.language) for snippet in self.others) + self.before


def context(place: Place, others: Iterable[Document] = (), budget: Budget | None = None) -> Context:
    """Collect what a model is told about a place; ``others`` are other open documents, the last used first.

    The window begins at a line, and its beginning moves by steps. Snippets are chosen by the names after its beginning,
    wherever the cursor stands. So the prompts of one who types differ at their end only, and an engine computes only
    that.
    """
    budget = budget or Budget()
    start = _start(place.before, budget)
    before, around = place.before[start:], (place.before[start:] + place.after)[: budget.before + budget.step]
    chosen = snippets(around, (other for other in others if other.uri != place.uri), budget.others)
    room = min(budget.after, max(budget.after // 3, (len(before) + sum(len(one.text) for one in chosen)) // 6))
    return Context(chosen, before, _after(place.after, room), place.language, not place.line_before)


def _start(before: str, budget: Budget) -> int:
    """Offset at which the window begins: 0, or the first line behind a multiple of the step."""
    over = len(before) - budget.before
    if over <= 0:
        return 0
    floor = -(-over // budget.step) * budget.step
    line = before.find("\n", floor - 1) + 1
    return line if 0 < line <= floor + budget.step // 2 else min(floor, len(before))


def _after(after: str, budget: int) -> str:
    """The first whole lines behind the cursor that the budget holds, at least what it holds of the first."""
    if len(after) <= budget:
        return after
    line = after.rfind("\n", 0, budget) + 1
    return after[: line or budget]
