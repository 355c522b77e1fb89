"""Findings of an older text found again in a newer one, where their lines are untouched."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, Step, Verdict
from codetune_core.domain.text import Position, Range

_MOST_LINES = 400
"""Of a longer stretch that changed, nothing is compared."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Which lines of an older text still stand in a newer one: the first and the one after the last, and how far on."""

    kept: tuple[tuple[int, int, int], ...]

    @classmethod
    def between(cls, old: Document, new: Document) -> "Shift":
        """Compare two texts by their lines: what is before and after all edits, and what stands between them."""
        before, after = old.lines, new.lines
        shorter, moved = min(len(before), len(after)), len(after) - len(before)
        first = next((n for n in range(shorter) if before[n] != after[n]), shorter)
        same = 0
        while same < shorter - first and before[-1 - same] == after[-1 - same]:
            same += 1
        end = len(before) - same
        between = _stretches(before[first:end], after[first : end + moved])
        inner = ((first + start, first + stop, by) for start, stop, by in between)
        return cls(((0, first, 0), *inner, (end, len(before), moved)))

    def range(self, place: Range) -> Range | None:
        """Where an old range is now; None where an edit touched its lines."""
        for first, end, by in self.kept:
            if first <= place.start.line and place.end.line < end:
                return Range(_moved(place.start, by), _moved(place.end, by)) if by else place
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


def follow(findings: Iterable[Finding], old: Document, new: Document) -> tuple[Finding, ...]:
    """The findings that still stand in the newer text, as they were where the text is the same."""
    if old.text == new.text:
        return tuple(findings)
    shift = Shift.between(old, new)
    return tuple(moved for finding in findings if (moved := shift.finding(finding)))


def _stretches(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Lines that stand in both; a stretch counts where one of its lines is there once, and no other looks like it."""
    if not old or not new or max(len(old), len(new)) > _MOST_LINES:
        return
    once = _once(old) & _once(new)
    for start, there, size in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        if not once.isdisjoint(old[start : start + size]):
            yield start, start + size, there - start


def _once(lines: Iterable[str]) -> set[str]:
    return {line for line, times in Counter(lines).items() if times == 1}


def _moved(position: Position, lines: int) -> Position:
    return Position(position.line + lines, position.column)
