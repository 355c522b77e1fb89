"""The report as JSON: a documented contract (docs/cli.md), whose version changes when a key goes or changes meaning."""

import json
from typing import Any

from codetune_core.cli.report import FileReport, Report
from codetune_core.cli.workspace import shown_uri
from codetune_core.domain.finding import Finding, Step
from codetune_core.domain.fix import Fix
from codetune_core.findings.baseline import Entry

VERSION = 1


def as_json(report: Report) -> str:
    """The whole report, with a line end at its end."""
    content = {
        "version": VERSION,
        "findings": [_finding(file, finding) for file in report.files for finding in file.findings],
        "suppressed": [_suppressed(file, finding) for file in report.files for finding in file.suppressed],
        "summary": _summary(report),
    }
    return json.dumps(content, indent=2) + "\n"


def _finding(file: FileReport, finding: Finding) -> dict[str, Any]:
    start, end = finding.range.start, finding.range.end
    return {
        "id": finding.id,
        "rule": finding.rule.id,
        "title": finding.rule.title,
        "cwe": list(finding.rule.cwe),
        "severity": finding.severity,
        "confidence": finding.confidence,
        "path": file.path,
        "start_line": start.line + 1,
        "start_column": start.column + 1,
        "end_line": end.line + 1,
        "end_column": end.column + 1,
        "message": finding.message,
        "symbol": finding.symbol,
        "detectors": list(finding.detectors),
        "aliases": list(finding.aliases),
        "stale": finding.stale,
        "evidence": [_step(file, step) for step in finding.evidence],
        "fix": _fix(finding.fixes[0]) if finding.fixes else None,
    }


def _suppressed(file: FileReport, finding: Finding) -> dict[str, Any]:
    reason = finding.suppression
    return _finding(file, finding) | {"suppression": {"kind": reason.kind, "reason": reason.reason} if reason else None}


def _step(file: FileReport, step: Step) -> dict[str, Any]:
    path = shown_uri(step.uri) if step.uri else file.path
    return {"path": path, "line": step.range.start.line + 1, "message": step.message}


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "title": fix.title,
        "applicability": fix.applicability,
        "verified": fix.verification.passed,
        "edits": [
            {
                "start_line": edit.range.start.line + 1,
                "start_column": edit.range.start.column + 1,
                "end_line": edit.range.end.line + 1,
                "end_column": edit.range.end.column + 1,
                "new_text": edit.new_text,
            }
            for edit in fix.edits
        ],
    }


def _summary(report: Report) -> dict[str, Any]:
    return {
        "files": report.reviewed,
        "findings": {str(severity): count for severity, count in report.by_severity.items()},
        "suppressed": dict(sorted(report.suppressed.items())),
        "skipped": dict(sorted(report.skipped.items())),
        "problems": [{"path": file.path, "text": file.problem} for file in report.problems],
        "notices": [{"key": notice.key, "text": notice.text} for notice in report.notices],
        "fixed": [
            {"path": file.path, "line": fix.line, "rule": fix.rule, "title": fix.title}
            for file in report.files
            for fix in file.applied
        ],
        "stale_baseline_entries": [_entry(entry) for entry in report.stale],
        "seconds": round(report.seconds, 3),
    }


def _entry(entry: Entry) -> dict[str, str]:
    return {"id": entry.id, "rule": entry.rule, "path": entry.path, "reason": entry.reason}
