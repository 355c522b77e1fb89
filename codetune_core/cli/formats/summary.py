"""The last lines of a report: how many findings, what can be fixed, what was not looked at."""

from collections.abc import Mapping, Sequence

from codetune_core.cli.report import Report
from codetune_core.domain.fix import Applicability
from codetune_core.findings.baseline import Entry

_ALWAYS_THERE = "version control"
"""Nobody asks why ``.git`` was not reviewed."""


def summary(report: Report) -> str:
    """One to three sentences on one line."""
    parts = [_found(report)]
    if report.applied:
        parts.insert(0, f"Fixed {counted(report.applied, 'finding')}.")
    parts += filter(None, [_fixable(report), _aside(report), _looked_at(report)])
    return " ".join(parts)


def stale_text(entries: Sequence[Entry]) -> str:
    """Say which entries of the baseline can go."""
    which = ", ".join(f"{entry.rule} in {entry.path}" for entry in entries)
    return f"the baseline accepts findings that are gone, so these entries can be removed: {which}"


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where that is due."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _found(report: Report) -> str:
    worst = {str(severity): count for severity, count in report.by_severity.items() if count}
    what = "remaining finding" if report.applied else "finding"
    if not worst:
        return f"No {what}s." if report.reviewed else "Nothing was reviewed."
    return f"{counted(len(report.findings), what)}: {_listed(worst)}."


def _fixable(report: Report) -> str:
    safe, unsafe = report.fixable(Applicability.SAFE), report.fixable(Applicability.UNSAFE)
    options = [f"{safe} fixable with --fix"] if safe else []
    options += [f"{unsafe} {'more ' if safe else 'fixable '}with --unsafe-fixes"] if unsafe else []
    return f"{', '.join(options)}." if options else ""


def _aside(report: Report) -> str:
    number = report.suppressed.total()
    return f"{number} suppressed ({_listed(report.suppressed)})." if number else ""


def _looked_at(report: Report) -> str:
    skipped = {reason: count for reason, count in sorted(report.skipped.items()) if reason != _ALWAYS_THERE}
    text = f"{counted(report.reviewed, 'file')} reviewed in {report.seconds:.1f} s"
    return f"{text}, {sum(skipped.values())} skipped ({_listed(skipped)})." if skipped else f"{text}."


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
