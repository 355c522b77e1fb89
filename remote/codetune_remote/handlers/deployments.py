"""Which version of a prompt runs under a label: deploying and rolling back."""

from pydantic import Field

from codetune_core.domain.deployment import PRODUCTION
from codetune_core.domain.service_key import Scope
from codetune_core.execution.wire import WireBody
from codetune_core.prompts.ledger import LabelState
from codetune_core.prompts.wire import Label
from codetune_remote.handlers.prompts import NO_PROMPT, ByPrompt
from codetune_remote.replies.prompts import DeployedReply
from codetune_remote.route import Call, Nothing, Route


class _Act(WireBody):
    label: Label = PRODUCTION
    """Under which it shall run."""
    reason: str = Field(default="", max_length=10_000)
    """Why, for the ledger."""
    after: int | None = Field(default=None, ge=0, le=2**53 - 1)
    """The ``sequence`` of the label's newest entry which you saw, 0 for none: 409 where another one is newer."""


class Deploy(_Act):
    """Which version shall run."""

    version: int = Field(ge=1, le=2**31 - 1)
    """Its number."""


class Rollback(_Act):
    """What to go back to."""

    version: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """Number of a version that ran there before; without it, the one that ran last."""


async def deploy(call: Call[Deploy, Nothing, ByPrompt]) -> DeployedReply:
    """Let a version run under a label from now on; an experiment under this label ends.

    Where it runs there already, alone, nothing is written.
    """
    library, asked = call.service.core.prompts, call.body
    prompt = await library.show(call.path.ref)
    before = (await library.states(prompt.id)).get(asked.label)
    entry = await library.deploy(
        prompt.id, asked.version, label=asked.label, by=call.principal.user_id, reason=asked.reason, after=asked.after
    )
    return DeployedReply.of(prompt.name, entry, changed=_is_new(before, entry.sequence))


async def rollback(call: Call[Rollback, Nothing, ByPrompt]) -> DeployedReply:
    """Go back to what ran under a label before; twice goes back two. During an experiment, back to its control."""
    library, asked = call.service.core.prompts, call.body
    prompt = await library.show(call.path.ref)
    entry = await library.rollback(
        prompt.id,
        label=asked.label,
        number=asked.version,
        by=call.principal.user_id,
        reason=asked.reason,
        after=asked.after,
    )
    return DeployedReply.of(prompt.name, entry, changed=True)


def _is_new(before: LabelState | None, sequence: int) -> bool:
    return before is None or before.last.sequence != sequence


_MOVED = "Somebody else deployed in the meantime."
ROUTES = (
    Route(
        "POST",
        "/api/prompts/{id}/deploy",
        deploy,
        Scope.PROMPTS_WRITE,
        "Let a version run under a label",
        parts=ByPrompt,
        body=Deploy,
        reply=DeployedReply,
        problems={404: NO_PROMPT, 409: _MOVED},
    ),
    Route(
        "POST",
        "/api/prompts/{id}/rollback",
        rollback,
        Scope.PROMPTS_WRITE,
        "Go back to what ran before",
        parts=ByPrompt,
        body=Rollback,
        reply=DeployedReply,
        problems={404: NO_PROMPT, 409: _MOVED},
    ),
)
