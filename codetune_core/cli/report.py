"""What a run of ``codetune review`` found: the value that every format shows."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, Severity
from codetune_core.domain.fix import Applicability
from codetune_core.domain.review import Notice
from codetune_core.findings.baseline import Entry


@dataclass(frozen=True, slots=True)
class Applied:
    """A fix that was applied: line (from 1) in the text it was applied to."""

    line: int
    rule: str
    title: str


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file.

    Attributes:
        path: relative to the working directory, with ``/``.
        in_workspace: relative to the workspace, with ``/``; empty where the file is not in it.
        document: as it stands now, with the applied fixes; None where it could not be read.
        findings: what is shown.
        suppressed: what was set aside, with why.
        notices: what went wrong in a detector.
        skipped: why it was not looked at; empty where it was.
        problem: why it could not be reviewed; empty where it could.
        applied: fixes applied to it.
    """

    path: str
    in_workspace: str
    document: Document | None = None
    findings: tuple[Finding, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    notices: tuple[Notice, ...] = ()
    skipped: str = ""
    problem: str = ""
    applied: tuple[Applied, ...] = ()

    @property
    def baseline_path(self) -> str:
        """The path under which the baseline knows the file."""
        return self.in_workspace or self.path


@dataclass(frozen=True)
class Report:
    """Every file's report in the order of the paths, and what holds for all of them.

    Attributes:
        files: in a stable order.
        left_out: files and directories that discovery left out, by reason.
        notices: mistakes in settings and failures of detectors, each once.
        stale: entries of the baseline that no longer accept anything.
        seconds: the review took.
        failed: whether a detector failed, so that findings may be missing.
    """

    files: tuple[FileReport, ...]
    left_out: Counter[str]
    notices: tuple[Notice, ...] = ()
    stale: tuple[Entry, ...] = ()
    seconds: float = 0.0
    failed: bool = False

    @cached_property
    def findings(self) -> list[Finding]:
        """Every finding shown."""
        return [finding for file in self.files for finding in file.findings]

    @cached_property
    def reviewed(self) -> int:
        """Number of files that were looked at."""
        return sum(not file.skipped and not file.problem for file in self.files)

    @cached_property
    def problems(self) -> list[FileReport]:
        """The files that could not be reviewed."""
        return [file for file in self.files if file.problem]

    @cached_property
    def skipped(self) -> Counter[str]:
        """Files and directories not looked at, by reason."""
        return self.left_out + Counter(file.skipped for file in self.files if file.skipped)

    @cached_property
    def by_severity(self) -> dict[Severity, int]:
        """Number of findings of each severity, the worst first."""
        counted = Counter(finding.severity for finding in self.findings)
        return {severity: counted[severity] for severity in reversed(Severity)}

    @cached_property
    def suppressed(self) -> Counter[str]:
        """Number of findings set aside, by kind."""
        every = (finding.suppression for file in self.files for finding in file.suppressed)
        return Counter(str(suppression.kind) for suppression in every if suppression)

    @cached_property
    def applied(self) -> int:
        """Number of fixes applied."""
        return sum(len(file.applied) for file in self.files)

    def fixable(self, applicability: Applicability) -> int:
        """Number of findings whose best applicable fix is of this kind."""
        best = (next(iter(applicable(finding)), None) for finding in self.findings)
        return sum(fix is applicability for fix in best)

    def at_least(self, severity: Severity) -> bool:
        """Say whether a finding is this severe."""
        return any(finding.severity.rank >= severity.rank for finding in self.findings)


def applicable(finding: Finding) -> list[Applicability]:
    """The kinds of a finding's fixes that can be applied, safe ones first."""
    kinds = {fix.applicability for fix in finding.fixes if fix.edits}
    return [kind for kind in (Applicability.SAFE, Applicability.UNSAFE) if kind in kinds]
