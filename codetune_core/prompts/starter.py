"""Installs the prompts that ship with CodeTune, and brings new wordings of them only where nobody chose another."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from codetune_core.domain.deployment import PRODUCTION
from codetune_core.domain.editor_scope import scope_tags
from codetune_core.domain.prompt import Category, Prompt, PromptDraft, Wording
from codetune_core.errors import IdenticalVersion, NameTaken, PromptChanged, PromptNotFound
from codetune_core.prompts.library import PromptLibrary

if TYPE_CHECKING:
    from codetune_core.prompts.files import PromptFile

AUTHOR = "codetune"
RECORD = "codetune/starter-library"
"""An archived prompt whose versions record what was installed: one line ``name content_hash`` for each prompt."""
_RECORDING = "Records which starter prompts were installed, so that those you removed are not brought back."


@dataclass(frozen=True, slots=True)
class Installation:
    """What an installation changed; all empty where there was nothing to do.

    Attributes:
        added: names of new prompts.
        updated: names of prompts whose new wording runs in production now.
        notices: about prompts that have a new wording which does not run, and why.
    """

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


async def install(library: PromptLibrary, shipped: Mapping[str, str] | None = None) -> Installation:
    """Add the starter prompts that were never installed, deployed to production, and new wordings of the others.

    A prompt that was archived, renamed or purged is not brought back. A new wording is deployed only where the one
    installed before stands in production, alone. Where nothing is to be done this is one query; several processes may
    do it at once, and one that was killed is made good by the next. ``shipped`` is text by file name, the files of
    this package where it is not given.
    """
    texts = shipped_files() if shipped is None else shipped
    release = _release(texts)
    if await library.list(archived=True, tags=(release,)):
        return Installation()
    from codetune_core.prompts.files import read_prompt  # noqa: PLC0415 - YAML, only where there is work for it

    archived = await library.list(archived=True)
    records = [prompt for prompt in archived if prompt.name == RECORD]
    installer = _Installer(library, archived, await _recorded(library, records))
    for file in (read_prompt(text, name) for name, text in sorted(texts.items())):
        await installer.bring(file)
    await installer.record(release, records)
    return Installation(tuple(installer.added), tuple(installer.updated), tuple(installer.notices))


@cache
def shipped_files() -> Mapping[str, str]:
    """Return the texts of the starter prompts by file name."""
    folder = files("codetune_core.prompts").joinpath("library_files")
    return {entry.name: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".md")}


def _release(texts: Mapping[str, str]) -> str:
    digest = sha256("\0".join(f"{name}\0{texts[name]}" for name in sorted(texts)).encode()).hexdigest()
    return f"installed:{digest[:16]}"


async def _recorded(library: PromptLibrary, records: list[Prompt]) -> dict[str, str]:
    """What was installed last: content hash by name."""
    if not records:
        return {}
    lines = (await library.versions(RECORD))[0].wording.user_prompt_template.splitlines()
    return {name: content_hash for name, _, content_hash in (line.rpartition(" ") for line in lines)}


class _Installer:
    """Brings one release into a library."""

    def __init__(self, library: PromptLibrary, archived: list[Prompt], recorded: dict[str, str]) -> None:
        self._library = library
        self._removed = {prompt.name for prompt in archived if prompt.created_by == AUTHOR}
        self._recorded = recorded
        self._now = dict(recorded)
        self.added: list[str] = []
        self.updated: list[str] = []
        self.notices: list[str] = []

    async def bring(self, file: "PromptFile") -> None:
        name, content_hash = file.draft.name, file.wording.content_hash
        self._now[name] = content_hash
        if name in self._removed:
            return
        if name not in self._recorded:
            await self._add(file)
            return
        if self._recorded[name] != content_hash:
            await self._update(file)
        await self._offer(file)

    async def record(self, release: str, records: list[Prompt]) -> None:
        """Remember this release, last, so that one that broke off is gone on with."""
        listing = Wording(
            user_prompt_template="\n".join(f"{name} {found}" for name, found in sorted(self._now.items()))
        )
        tags = [tag for prompt in records for tag in prompt.draft.tags]
        draft = PromptDraft(name=RECORD, description=_RECORDING, category=Category.OTHER, tags=(*tags, release))
        with suppress(NameTaken):  # by another process, or by one that was killed before it put its record away
            await self._library.create(draft, listing, by=AUTHOR, deploy=False)
        with suppress(PromptNotFound):
            await self._library.archive(RECORD)

    async def _add(self, file: "PromptFile") -> None:
        name = file.draft.name
        try:
            await self._library.create(file.draft, file.wording, by=AUTHOR, notes="starter library")
        except NameTaken:
            await self._finish(name)
        else:
            self.added.append(name)

    async def _finish(self, name: str) -> None:
        """Deploy what another process added, or one that was killed before it deployed it; a user's own stays."""
        if (await self._library.show(name)).created_by != AUTHOR:
            self.notices.append(f"you have a prompt {name!r} of your own, so the starter prompt was not installed")
        elif PRODUCTION not in await self._library.states(name):
            await self._library.deploy(name, 1, by=AUTHOR, reason="starter library")

    async def _update(self, file: "PromptFile") -> None:
        name = file.draft.name
        try:
            prompt = await self._library.show(name)
        except PromptNotFound:
            return
        if not prompt.is_active or prompt.created_by != AUTHOR:
            return
        number = await self._version(name, file.wording)
        if await self._may_deploy(name, number):
            await self._library.deploy(name, number, by=AUTHOR, reason="starter library")
            self.updated.append(name)
        elif number not in await self._deployed_before(name):
            self.notices.append(f"{name}: version {number} is the new starter wording; yours stays in production")

    async def _offer(self, file: "PromptFile") -> None:
        """Let editors offer a prompt that was installed before they did; one whose tags speak of them stays."""
        tags = scope_tags(file.draft.tags)
        with suppress(PromptNotFound, PromptChanged):
            prompt = await self._library.show(file.draft.name) if tags else None
            if prompt and prompt.is_active and prompt.created_by == AUTHOR and not scope_tags(prompt.draft.tags):
                draft = prompt.draft.model_copy(update={"tags": (*prompt.draft.tags, *tags)})
                await self._library.describe(prompt.id, draft, seen=prompt.draft.revision)

    async def _version(self, name: str, wording: Wording) -> int:
        try:
            return (await self._library.edit(name, wording, by=AUTHOR, notes="starter library")).number
        except IdenticalVersion as error:
            return error.number

    async def _may_deploy(self, name: str, number: int) -> bool:
        """Whether the wording installed before runs alone; one that ran once and was replaced is not brought back."""
        state = (await self._library.states(name)).get(PRODUCTION)
        if state is None or state.experiment or number in await self._deployed_before(name):
            return False
        standing = await self._library.version(name, state.stands.number)
        return standing.wording.content_hash == self._recorded[name]

    async def _deployed_before(self, name: str) -> set[int]:
        return {entry.version_number for entry in await self._library.ledger(name, label=PRODUCTION)}
