"""Versions of a prompt: adding one, listing them, which one would answer, and comparing two."""

import asyncio
from uuid import UUID

from pydantic import Field

from codetune_core.bootstrap.core import Core
from codetune_core.domain.deployment import PRODUCTION
from codetune_core.domain.prompt import NAME, Prompt, PromptVersion, Wording
from codetune_core.domain.service_key import Scope
from codetune_core.errors import PromptError
from codetune_core.execution.wire import WireBody
from codetune_core.http.replies import Cursor, Page
from codetune_core.prompts.diff import compare as compared
from codetune_core.prompts.experiments.compare import Verdict
from codetune_core.prompts.experiments.controller import last_between, look
from codetune_core.prompts.wire import Choosing, ChosenVersion, Label
from codetune_remote.cursors import Cursors, Number, split
from codetune_remote.handlers.prompts import NO_PROMPT, ByPrompt, prompt_ref
from codetune_remote.replies.compare import Compared, ComparisonReply
from codetune_remote.replies.prompts import VersionReply
from codetune_remote.route import Call, Nothing, Route

_PLACES: Cursors[int] = Cursors(Number)


class NewVersion(WireBody):
    """A wording to be added to a prompt."""

    wording: Wording
    """Everything that the version says."""
    notes: str = ""
    """What is new in it, in words."""


class Versions(WireBody):
    """Which two versions are compared."""

    before: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """Number of the first; without it, the one that stands under the label."""
    after: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """Number of the second; without it, the newest."""
    other: str = Field(default="", pattern=f"^$|{NAME}", max_length=200)
    """Id or name of the prompt that the second is a version of; empty for the same prompt."""
    label: Label = PRODUCTION
    """Whose experiments are looked at."""


async def add_version(call: Call[NewVersion, Nothing, ByPrompt]) -> VersionReply:
    """Add the next version of a prompt; it runs once it is deployed."""
    new = call.body
    version = await call.service.core.prompts.edit(
        call.path.ref, new.wording, by=call.principal.user_id, notes=new.notes
    )
    return VersionReply.of(version)


async def list_versions(call: Call[Nothing, Cursor, ByPrompt]) -> Page[VersionReply]:
    """List a prompt's versions, the newest first."""
    library, asked = call.service.core.prompts, call.query
    prompt = await library.show(call.path.ref)
    found = await library.versions(prompt.id, below=_PLACES.read(asked.cursor), limit=asked.limit + 1)
    states = await library.states(prompt.id)
    items, last = split(found, asked.limit)
    listed = [
        VersionReply.of(each, (label for label, state in states.items() if state.stands.number == each.number))
        for each in items
    ]
    return Page(items=listed, next=_PLACES.written(last.number) if last else "")


async def choose(call: Call[Nothing, Choosing, ByPrompt]) -> ChosenVersion:
    """Say which version would answer an execution, and what it wants to be given; nothing runs.

    Who has everything here, such as the owner of the socket, is told what the service says that this one has another
    one run.
    """
    core, meant, asked = call.service.core, call.path.ref, call.query
    name = meant if isinstance(meant, str) else (await core.prompts.show(meant)).name
    if call.principal.sees_everyone:
        return await core.chosen(name, asked)
    return await core.chosen_here(name, asked)


async def compare(call: Call[Nothing, Versions, ByPrompt]) -> ComparisonReply:
    """Compare two versions: what differs in their wordings, what came of each, and what an experiment says of them.

    Without numbers, the version in production and the newest.
    """
    core, asked = call.service.core, call.query
    prompt = await core.prompts.show(call.path.ref)
    other = await core.prompts.show(prompt_ref(asked.other)) if asked.other else prompt
    old = await core.prompts.version(prompt.id, asked.before or await _standing(core, prompt, asked.label))
    new = await core.prompts.version(other.id, asked.after) if asked.after else await _newest(core, other)
    titles = f"{prompt.name}, version {old.number}", f"{other.name}, version {new.number}"
    found = await asyncio.to_thread(compared, old, new, titles)
    groups = await core.history.statistics("version", keys=(old.id, new.id))
    figures = {UUID(group.key): group for group in groups}
    return ComparisonReply.of(
        (Compared.of(prompt.name, old, figures.get(old.id)), Compared.of(other.name, new, figures.get(new.id))),
        found,
        await _verdict(core, prompt, asked.label, old, new) if prompt.id == other.id else None,
    )


async def _standing(core: Core, prompt: Prompt, label: str) -> int:
    if state := (await core.prompts.states(prompt.id)).get(label):
        return state.stands.number
    raise PromptError(f"no version of {prompt.name!r} stands under {label!r}: say which one with ?before=NUMBER")


async def _newest(core: Core, prompt: Prompt) -> PromptVersion:
    return (await core.prompts.versions(prompt.id, limit=1))[0]


async def _verdict(core: Core, prompt: Prompt, label: str, old: PromptVersion, new: PromptVersion) -> Verdict | None:
    entries = await core.prompts.ledger(prompt.id, label=label)
    experiment = last_between(entries, {old.number, new.number})
    return await look(experiment, core.experiments) if experiment else None


ROUTES = (
    Route(
        "POST",
        "/api/prompts/{id}/versions",
        add_version,
        Scope.PROMPTS_WRITE,
        "Add a version",
        parts=ByPrompt,
        body=NewVersion,
        reply=VersionReply,
        status=201,
        problems={404: NO_PROMPT, 409: "A version says this already; `number` is which."},
    ),
    Route(
        "GET",
        "/api/prompts/{id}/versions",
        list_versions,
        Scope.READ,
        "List a prompt's versions",
        parts=ByPrompt,
        query=Cursor,
        reply=Page[VersionReply],
        problems={404: "There is no such prompt."},
    ),
    Route(
        "GET",
        "/api/prompts/{id}/choice",
        choose,
        Scope.READ,
        "Say which version would answer",
        parts=ByPrompt,
        query=Choosing,
        reply=ChosenVersion,
        problems={404: "There is no such prompt or version, or nothing stands under the label."},
    ),
    Route(
        "GET",
        "/api/prompts/{id}/compare",
        compare,
        Scope.READ,
        "Compare two versions",
        parts=ByPrompt,
        query=Versions,
        reply=ComparisonReply,
        problems={404: "There is no such prompt or version."},
    ),
)
