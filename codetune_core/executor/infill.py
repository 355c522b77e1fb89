"""What a model that fills in is asked: the code around the cursor as it is, instead of a prompt about it."""

from dataclasses import dataclass, field

from codetune_core.domain.execution import ExecutionRequest, Task
from codetune_core.domain.fence import mark_tokens
from codetune_core.domain.prompt import Wording
from codetune_core.domain.text import encodable
from codetune_core.engines.protocol import Infill
from codetune_core.errors import ContextTooLong
from codetune_core.prompts.fit import RenderTarget
from codetune_core.prompts.render import Rendered
from codetune_core.prompts.variables import resolve

BEFORE, AFTER = "before", "after"
"""Variables of a completion's prompt that hold the code on both sides of the cursor."""
_AROUND = 16
"""Tokens: what fill-in marks and a tokenizer add around the two texts, at most."""


@dataclass(frozen=True, slots=True)
class Infilling(Rendered):
    """What is sent to a model that fills in; it has no messages."""

    infill: Infill = field(kw_only=True)

    @property
    def text(self) -> str:
        """All of it, to be read by people."""
        return f"[before]\n{self.infill.prefix}\n\n[after]\n{self.infill.suffix}"


def can_be_infill(request: ExecutionRequest, wording: Wording) -> bool:
    """Say whether a request is for code at a cursor, and its prompt declares the code before it as ``before``."""
    return request.task is Task.COMPLETE and any(variable.name == BEFORE for variable in wording.variables)


def infilling(wording: Wording, request: ExecutionRequest, target: RenderTarget) -> Infilling:
    """Return what is asked, shortened at the ends that are farthest from the cursor until it fits.

    Raises RenderError where the values do not fit what is declared, and ContextTooLong where nothing would be left.
    """
    values = resolve(wording.variables, request.variables)
    before, after = (encodable(mark_tokens(str(values.get(name) or ""))) for name in (BEFORE, AFTER))
    room, whole = target.context_tokens - wording.max_tokens - _AROUND, (len(before), len(after))
    while (tokens := target.count_tokens(before) + target.count_tokens(after)) > room:
        before, after = _shortened(before, after)
        if not before:
            raise ContextTooLong(
                f"The model's context of {target.context_tokens:,} tokens leaves no room for code beside "
                f"{wording.max_tokens:,} for the answer: lower the prompt's max_tokens, or use another model."
            )
    lost = zip(("before", "after"), ("first", "last"), whole, (len(before), len(after)), strict=True)
    cut = (f"{name}: the {end} {old - new:,} characters left out" for name, end, old, new in lost if old > new)
    return Infilling((), tuple(cut), tokens + _AROUND, infill=Infill(before, after))


def _shortened(before: str, after: str) -> tuple[str, str]:
    """Leave out half of what follows, or a quarter of what stands before: so prompts of one who types stay alike."""
    if len(after) > len(before) // 4:
        half = after[: len(after) // 2]
        return before, half[: half.rfind("\n") + 1]
    rest = before[-(-len(before) // 4) :]
    return rest[rest.find("\n") + 1 :], after
