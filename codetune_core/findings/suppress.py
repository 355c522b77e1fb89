"""Findings set aside by comments in the code and by settings: kept apart with the reason, never lost."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pathspec import GitIgnoreSpec

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, Suppression, SuppressionKind
from codetune_core.sections import RuleSettings
from codetune_core.syntax.python import outline

_CODETUNE = re.compile(
    r"(?:#|//|--|;|/\*|<!--|\{#)\s*codetune:\s*ignore(?P<whole>-file)?(?![\w-])(?:\[(?P<rules>[^\]]*)\])?(?P<reason>[^#]*)",
    re.IGNORECASE,
)
_NOQA = re.compile(
    r"#\s*(?P<whole>(?:ruff|flake8)\s*:\s*)?noqa\b(?::\s?(?P<rules>[A-Z]+[0-9]*(?:[\s,]+[A-Z]+[0-9]+)*))?",
    re.IGNORECASE,
)
_NOSEC = re.compile(
    r"#\s*nosec\b:?\s*(?P<rules>(?:B\d{3}|[a-z][a-z0-9]*_[a-z0-9_]+)(?:[\s,]+(?:B\d{3}|[a-z][a-z0-9]*_[a-z0-9_]+))*)?"
)
_EVERY = "*"


@dataclass(frozen=True, slots=True)
class Directive:
    """A comment that asks for silence on the lines it stands for."""

    kind: SuppressionKind
    rules: frozenset[str]
    reason: str
    line: int
    alone: bool
    whole_file: bool


def suppress(
    document: Document, findings: Iterable[Finding], rules: RuleSettings, relative_path: str
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Part findings into those that are shown and those set aside, the latter with their reason.

    Args:
        document: what the findings are about.
        findings: with their ids.
        rules: the settings' part of it.
        relative_path: of the document in its workspace, with ``/``; empty where it has none.
    """
    directives = list(_directives(document))
    by_setting = {glob: frozenset(names) for glob, names in rules.ignore_in.items() if _matches(glob, relative_path)}
    shown: list[Finding] = []
    aside: list[Finding] = []
    for finding in findings:
        reason = _by_comment(document, finding, directives) or _by_setting(finding, rules, by_setting)
        (aside if reason else shown).append(replace(finding, suppression=reason) if reason else finding)
    return tuple(shown), tuple(aside)


def _by_setting(finding: Finding, rules: RuleSettings, by_path: dict[str, frozenset[str]]) -> Suppression | None:
    if finding.names & frozenset(rules.ignore):
        return Suppression(SuppressionKind.SETTING, "rules.ignore")
    if finding.severity.rank < rules.min_severity.rank:
        return Suppression(SuppressionKind.SETTING, f"less severe than {rules.min_severity}")
    if finding.confidence.rank < rules.min_confidence.rank:
        return Suppression(SuppressionKind.SETTING, f"less sure than {rules.min_confidence}")
    for glob, names in by_path.items():
        if finding.names & names:
            return Suppression(SuppressionKind.SETTING, f"rules.ignore_in {glob}")
    return None


def _by_comment(document: Document, finding: Finding, directives: Iterable[Directive]) -> Suppression | None:
    first, last = finding.range.start.line, finding.range.end.line
    if document.language == "python":
        lines = outline(document).statement_lines(finding.range)
        first, last = min(first, lines[0]), max(last, lines[1])
    for directive in directives:
        covered = directive.whole_file or first <= directive.line <= last
        above = directive.alone and directive.kind is SuppressionKind.COMMENT and directive.line == first - 1
        if (covered or above) and _names(directive, finding):
            return Suppression(directive.kind, directive.reason)
    return None


def _names(directive: Directive, finding: Finding) -> bool:
    if _EVERY in directive.rules:
        return True
    names = {name.upper() for name in finding.names}
    if directive.kind is SuppressionKind.NOQA:
        return any(name.startswith(rule) for rule in directive.rules for name in names if not name.startswith("CWE"))
    return not directive.rules.isdisjoint(names)


def _directives(document: Document) -> Iterable[Directive]:
    if not re.search("codetune:|noqa|nosec", document.text, re.IGNORECASE):
        return
    if document.language == "python":
        comments = [(comment.range.start.line, comment.text, comment.alone) for comment in outline(document).comments]
    else:
        comments = [(number, line, False) for number, line in enumerate(document.lines) if "codetune:" in line.lower()]
    for line, text, alone in comments:
        for found in _CODETUNE.finditer(text):
            alone_here = alone or not document.lines[line][: document.lines[line].find(found.group(0))].strip()
            yield _directive(SuppressionKind.COMMENT, found, line, alone=alone_here)
        if document.language == "python" and (noqa := _NOQA.search(text)):
            yield _directive(SuppressionKind.NOQA, noqa, line, alone=alone)
        if document.language == "python" and (nosec := _NOSEC.search(text)):
            yield _directive(SuppressionKind.NOSEC, nosec, line, alone=alone)


def _directive(kind: SuppressionKind, found: re.Match[str], line: int, *, alone: bool) -> Directive:
    groups = found.groupdict()
    rules = frozenset(rule.upper() for rule in re.split(r"[\s,]+", groups["rules"] or "") if rule) or frozenset(
        {_EVERY}
    )
    reason = (groups.get("reason") or "").strip(" \t\r\n:-*/>}")
    return Directive(kind, rules, reason, line, alone=alone, whole_file=bool(groups.get("whole")))


def _matches(glob: str, path: str) -> bool:
    return bool(path) and GitIgnoreSpec.from_lines([glob]).match_file(path)
