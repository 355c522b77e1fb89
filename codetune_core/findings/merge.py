"""One flaw reported by several detectors becomes one finding that names them all."""

from collections.abc import Iterable
from dataclasses import replace

from codetune_core.domain.finding import Finding

_ALIKE = (
    frozenset({77, 78, 88}),
    frozenset({259, 321, 522, 798, 312}),
    frozenset({327, 328, 916}),
    frozenset({20, 611, 776}),
)
"""Weaknesses that detectors use for one another."""


def merge(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Merge findings that make the same claim about the same place; the surest one's words are kept.

    Two findings are the same flaw where their ranges share a line and either a rule name is common to both, or their
    weaknesses are the same or alike and the ranges overlap.
    """
    merged: list[Finding] = []
    for finding in sorted(findings, key=_authority):
        same = next((index for index, kept in enumerate(merged) if _same_flaw(kept, finding)), None)
        if same is None:
            merged.append(finding)
        else:
            merged[same] = _joined(merged[same], finding)
    return tuple(merged)


def _authority(finding: Finding) -> tuple[bool, int, int, str]:
    own = bool(finding.rule.explanation)
    return (not own, -finding.confidence.rank, -finding.severity.rank, finding.rule.id)


def _same_flaw(one: Finding, other: Finding) -> bool:
    if set(one.detectors) & set(other.detectors):
        return one.rule.id == other.rule.id and one.range == other.range
    if not _share_line(one, other):
        return False
    if _rule_names(one) & _rule_names(other):
        return True
    return one.range.overlaps(other.range) and _weaknesses(one) & _weaknesses(other) != frozenset()


def _share_line(one: Finding, other: Finding) -> bool:
    return one.range.start.line <= other.range.end.line and other.range.start.line <= one.range.end.line


def _rule_names(finding: Finding) -> frozenset[str]:
    return frozenset({finding.rule.id, *finding.rule.aliases, *finding.aliases})


def _weaknesses(finding: Finding) -> frozenset[int]:
    cwe = frozenset(finding.rule.cwe)
    return cwe.union(*(group for group in _ALIKE if group & cwe))


def _joined(kept: Finding, other: Finding) -> Finding:
    return replace(
        kept,
        confidence=max(kept.confidence, other.confidence, key=lambda confidence: confidence.rank),
        detectors=tuple(dict.fromkeys((*kept.detectors, *other.detectors))),
        evidence=kept.evidence or other.evidence,
        aliases=tuple(dict.fromkeys((*kept.aliases, *({other.rule.id, *other.aliases} - {kept.rule.id})))),
    )
