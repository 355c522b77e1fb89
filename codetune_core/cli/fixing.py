"""Applies verified fixes to one document until none is left."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from codetune_core.cli.report import Applied, FileReport
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.fix import Applicability
from codetune_core.findings.baseline import Baseline, apply
from codetune_core.settings import Settings
from codetune_core.workers.pool import Pool

_ROUNDS = 10
"""A fix can bring another finding within reach of one; this often is enough for any text seen, and an end for all."""


@dataclass(frozen=True, slots=True)
class Fixing:
    """Which fixes are applied: safe ones, unsafe ones too where asked for, none for what the baseline accepts."""

    unsafe: bool
    baseline: Baseline
    root: Path

    def chosen(self, report: FileReport) -> tuple[Finding, ...]:
        """The findings to fix, each with the fix to apply as its only one."""
        shown, _ = apply(self.baseline, report.baseline_path, report.findings, lambda path: (self.root / path).exists())
        return tuple(chosen for finding in shown if (chosen := self._with_one_fix(finding)))

    def _with_one_fix(self, finding: Finding) -> Finding | None:
        wanted = (Applicability.SAFE, Applicability.UNSAFE) if self.unsafe else (Applicability.SAFE,)
        fixes = sorted(
            (fix for fix in finding.fixes if fix.edits and fix.applicability in wanted),
            key=lambda fix: wanted.index(fix.applicability),
        )
        return replace(finding, fixes=(fixes[0],)) if fixes else None


async def fixed(
    fixing: Fixing,
    pool: Pool,
    settings: Settings,
    report: FileReport,
    look: Callable[[Document], Awaitable[FileReport]],
) -> FileReport:
    """Fix a reviewed document in memory, ``look`` at it again, and go on while that helps.

    The report that comes back holds the fixed text, what remains in it, and the fixes that were applied.
    """
    applied: list[Applied] = []
    for _ in range(_ROUNDS):
        chosen = fixing.chosen(report)
        if not chosen or report.document is None:
            break
        together = await pool.fix_all(report.document, chosen, settings)
        if not together.fixed:
            break
        gone = set(together.fixed)
        applied += [_applied(finding) for finding in chosen if finding.id in gone]
        report = await look(report.document.edited(together.edits))
    return replace(report, applied=tuple(applied))


def _applied(finding: Finding) -> Applied:
    return Applied(finding.range.start.line + 1, finding.rule.id, finding.fixes[0].title)
