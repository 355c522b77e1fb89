"""One flaw reported by several detectors becomes one finding that names them all."""

from collections import defaultdict
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
    on_line: defaultdict[int, list[int]] = defaultdict(list)
    for finding in sorted(findings, key=_authority):
        lines = range(finding.range.start.line, finding.range.end.line + 1)
        nearby = dict.fromkeys(index for line in lines for index in on_line[line])
        same = next((index for index in nearby if _same_flaw(merged[index], finding)), None)
        if same is None:
            for line in lines:
                on_line[line].append(len(merged))
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
    if _rule_names(one) & _rule_names(other):
        return True
    return one.range.overlaps(other.range) and _weaknesses(one) & _weaknesses(other) != frozenset()


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
