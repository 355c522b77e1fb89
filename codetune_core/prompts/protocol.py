"""What the prompt library needs of its storage."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from codetune_core.domain.deployment import Action, Deployment, Experiment
from codetune_core.domain.prompt import Category, Prompt, PromptDraft, PromptVersion, Statistics, Wording

PromptRef = str | UUID
"""What means a prompt: its name, or its id."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger entry to be written."""

    prompt_id: UUID
    version_id: UUID
    label: str
    action: Action
    by: str
    reason: str = ""
    experiment: Experiment | None = None


@dataclass(frozen=True, slots=True)
class Deployed:
    """What stands under a label now."""

    prompt: Prompt
    version: PromptVersion
    deployment: Deployment


class PromptStore(Protocol):
    """Prompts, versions and ledger; each method is one transaction."""

    async def create(self, draft: PromptDraft, wording: Wording, by: str, notes: str) -> tuple[Prompt, PromptVersion]:
        """Add a prompt with its version 1, not deployed; raises NameTaken."""
        ...

    async def describe(self, prompt_id: UUID, draft: PromptDraft, seen: str = "") -> Prompt:
        """Change what describes a prompt; raises NameTaken, PromptNotFound.

        Raises PromptChanged where ``seen`` is a revision that the description no longer has.
        """
        ...

    async def find(self, name: str) -> Prompt | None:
        """Return the active prompt of this name."""
        ...

    async def get(self, prompt_id: UUID) -> Prompt | None:
        """Return a prompt, active or not."""
        ...

    async def prompts(
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
        ...

    async def in_production(self, tags: Sequence[str], limit: int) -> list[tuple[Prompt, PromptVersion]]:
        """Return the active prompts that have one of some tags, by name, each with its version in production.

        One query; what is not in production is left out.
        """
        ...

    async def add_version(self, prompt_id: UUID, wording: Wording, by: str, notes: str) -> PromptVersion:
        """Add the next version; raises IdenticalVersion, PromptNotFound."""
        ...

    async def version(self, prompt_id: UUID, number: int) -> PromptVersion | None:
        """Return a version by number."""
        ...

    async def version_by_id(self, version_id: UUID) -> PromptVersion | None:
        """Return a version by id."""
        ...

    async def versions(
        self, prompt_id: UUID, *, below: int | None = None, limit: int | None = None
    ) -> list[PromptVersion]:
        """Return versions, the newest first; only those with a number ``below`` that."""
        ...

    async def deployed(self, name: str, label: str) -> Deployed | None:
        """Return what stands under a label of an active prompt, in one query."""
        ...

    async def experimenting(self) -> list[Deployed]:
        """Return what stands where an experiment runs, of all active prompts, in one query."""
        ...

    async def append(self, entry: Entry, after: int | None) -> Deployment:
        """Write to the ledger.

        ``after`` is the sequence of the label's last entry as the caller knows it, None for no entry; raises
        LedgerMoved where that is no longer so. For the label ``production`` the prompt's mirror of the wording and
        the version's ``is_deployed`` follow in the same transaction.
        """
        ...

    async def ledger(
        self, prompt_id: UUID, label: str | None = None, until: dt.datetime | None = None
    ) -> list[Deployment]:
        """Return the entries of a prompt, the oldest first."""
        ...

    async def add_test_result(self, version_id: UUID, *, success: bool, milliseconds: float) -> Statistics:
        """Count one offline test of a version."""
        ...

    async def set_active(self, prompt_id: UUID, *, active: bool) -> Prompt:
        """Archive a prompt or bring it back; raises NameTaken, PromptNotFound."""
        ...

    async def delete(self, prompt_id: UUID) -> bool:
        """Delete a prompt that was never executed, and archive one that was; say whether it is deleted."""
        ...

    async def purge(self, prompt_id: UUID) -> None:
        """Delete a prompt with its versions and ledger; its history stays."""
        ...
