"""The comparison of two versions, as the endpoint gives it: what differs, what came of each, and the verdict."""

from typing import Literal

from pydantic import JsonValue

from codetune_core.domain.prompt import PromptVersion
from codetune_core.history.protocol import Group
from codetune_core.http.replies import Reply, Usd
from codetune_core.prompts.diff import VersionDiff
from codetune_core.prompts.experiments import verdict as in_words
from codetune_core.prompts.experiments.compare import Comparison, Judgement, Verdict
from codetune_core.prompts.experiments.confidence_sequence import Counts
from codetune_core.prompts.experiments.protocol import ArmResults
from codetune_remote.replies.prompts import StatisticsReply


class FiguresReply(Reply):
    """Figures of ended executions, of all users and all time."""

    executions: int
    """How many ended."""
    succeeded: int
    """How many of them succeeded."""
    from_cache: int
    """How many were answered from the cache."""
    average_ms: float | None
    """Mean time of those that an engine answered; null where there were none."""
    tokens: int
    """Of questions and answers together."""
    cost_usd: Usd
    """Of those with a known price."""
    unpriced: int
    """How many have none."""
    rated: int
    """How many a user rated."""
    average_rating: float | None
    """From 1 to 5; null where nobody rated."""
    judged: int
    """How many answers were accepted, edited, kept, rejected or reverted."""
    accepted: int
    """How many of those were accepted, edited or kept."""


class Compared(Reply):
    """One of the two versions."""

    prompt: str
    """The prompt's name."""
    version: int
    """Its number."""
    content_hash: str
    """SHA-256 of what it says."""
    tests: StatisticsReply
    """Of its offline tests."""
    figures: FiguresReply | None
    """Of its executions; null where none ended."""

    @classmethod
    def of(cls, prompt: str, version: PromptVersion, group: Group | None) -> "Compared":
        """Return what is given of a version."""
        return cls(
            prompt=prompt,
            version=version.number,
            content_hash=version.wording.content_hash,
            tests=StatisticsReply.model_validate(version.tests),
            figures=FiguresReply.model_validate(group) if group else None,
        )


class ChangeReply(Reply):
    """A field that differs."""

    field: str
    """Its path, such as ``decoding.top_p`` or ``variables.code``."""
    change: Literal["added", "removed", "changed"]
    """What happened to it."""
    before: JsonValue
    """Its value in the first version; null for none."""
    after: JsonValue
    """Its value in the second version; null for none."""


class CountsReply(Reply):
    """Of how many sessions it was so."""

    sessions: int
    """All that count."""
    hits: int
    """Those of which it holds."""
    rate: float | None
    """Their share, 0 to 1; null where nothing was counted."""

    @classmethod
    def of(cls, counts: Counts) -> "CountsReply":
        """Return what is given of counts."""
        return cls(sessions=counts.units, hits=counts.hits, rate=counts.rate)


class ArmReply(Reply):
    """What came of one version in an experiment."""

    arm: str
    """Its name, ``v`` and the version's number."""
    sessions: int
    """That were sent to it."""
    executions: int
    """That ended."""
    judged: CountsReply
    """Sessions whose answers were accepted or rejected; hits are the accepted."""
    failed: CountsReply
    """Sessions that ended; hits are those that failed."""
    average_ms: float | None
    """Mean time of answers that an engine gave."""
    average_rating: float | None
    """From 1 to 5."""
    cost_usd: Usd | None
    """Of executions with a known price."""

    @classmethod
    def of(cls, arm: ArmResults) -> "ArmReply":
        """Return what is given of an arm."""
        counted = {"judged": CountsReply.of(arm.judged), "failed": CountsReply.of(arm.ended)}
        rest = {name: getattr(arm, name) for name in cls.model_fields if name not in counted}
        return cls(**rest, **counted)


class IntervalReply(Reply):
    """Bounds of a difference of shares, from -1 to 1."""

    low: float
    """The least that it can be."""
    high: float
    """The most."""


class ArmComparison(Reply):
    """One arm against the control."""

    arm: str
    """Which one."""
    control: str
    """Against which one."""
    judgement: Judgement
    """What can be said."""
    acceptance: IntervalReply
    """Its acceptance rate minus the control's."""
    failures: IntervalReply
    """Its failure rate minus the control's."""
    slower: bool
    """Whether its answers take longer, beyond chance and what is tolerated."""
    sessions_needed: int
    """How many more judged sessions it takes, about, while nothing can be said."""

    @classmethod
    def of(cls, each: Comparison) -> "ArmComparison":
        """Return what is given of a comparison."""
        return cls(
            arm=each.treatment.arm,
            control=each.control.arm,
            judgement=each.judgement,
            acceptance=IntervalReply.model_validate(each.acceptance),
            failures=IntervalReply.model_validate(each.failures),
            slower=each.slower,
            sessions_needed=each.sessions_needed,
        )


class VerdictReply(Reply):
    """What an experiment says; looking often does not make it less sure."""

    experiment: str
    """Its id."""
    alpha: float
    """Bound on the chance of a false alarm, over all looks together."""
    trusted: bool
    """Whether as many sessions came to each arm as should."""
    sample_ratio_p: float
    """The p-value of the split."""
    arms: tuple[ArmReply, ...]
    """The control first."""
    comparisons: tuple[ArmComparison, ...]
    """Each other arm against the control."""
    verdict: tuple[str, ...]
    """In words, the most important first."""

    @classmethod
    def of(cls, found: Verdict) -> "VerdictReply":
        """Return what is given of a verdict."""
        return cls(
            experiment=found.experiment.id,
            alpha=found.experiment.alpha,
            trusted=found.trusted,
            sample_ratio_p=found.sample_ratio,
            arms=tuple(map(ArmReply.of, found.results)),
            comparisons=tuple(map(ArmComparison.of, found.comparisons)),
            verdict=tuple(in_words.words(found)),
        )


class ComparisonReply(Reply):
    """Two versions side by side."""

    before: Compared
    """The first."""
    after: Compared
    """The second."""
    fields: tuple[ChangeReply, ...]
    """What differs, field by field; nothing only where both say the same."""
    unified: str
    """What differs, as a unified diff of a readable text."""
    experiment: VerdictReply | None
    """What the last experiment that had both as arms says; null where there was none."""

    @classmethod
    def of(cls, sides: tuple[Compared, Compared], found: VersionDiff, verdict: Verdict | None) -> "ComparisonReply":
        """Return what is given of two versions."""
        return cls(
            before=sides[0],
            after=sides[1],
            fields=tuple(ChangeReply.model_validate(each) for each in found.fields),
            unified=found.unified,
            experiment=VerdictReply.of(verdict) if verdict else None,
        )
