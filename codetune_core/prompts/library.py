"""The prompt library: prompts, their versions, and which version answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from codetune_core.domain.deployment import PRODUCTION, Arm
from codetune_core.domain.editor_scope import OFFERED, editor_scope
from codetune_core.domain.prompt import Category, Prompt, PromptDraft, PromptVersion, Statistics, Wording
from codetune_core.errors import PromptError, PromptNotFound
from codetune_core.prompts.deployments import Deployments
from codetune_core.prompts.diff import VersionDiff, compare
from codetune_core.prompts.editor import MOST_OFFERED, EditorPrompt, EditorPrompts
from codetune_core.prompts.experiments.assign import assign
from codetune_core.prompts.lookup import (
    active_prompt,
    any_prompt,
    archived_prompt,
    newest_version,
    nothing_deployed,
    version_of,
)
from codetune_core.prompts.protocol import Deployed, PromptRef
from codetune_core.prompts.storable import refuse_unstorable


@dataclass(frozen=True, slots=True)
class Choice:
    """The version that answers a request; both experiment fields are empty outside an experiment."""

    prompt: Prompt
    version: PromptVersion
    experiment_id: str = ""
    experiment_arm: str = ""


class PromptLibrary(Deployments):
    """What people and programs do with prompts.

    Prompts are meant by name or by id; an unknown one raises PromptNotFound, which names similar ones. What changes a
    prompt wants an active one; what only reads finds archived ones too.
    """

    async def create(
        self, draft: PromptDraft, wording: Wording, *, by: str, notes: str = "", deploy: bool = True
    ) -> tuple[Prompt, PromptVersion]:
        """Add a prompt with its version 1, deployed to production unless told otherwise.

        Raises NameTaken, RenderError for a wording that cannot be rendered, and PromptError for tags that editors
        cannot follow.
        """
        refuse_unstorable(draft, wording)
        _check_tags(draft)
        _check(wording)
        prompt, version = await self._store.create(draft, wording, by, notes)
        if deploy:
            await self._deploy_new(prompt, version, by=by, reason=notes)
            return await any_prompt(self._store, prompt.id), await version_of(self._store, prompt, version.number)
        return prompt, version

    async def edit(self, name: PromptRef, wording: Wording, *, by: str, notes: str = "") -> PromptVersion:
        """Add the next version, not deployed.

        Raises IdenticalVersion with the number of the version that says this, and RenderError as ``create`` does.
        """
        refuse_unstorable(wording)
        _check(wording)
        prompt = await active_prompt(self._store, name)
        return await self._store.add_version(prompt.id, wording, by, notes)

    async def describe(self, name: PromptRef, draft: PromptDraft, *, seen: str = "") -> Prompt:
        """Change what describes a prompt, its name too; raises NameTaken.

        ``seen`` is the revision of the description as the caller knows it, empty for whatever it is: raises
        PromptChanged where it is no longer so.
        """
        refuse_unstorable(draft)
        _check_tags(draft)
        return await self._store.describe((await active_prompt(self._store, name)).id, draft, seen)

    async def show(self, name: PromptRef) -> Prompt:
        """Return a prompt."""
        return await any_prompt(self._store, name)

    async def version(self, name: PromptRef, number: int) -> PromptVersion:
        """Return a version; raises PromptNotFound, which says what numbers there are."""
        return await version_of(self._store, await any_prompt(self._store, name), number)

    async def versions(
        self, name: PromptRef, *, below: int | None = None, limit: int | None = None
    ) -> list[PromptVersion]:
        """Return versions, the newest first; only those with a number ``below`` that."""
        return await self._store.versions((await any_prompt(self._store, name)).id, below=below, limit=limit)

    async def diff(self, before: tuple[str, int], after: tuple[str, int]) -> VersionDiff:
        """Compare two versions, each a prompt's name and a number; they may be of two prompts."""
        (old, number), (new, other) = before, after
        titles = f"{old}, version {number}", f"{new}, version {other}"
        return compare(await self.version(old, number), await self.version(new, other), titles)

    async def record_test(self, name: str, number: int, *, success: bool, milliseconds: float) -> Statistics:
        """Count one offline test of a version; returns what came of all of them."""
        version = await self.version(name, number)
        return await self._store.add_test_result(version.id, success=success, milliseconds=milliseconds)

    async def clone(self, name: str, new_name: str, *, by: str, version: int | None = None) -> Prompt:
        """Add a prompt that starts as a version of another one: the one in production, else the newest."""
        prompt = await any_prompt(self._store, name)
        source = await self._source(prompt, version)
        draft = PromptDraft.model_validate({**prompt.draft.model_dump(), "name": new_name})
        notes = f"cloned from {name}, version {source.number}"
        return (await self.create(draft, source.wording, by=by, notes=notes))[0]

    async def archive(self, name: PromptRef) -> Prompt:
        """Take a prompt out of use; its name is free, its versions, ledger and history stay."""
        return await self._store.set_active((await active_prompt(self._store, name)).id, active=False)

    async def restore(self, name: str) -> Prompt:
        """Bring the archived prompt of a name back, the one made last; raises NameTaken."""
        if prompt := await archived_prompt(self._store, name):
            return await self._store.set_active(prompt.id, active=True)
        raise PromptNotFound(f"no archived prompt is named {name!r}")

    async def delete(self, name: PromptRef) -> bool:
        """Delete a prompt that was never executed, archive one that was; say whether it is deleted."""
        return await self._store.delete((await active_prompt(self._store, name)).id)

    async def purge(self, name: PromptRef) -> None:
        """Delete a prompt with its versions and its ledger, used or not; its history stays, without it."""
        await self._store.purge((await any_prompt(self._store, name)).id)

    async def choose(
        self, name: str, *, label: str = PRODUCTION, version: int | None = None, session_id: str = ""
    ) -> Choice:
        """Return the version that answers: a numbered one, else what stands under a label, or an experiment's arm.

        One query; two for an arm other than the control, and for a numbered version.
        """
        if version is not None:
            prompt = await active_prompt(self._store, name)
            return Choice(prompt, await version_of(self._store, prompt, version))
        if (found := await self._store.deployed(name, label)) is None:
            return await nothing_deployed(self._store, name, label)
        if (experiment := found.deployment.experiment) is None:
            return Choice(found.prompt, found.version)
        arm = assign(experiment, session_id)
        return Choice(found.prompt, await self._version_of_arm(arm, found), experiment.id, arm.name)

    async def _version_of_arm(self, arm: Arm, found: Deployed) -> PromptVersion:
        if arm.version_id == found.version.id:
            return found.version
        return await version_of(self._store, found.prompt, arm.version_number)

    async def _source(self, prompt: Prompt, number: int | None) -> PromptVersion:
        if number is not None:
            return await version_of(self._store, prompt, number)
        current = prompt.current_version_id and await self._store.version_by_id(prompt.current_version_id)
        return current or await newest_version(self._store, prompt)

    async def offered(self) -> EditorPrompts:
        """Return the prompts that editors offer."""
        found = await self._store.in_production(OFFERED, MOST_OFFERED)
        prompts = (EditorPrompt.of(prompt, version) for prompt, version in found)
        return EditorPrompts(prompts=tuple(each for each in prompts if each.scope))

    async def list(
        self,
        *,
        category: Category | None = None,
        tags: Sequence[str] = (),
        archived: bool = False,
        after: tuple[str, UUID] | None = None,
        limit: int | None = None,
    ) -> list[Prompt]:
        """Return prompts by name: of a category, having all of some tags; the active ones, or the archived.

        ``after`` is the name and id that the first one follows.
        """
        return await self._store.prompts(category=category, tags=tags, archived=archived, after=after, limit=limit)


def _check(wording: Wording) -> None:
    from codetune_core.prompts.check import check_wording  # noqa: PLC0415 - Jinja, only where something is written

    check_wording(wording)


def _check_tags(draft: PromptDraft) -> None:
    try:
        editor_scope(draft.tags)
    except ValueError as error:
        raise PromptError(str(error)) from None
