"""A finding explained to a person, in markdown: what, why, by which path, how to fix, where to read more."""

import re
from collections.abc import Iterable, Iterator

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, Standing, Step, Verdict
from codetune_core.domain.fix import Applicability, Fix

_HEADING = re.compile(r"^#+ ", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\((?:<([^>\s]+)>|([^)\s]+))\)")
_EMPHASIS = re.compile(r"(?<![\w\\])(?:\*\*|_)((?:\\.|[^*_\n\\])+)(?:\*\*|_)(?!\w)")
_MARKUP = re.compile(r"([!-/:-@\[-`{-~])")
"""ASCII punctuation, which a backslash makes plain (CommonMark 0.31, section 2.4)."""
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_CWE_PAGE = "https://cwe.mitre.org/data/definitions/{}.html"


def cwe_page(finding: Finding) -> str | None:
    """Address of the page of the closest weakness, None where none is named."""
    return _CWE_PAGE.format(finding.rule.cwe[0]) if finding.rule.cwe else None


def explain(finding: Finding) -> str:
    """Everything known about a finding."""
    return "\n\n".join(part for part in _parts(finding) if part)


def ignored(document: Document, findings: Iterable[Finding]) -> str:
    """The findings of a document that were set aside, by what and why."""
    lines = [_ignored(finding) for finding in findings]
    return f"### Ignored findings of {escaped(document.name)}\n\n" + ("\n".join(lines) or "None.")


def _ignored(finding: Finding) -> str:
    why = finding.suppression
    by = f"{why.kind}: {escaped(why.reason) or 'no reason given'}" if why else ""
    message = escaped(finding.message) if finding.verdict else finding.message
    return f"- line {finding.range.start.line + 1}, `{finding.rule.id}` ({by}): {message}"


def plain(markdown: str) -> str:
    """The same for a reader that shows markdown as it is written."""
    bare = _EMPHASIS.sub(r"\1", _LINK.sub(r"\1 <\2\3>", _HEADING.sub("", markdown)))
    return _ESCAPED.sub(r"\1", bare)


def _parts(finding: Finding) -> Iterator[str]:
    is_claim = finding.verdict is not None and finding.verdict.standing is Standing.NEW
    yield f"### {escaped(finding.rule.title) if is_claim else finding.rule.title}"
    yield f"`{finding.rule.id}` · {finding.severity} severity, {finding.confidence} confidence"
    yield escaped(finding.message) if is_claim else finding.message
    if finding.verdict:
        yield _said(finding.verdict)
    if finding.stale:
        yield "_The text does not parse at the moment: this is from the last version that did._"
    yield finding.rule.explanation
    if finding.evidence and not is_claim:
        steps = (f"{n}. {_place(step)}: {step.message}" for n, step in _numbered(finding.evidence))
        yield "**Path**\n\n" + "\n".join(steps)
    if finding.fixes:
        yield "**How to fix**\n\n" + "\n".join(_fix(fix) for fix in finding.fixes)
    yield " · ".join(_links(finding))
    yield f"_Found by {', '.join(finding.detectors)}._"


def _said(verdict: Verdict) -> str:
    """A model's verdict: its words as text, never as markup."""
    who = escaped(verdict.model or "a model")
    said = {
        Standing.CONFIRMED: f"**Confirmed by {who}:** {escaped(verdict.reason)}",
        Standing.DOUBTFUL: f"**Doubted by {who}:** {escaped(verdict.reason)}",
        Standing.NEW: f"**Found by {who}**, by no detector.",
    }[verdict.standing]
    if verdict.evidence:
        said += "\n\nOn this code:\n\n" + "\n".join(f"{n}. {_place(step)}" for n, step in _numbered(verdict.evidence))
    return said + (f"\n\nIts way to mend it: {escaped(verdict.remedy)}" if verdict.remedy else "")


def escaped(text: str) -> str:
    """Text of a model as markdown that shows it character for character, on one line."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _numbered(steps: Iterable[Step]) -> Iterator[tuple[int, Step]]:
    return enumerate(steps, start=1)


def _place(step: Step) -> str:
    line = step.range.start.line + 1
    return f"[{step.uri.rpartition('/')[2]}:{line}]({step.uri}#L{line})" if step.uri else f"line {line}"


def _fix(fix: Fix) -> str:
    known = {
        Applicability.SAFE: f"verified: {fix.verification.describe()}",
        Applicability.UNSAFE: f"may change behaviour; verified: {fix.verification.describe()}",
        Applicability.DISPLAY_ONLY: "by hand",
    }[fix.applicability]
    return f"- {fix.title} ({known})" + (f"\n\n  {fix.note}" if fix.note else "")


def _links(finding: Finding) -> Iterator[str]:
    for number in finding.rule.cwe:
        yield f"[CWE-{number}]({_CWE_PAGE.format(number)})"
    for address in finding.rule.references:
        if "//cwe.mitre.org/" not in address:
            yield f"[{address.removeprefix('https://').rstrip('/')}](<{address}>)"
