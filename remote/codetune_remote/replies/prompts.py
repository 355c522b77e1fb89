"""Prompts, their versions and their deployments, as endpoints give them."""

from collections.abc import Iterable
from uuid import UUID

from codetune_core.domain.deployment import Action, Deployment, Experiment
from codetune_core.domain.prompt import Category, Prompt, PromptVersion, Wording
from codetune_core.http.replies import Moment, Reply


class StatisticsReply(Reply):
    """What came of executions: of those that ran to an end on an engine."""

    executions: int
    """How many there were."""
    success_rate: float | None
    """Share that succeeded, 0 to 1; null where there were none."""
    average_ms: float | None
    """Mean time from the question to the end of the answer; null where there were none."""


class PromptReply(Reply):
    """What describes a prompt, and what came of it."""

    id: UUID
    """It stays when the prompt is renamed."""
    name: str
    """Unique among the active prompts."""
    description: str
    """What it is for, in words."""
    category: Category
    """What it is for, by kind."""
    use_case: str
    """A word for when it is used."""
    tags: tuple[str, ...]
    """Words to find it by."""
    active: bool
    """False for an archived one, which runs no more."""
    revision: str
    """Of the description: send it with PUT to change only what you saw."""
    created_at: Moment
    """When it was added."""
    created_by: str
    """Who added it."""
    in_production: bool
    """Whether a version stands under the label ``production``."""
    statistics: StatisticsReply
    """Of all its versions together."""

    @classmethod
    def of(cls, prompt: Prompt) -> "PromptReply":
        """Return what is given of a prompt."""
        return cls(**described(prompt))


class VersionReply(Reply):
    """One wording of a prompt; it never changes."""

    number: int
    """Counted from 1 within the prompt."""
    content_hash: str
    """SHA-256 of what it says, in hexadecimal digits: equal only for equal wordings."""
    created_at: Moment
    """When it was added."""
    created_by: str
    """Who added it."""
    notes: str
    """What is new in it, in words."""
    labels: tuple[str, ...]
    """Under which it stands now."""
    tests: StatisticsReply
    """Of its offline tests."""
    wording: Wording
    """Everything that it says."""

    @classmethod
    def of(cls, version: PromptVersion, labels: Iterable[str] = ()) -> "VersionReply":
        """Return what is given of a version."""
        return cls(
            number=version.number,
            content_hash=version.wording.content_hash,
            created_at=version.created_at,
            created_by=version.created_by,
            notes=version.change_notes,
            labels=tuple(labels),
            tests=StatisticsReply.model_validate(version.tests),
            wording=version.wording,
        )


class PromptDetail(PromptReply):
    """A prompt, where its versions stand, and what one of them says."""

    labels: dict[str, int]
    """Label -> number of the version that stands under it."""
    shown: VersionReply
    """The version in production, else the newest."""


class DeletedPrompt(Reply):
    """What became of a prompt."""

    deleted: bool
    """Whether it is gone, with its versions and its ledger."""
    archived: bool
    """Whether it was taken out of use instead, because executions of it are recorded."""


class DeploymentReply(Reply):
    """An entry of a prompt's ledger, in which nothing ever changes."""

    sequence: int
    """Place in the ledger of all prompts, ascending."""
    label: str
    """Under which the version runs from then on."""
    version: int
    """Its number."""
    action: Action
    """What the entry did."""
    at: Moment
    """When."""
    by: str
    """Who did it."""
    reason: str
    """Why, in words."""
    experiment: Experiment | None
    """The split of the label's traffic that began with the entry."""


class DeployedReply(Reply):
    """What stands under a label now."""

    prompt: str
    """The prompt's name."""
    changed: bool
    """Whether something else stood there before."""
    entry: DeploymentReply
    """The newest entry of the label."""

    @classmethod
    def of(cls, prompt: str, entry: Deployment, *, changed: bool) -> "DeployedReply":
        """Return what is given of an entry."""
        read = {name: getattr(entry, name, entry.version_number) for name in DeploymentReply.model_fields}
        return cls(prompt=prompt, changed=changed, entry=DeploymentReply(**read))


def described(prompt: Prompt) -> dict[str, object]:
    """Return the fields of a PromptReply."""
    return {
        **prompt.draft.model_dump(),
        "id": prompt.id,
        "active": prompt.is_active,
        "revision": prompt.draft.revision,
        "created_at": prompt.created_at,
        "created_by": prompt.created_by,
        "in_production": prompt.current_version_id is not None,
        "statistics": StatisticsReply.model_validate(prompt.statistics),
    }
