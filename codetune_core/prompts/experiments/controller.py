"""The end of an experiment: what its results say to do, and doing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from codetune_core.domain.deployment import Deployment, Experiment
from codetune_core.errors import LedgerMoved
from codetune_core.prompts.experiments.compare import Comparison, Judgement, Verdict, compare
from codetune_core.prompts.experiments.protocol import ExperimentResults
from codetune_core.prompts.experiments.verdict import words
from codetune_core.prompts.library import PromptLibrary

_BY = "experiment"


class Act(StrEnum):
    """What to do with an experiment."""

    KEEP = "keep running"
    STOP = "stop"
    """Nothing is to be gained: its control stays."""
    PROMOTE = "promote"
    ROLL_BACK = "roll back"
    """An arm does harm: its control stays."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do and why, in words; ``arm`` is whom to promote, or who does harm."""

    act: Act
    why: str
    arm: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A look at a running experiment; ``applied`` where this look ended it."""

    prompt: str
    label: str
    verdict: Verdict
    decision: Decision
    applied: bool


def decide(verdict: Verdict) -> Decision:
    """Say what to do.

    Nothing before each arm has its least number of executions. A split that is not what was asked for ends the
    experiment, as its results will never be worth more. One worse arm ends it for all: start again without it. The
    best of the better arms is promoted once no arm is in doubt.
    """
    said = words(verdict)
    needed = verdict.experiment.min_executions
    if few := [arm.arm for arm in verdict.results if arm.executions < needed]:
        return Decision(Act.KEEP, f"{', '.join(few)} had fewer than {needed} executions yet")
    if not verdict.trusted:
        return Decision(Act.STOP, said[0])
    by_judgement = dict(zip(verdict.comparisons, said, strict=True))
    for comparison, why in by_judgement.items():
        if comparison.judgement is Judgement.WORSE:
            return Decision(Act.ROLL_BACK, why, comparison.treatment.arm)
    if any(comparison.judgement is Judgement.OPEN for comparison in verdict.comparisons):
        return Decision(Act.KEEP, " ".join(said))
    better = [comparison for comparison in verdict.comparisons if comparison.judgement is Judgement.BETTER]
    if not better:
        return Decision(Act.STOP, " ".join(said))
    best = max(better, key=_lower_bound)
    return Decision(Act.PROMOTE, by_judgement[best], best.treatment.arm)


def _lower_bound(comparison: Comparison) -> float:
    return comparison.acceptance.low


def last_between(entries: Sequence[Deployment], numbers: set[int]) -> Experiment | None:
    """Return the last experiment of a label's ledger, the oldest entry first, that had all these versions as arms."""
    for entry in reversed(entries):
        if entry.experiment and numbers <= {arm.version_number for arm in entry.experiment.arms}:
            return entry.experiment
    return None


async def look(experiment: Experiment, source: ExperimentResults) -> Verdict:
    """Return what an experiment says now."""
    return compare(experiment, await source.results(experiment))


async def check(
    name: str, label: str, experiment: Experiment, library: PromptLibrary, source: ExperimentResults
) -> Checked:
    """Look at a running experiment, and end it if it is automatic and its results say so.

    Of several looks at once one ends it; one that finds it ended by somebody else changes nothing.
    """
    verdict = await look(experiment, source)
    decision = decide(verdict)
    wanted = experiment.automatic and decision.act is not Act.KEEP
    applied = wanted and await _apply(name, label, experiment, decision, library)
    return Checked(name, label, verdict, decision, applied)


async def check_all(library: PromptLibrary, source: ExperimentResults) -> list[Checked]:
    """Look at every running experiment of every active prompt."""
    return [
        await check(found.prompt.name, found.deployment.label, found.deployment.experiment, library, source)
        for found in await library.experimenting()
        if found.deployment.experiment
    ]


async def _apply(name: str, label: str, experiment: Experiment, decision: Decision, library: PromptLibrary) -> bool:
    try:
        if decision.act is Act.PROMOTE:
            await library.promote(
                name, decision.arm, label=label, by=_BY, reason=decision.why, experiment_id=experiment.id
            )
        else:
            await library.stop_experiment(name, label=label, by=_BY, reason=decision.why, experiment_id=experiment.id)
    except LedgerMoved:
        return False
    return True
