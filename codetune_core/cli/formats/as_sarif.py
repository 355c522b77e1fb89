"""The report as a SARIF 2.1.0 log."""

import json
from pathlib import Path

from codetune_core.cli.report import Report
from codetune_core.domain.own_version import own_version
from codetune_core.findings.sarif import Failure, Reviewed, sarif_log


def as_sarif(report: Report) -> str:
    """The whole report, paths relative to the working directory, with a line end at its end."""
    reviewed = [
        Reviewed(file.document, tuple(sorted((*file.findings, *file.suppressed), key=lambda finding: finding.range)))
        for file in report.files
        if file.document and (file.findings or file.suppressed)
    ]
    failures = [Failure(Path(file.path).absolute().as_uri(), file.problem) for file in report.problems]
    root = Path.cwd().as_uri().rstrip("/") + "/"
    log = sarif_log(reviewed, report.notices, failures, root=root, version=own_version())
    return json.dumps(log, indent=2) + "\n"
