"""Findings as a SARIF 2.1.0 log.

Source: OASIS Static Analysis Results Interchange Format 2.1.0; what GitHub code scanning adds to it (tags,
``security-severity``, ``primaryLocationLineHash``) is in its page on SARIF support.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, Step, Suppression, SuppressionKind
from codetune_core.domain.fix import Fix
from codetune_core.domain.review import Notice
from codetune_core.domain.text import Range
from codetune_core.findings.line_hashes import line_hashes
from codetune_core.findings.sarif_rules import LEVELS, Rules

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_BASE = "%SRCROOT%"
_IN_SOURCE = frozenset((SuppressionKind.COMMENT, SuppressionKind.NOQA, SuppressionKind.NOSEC))

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One document with what was found in it, shown and suppressed."""

    document: Document
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be reviewed, and why."""

    uri: str
    text: str


def sarif_log(
    reviewed: Sequence[Reviewed], notices: Iterable[Notice], failures: Iterable[Failure], *, root: str, version: str
) -> Json:
    """One log with one run.

    Args:
        reviewed: in the order wanted; a document without findings may be left out.
        notices: what went wrong with a detector or a setting.
        failures: files that could not be reviewed.
        root: URI of the directory that paths are relative to, with a last ``/``.
        version: of CodeTune.
    """
    rules = Rules(finding.rule for file in reviewed for finding in file.findings)
    driver = {
        "name": "CodeTune",
        "version": version,
        "semanticVersion": version,
        "supportedTaxonomies": [{"name": "CWE", "index": 0}],
        "rules": rules.descriptors(),
    }
    run = {
        "tool": {"driver": driver},
        "taxonomies": [rules.taxonomy()],
        "automationDetails": {"id": "codetune/"},
        "originalUriBaseIds": {_BASE: {"uri": root}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(notices, failures, root)],
        "results": [result for file in reviewed for result in _results(file, rules, root)],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _invocation(notices: Iterable[Notice], failures: Iterable[Failure], root: str) -> Json:
    failed = list(failures)
    notifications: list[Json] = [
        {"descriptor": {"id": notice.key}, "level": "warning", "message": {"text": notice.text}} for notice in notices
    ]
    for failure in failed:
        location = {"physicalLocation": {"artifactLocation": _address(failure.uri, root)}}
        message = {"text": failure.text}
        notifications.append(
            {"descriptor": {"id": "unreadable"}, "level": "error", "message": message, "locations": [location]}
        )
    return {"executionSuccessful": not failed, "toolExecutionNotifications": notifications}


def _results(file: Reviewed, rules: Rules, root: str) -> Iterable[Json]:
    hashes = line_hashes(file.document.text) if file.findings else []
    for finding in file.findings:
        line = finding.range.start.line
        yield _result(file.document, finding, rules, root, hashes[line] if line < len(hashes) else "")


def _result(document: Document, finding: Finding, rules: Rules, root: str, line_hash: str) -> Json:
    result: Json = {
        "ruleId": finding.rule.id,
        "ruleIndex": rules.index(finding.rule),
        "level": LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [_location(document.uri, finding.range, root)],
        "partialFingerprints": {"codetuneFindingId/v1": finding.id, "primaryLocationLineHash": line_hash},
        "properties": {
            "severity": finding.severity,
            "confidence": finding.confidence,
            "detectors": list(finding.detectors),
            "stale": finding.stale,
        },
    }
    if finding.symbol:
        result["locations"][0]["logicalLocations"] = [{"fullyQualifiedName": finding.symbol}]
    if finding.rule.cwe:
        result["taxa"] = [rules.taxon(number) for number in finding.rule.cwe]
    if finding.evidence:
        result["codeFlows"] = [_flow(document, finding, root)]
    if fixes := [_fix(document, fix, root) for fix in finding.fixes if fix.edits]:
        result["fixes"] = fixes
    if finding.suppression:
        result["suppressions"] = [_suppression(finding.suppression)]
    return result


def _flow(document: Document, finding: Finding, root: str) -> Json:
    """The evidence, and last the finding itself."""
    steps = [*finding.evidence, Step(finding.range, finding.rule.title)]
    locations = [
        {"location": _location(step.uri or document.uri, step.range, root) | {"message": {"text": step.message}}}
        for step in steps
    ]
    return {"threadFlows": [{"locations": locations}]}


def _fix(document: Document, fix: Fix, root: str) -> Json:
    replacements = [
        {"deletedRegion": _region(edit.range), "insertedContent": {"text": edit.new_text}} for edit in fix.edits
    ]
    change = {"artifactLocation": _address(document.uri, root), "replacements": replacements}
    return {
        "description": {"text": fix.title},
        "artifactChanges": [change],
        "properties": {"applicability": fix.applicability, "verified": fix.verification.passed},
    }


def _suppression(suppression: Suppression) -> Json:
    kind = "inSource" if suppression.kind in _IN_SOURCE else "external"
    said = {"justification": suppression.reason} if suppression.reason else {}
    return {"kind": kind, "status": "accepted", **said, "properties": {"by": suppression.kind}}


def _location(uri: str, place: Range, root: str) -> Json:
    return {"physicalLocation": {"artifactLocation": _address(uri, root), "region": _region(place)}}


def _address(uri: str, root: str) -> Json:
    if uri.startswith(root):
        return {"uri": uri.removeprefix(root), "uriBaseId": _BASE}
    return {"uri": uri}


def _region(place: Range) -> Json:
    """Lines and columns from 1; the end is the column after the last character."""
    return {
        "startLine": place.start.line + 1,
        "startColumn": place.start.column + 1,
        "endLine": place.end.line + 1,
        "endColumn": place.end.column + 1,
    }
