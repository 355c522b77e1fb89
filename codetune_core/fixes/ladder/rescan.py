"""V3: the detectors run again: the finding is gone, and none is new."""

from codetune_core.domain.finding import Finding
from codetune_core.fixes.ladder.result import Rung, Step, failed, not_run, passed
from codetune_core.fixes.verify import State, compare


def rescan(before: State, after: State, finding: Finding | None) -> Step:
    """Compare what the detectors say of the current text and of the edited copy.

    A finding that no detector reports, as a model's own, cannot be seen to be gone: that nothing is new is then all
    that is checked, and the rung only fails or is not run.
    """
    if new := after.rules - before.rules:
        return failed(Rung.RESCAN, f"the edit brings new findings: {', '.join(sorted(new))}")
    if finding is None:
        return passed(Rung.RESCAN, "rescan")
    if not before.rules[finding.rule.id]:
        return not_run(Rung.RESCAN, f"no detector reports {finding.rule.id}, so none can say that it is gone")
    if not compare(before, after, [finding]).passed:
        return failed(Rung.RESCAN, f"the finding is still there: {finding.rule.id}, {finding.rule.title}")
    return passed(Rung.RESCAN, "rescan")
