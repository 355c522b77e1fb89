"""How many new findings of a model one save may show."""

from collections.abc import Collection, Iterable

from codetune_core.domain.finding import Finding
from codetune_core.model_reviewer.calibration import Calibration


def within_budget(
    new: Iterable[Finding], most: int, calibration: Calibration, shown: Collection[str] = ()
) -> tuple[Finding, ...]:
    """Choose what is shown: what was before (by id), and the ``most`` likeliest of the rest; worse ones break ties."""
    ranked = sorted(new, key=lambda finding: _rank(finding, calibration))
    rest = [finding for finding in ranked if finding.id not in shown][: max(most, 0)]
    chosen = {finding.id for finding in rest} | set(shown)
    return tuple(finding for finding in ranked if finding.id in chosen)


def _rank(finding: Finding, calibration: Calibration) -> tuple[float, int, object]:
    likely = calibration.probability(finding.rule.id, finding.confidence)
    return -likely, -finding.severity.rank, (finding.range, finding.rule.id)
