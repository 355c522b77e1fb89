"""The prompt library: what there is, and what describes it."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import Field, model_validator

from codetune_core.domain.deployment import PRODUCTION
from codetune_core.domain.prompt import NAME, Category, PromptDraft, Wording
from codetune_core.domain.service_key import Scope
from codetune_core.execution.wire import WireBody
from codetune_core.http.replies import Cursor, Page
from codetune_core.prompts.library import PromptLibrary
from codetune_core.prompts.protocol import PromptRef
from codetune_remote.cursors import Cursors, split
from codetune_remote.replies.prompts import DeletedPrompt, PromptDetail, PromptReply, VersionReply, described
from codetune_remote.route import Call, Nothing, Route

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PLACES: Cursors[tuple[str, UUID]] = Cursors(tuple[str, UUID])


def prompt_ref(text: str) -> PromptRef:
    """Return what an address means: a prompt's id where it is written as one, else its name."""
    return UUID(text) if _ID.fullmatch(text) else text


class ByPrompt(WireBody):
    """A path that holds a prompt."""

    id: str = Field(pattern=NAME, max_length=200)
    """The prompt's id, or its name; a slash in a name is written ``%2F``."""

    @property
    def ref(self) -> PromptRef:
        """What means the prompt."""
        return prompt_ref(self.id)


class Prompts(Cursor):
    """Which prompts are listed."""

    category: Category | None = None
    """Only of this kind."""
    tag: tuple[str, ...] = Field(default=(), max_length=20)
    """Only those with this tag; again for more tags, all of which they must have."""
    archived: bool = False
    """Those that were taken out of use, instead of the active ones."""


class _Description(WireBody):
    name: str = Field(min_length=1, max_length=200, pattern=NAME)
    """Unique among the active prompts."""
    description: str = ""
    """What it is for, in words."""
    category: Category = Category.OTHER
    """What it is for, by kind."""
    use_case: str = Field(default="", max_length=100)
    """A word for when it is used."""
    tags: tuple[str, ...] = ()
    """Words to find it by."""

    @property
    def draft(self) -> PromptDraft:
        """What describes the prompt."""
        return PromptDraft(**{name: getattr(self, name) for name in PromptDraft.model_fields})


class NewPrompt(_Description):
    """A prompt to be added, with its version 1."""

    wording: Wording
    """What version 1 says."""
    notes: str = ""
    """Why it is there."""
    deploy: bool = True
    """Whether version 1 runs in production at once."""


class ChangedPrompt(_Description):
    """What shall describe a prompt from now on, all of it; its versions stay as they are."""

    revision: str = ""
    """That of the description which you saw: 409 where it is no longer so; empty for whatever it is."""

    @model_validator(mode="before")
    @classmethod
    def _without_wording(cls, content: Any) -> Any:
        if isinstance(content, Mapping) and content.get("wording") is not None:
            raise ValueError("a wording never changes: add it with POST to the prompt's versions")
        return content


async def create_prompt(call: Call[NewPrompt]) -> PromptDetail:
    """Add a prompt with its version 1, which runs in production unless told otherwise."""
    new, library = call.body, call.service.core.prompts
    prompt, _ = await library.create(
        new.draft, new.wording, by=call.principal.user_id, notes=new.notes, deploy=new.deploy
    )
    return await _detail(library, prompt.id)


async def list_prompts(call: Call[Nothing, Prompts]) -> Page[PromptReply]:
    """List prompts by name."""
    asked = call.query
    found = await call.service.core.prompts.list(
        category=asked.category,
        tags=asked.tag,
        archived=asked.archived,
        after=_PLACES.read(asked.cursor),
        limit=asked.limit + 1,
    )
    items, last = split(found, asked.limit)
    following = _PLACES.written((last.name, last.id)) if last else ""
    return Page(items=[PromptReply.of(prompt) for prompt in items], next=following)


async def get_prompt(call: Call[Nothing, Nothing, ByPrompt]) -> PromptDetail:
    """Say all about a prompt: what describes it, where its versions stand, and what the one in production says."""
    return await _detail(call.service.core.prompts, call.path.ref)


async def put_prompt(call: Call[ChangedPrompt, Nothing, ByPrompt]) -> PromptDetail:
    """Replace what describes a prompt, its name too; what it says is changed by adding a version."""
    library = call.service.core.prompts
    prompt = await library.describe(call.path.ref, call.body.draft, seen=call.body.revision)
    return await _detail(library, prompt.id)


async def delete_prompt(call: Call[Nothing, Nothing, ByPrompt]) -> DeletedPrompt:
    """Delete a prompt that was never executed; archive one that was, for its history names it."""
    deleted = await call.service.core.prompts.delete(call.path.ref)
    return DeletedPrompt(deleted=deleted, archived=not deleted)


async def _detail(library: PromptLibrary, meant: PromptRef) -> PromptDetail:
    prompt = await library.show(meant)
    labels = {label: state.stands.number for label, state in (await library.states(prompt.id)).items()}
    if PRODUCTION in labels:
        shown = await library.version(prompt.id, labels[PRODUCTION])
    else:
        shown = (await library.versions(prompt.id, limit=1))[0]
    standing = (label for label, number in labels.items() if number == shown.number)
    return PromptDetail(**described(prompt), labels=labels, shown=VersionReply.of(shown, standing))


NO_PROMPT = "There is no such prompt, or none that is active."
ROUTES = (
    Route(
        "POST",
        "/api/prompts/",
        create_prompt,
        Scope.PROMPTS_WRITE,
        "Add a prompt",
        body=NewPrompt,
        reply=PromptDetail,
        status=201,
        problems={409: "An active prompt has this name."},
    ),
    Route("GET", "/api/prompts/", list_prompts, Scope.READ, "List prompts", query=Prompts, reply=Page[PromptReply]),
    Route(
        "GET",
        "/api/prompts/{id}",
        get_prompt,
        Scope.READ,
        "Show a prompt",
        parts=ByPrompt,
        reply=PromptDetail,
        problems={404: "There is no such prompt."},
    ),
    Route(
        "PUT",
        "/api/prompts/{id}",
        put_prompt,
        Scope.PROMPTS_WRITE,
        "Describe a prompt anew",
        parts=ByPrompt,
        body=ChangedPrompt,
        reply=PromptDetail,
        problems={404: NO_PROMPT, 409: "Another active prompt has this name, or somebody described it meanwhile."},
    ),
    Route(
        "DELETE",
        "/api/prompts/{id}",
        delete_prompt,
        Scope.PROMPTS_WRITE,
        "Delete or archive a prompt",
        parts=ByPrompt,
        reply=DeletedPrompt,
        problems={404: NO_PROMPT},
    ),
)
