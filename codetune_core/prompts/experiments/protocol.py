"""What experiments need of the history: per arm, what came of its sessions."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from codetune_core.domain.deployment import Experiment
from codetune_core.prompts.experiments.confidence_sequence import NONE, Counts

SLOWER = 1.25
"""An answer is called slower where it took this many times as long as the control's."""


@dataclass(frozen=True, slots=True)
class ArmResults:
    """What came of one arm.

    An execution without a session counts as a session of its own. A session is judged by its first answer that was
    accepted, edited or kept (it counts as accepted), or rejected or reverted; it failed where its first execution that
    ended did. Those that were cancelled, or refused for lack of budget, say nothing about a version, and do not count
    here.

    Attributes:
        arm: its name.
        sessions: that were sent to this arm.
        executions: that ended.
        judged: sessions that were judged, and how many of them accepted.
        judged_blocks: the same of the first sessions only, as many as fill whole blocks of all arms.
        ended: sessions with an execution that ended, and how many of them failed.
        ended_blocks: the same of the first sessions only, as many as fill whole blocks of all arms.
        timed: pairs of the n-th session of this arm and of the control, by the first answer of each that was
            generated, and in how many this one took more than ``SLOWER`` times as long; the control's are empty.
        average_ms: of the answers that were generated.
        average_rating: 1 to 5.
        cost_usd: of executions with a known price; None where there are none.
    """

    arm: str
    sessions: int = 0
    executions: int = 0
    judged: Counts = NONE
    judged_blocks: Counts = NONE
    ended: Counts = NONE
    ended_blocks: Counts = NONE
    timed: Counts = NONE
    average_ms: float | None = None
    average_rating: float | None = None
    cost_usd: Decimal | None = None


class ExperimentResults(Protocol):
    """Reads what was recorded of an experiment."""

    async def results(self, experiment: Experiment) -> tuple[ArmResults, ...]:
        """Return what came of each arm so far, in the experiment's order, the control first."""
        ...
