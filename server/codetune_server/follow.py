"""Findings of an older text found again in a newer one, where their lines are untouched."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, Step, Verdict
from codetune_core.domain.text import Position, Range


@dataclass(frozen=True, slots=True)
class Shift:
    """What one stretch of edits did to the lines of a text: those before ``first`` stand, those from ``end`` moved."""

    first: int
    end: int
    lines: int

    @classmethod
    def between(cls, old: Document, new: Document) -> "Shift":
        """Compare two texts by their lines."""
        before, after = old.lines, new.lines
        shorter = min(len(before), len(after))
        first = next((n for n in range(shorter) if before[n] != after[n]), shorter)
        same = 0
        while same < shorter - first and before[-1 - same] == after[-1 - same]:
            same += 1
        return cls(first, len(before) - same, len(after) - len(before))

    def range(self, place: Range) -> Range | None:
        """Where an old range is now; None where an edit touched its lines."""
        if place.end.line < self.first:
            return place
        if place.start.line >= self.end:
            return Range(self._moved(place.start), self._moved(place.end))
        return None

    def finding(self, finding: Finding) -> Finding | None:
        """The finding at its new place, without its fixes, which were verified for the old text only."""
        place = self.range(finding.range)
        if place is None:
            return None
        evidence, verdict = self._steps(finding.evidence), self.verdict(finding.verdict)
        return replace(finding, range=place, evidence=evidence, fixes=(), verdict=verdict)

    def verdict(self, verdict: Verdict | None) -> Verdict | None:
        """The verdict with its evidence at its new place."""
        return replace(verdict, evidence=self._steps(verdict.evidence)) if verdict else None

    def _steps(self, steps: Iterable[Step]) -> tuple[Step, ...]:
        places = ((step, step.range if step.uri else self.range(step.range)) for step in steps)
        return tuple(replace(step, range=at) for step, at in places if at)

    def _moved(self, position: Position) -> Position:
        return Position(position.line + self.lines, position.column)


def follow(findings: Iterable[Finding], old: Document, new: Document) -> tuple[Finding, ...]:
    """The findings that still stand in the newer text, as they were where the text is the same."""
    if old.text == new.text:
        return tuple(findings)
    shift = Shift.between(old, new)
    return tuple(moved for finding in findings if (moved := shift.finding(finding)))
