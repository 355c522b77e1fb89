"""An edit that was applied, as it is found again in later texts of its document."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

from codetune_core.domain.document import Document
from codetune_core.domain.execution import Outcome
from codetune_core.domain.text import Edit, split_lines
from codetune_core.outcomes.align import common, places
from codetune_core.outcomes.similarity import Tokens, count, distance, layout, share, survival, tokens

_GONE_BELOW = 1 / 3
"""Ziegler et al., "Productivity Assessment of Neural Code Completion" (2022), call what changed by less than a third
mostly unchanged; by the same third, what is left of less is not the answer any more."""
_STILL_GONE = 2 / 3
"""Of a change that only deletes: some of the deleted words come again in whatever is written there."""
_RECOGNISED = 4
"""Fewer tokens stand in any code, and so are not looked for elsewhere in it."""


@dataclass(frozen=True, slots=True)
class _Hunk:
    """Lines that edits touch, from ``first`` up to ``end``, in the text before and the text after."""

    old_first: int
    old_end: int
    first: int
    end: int

    @property
    def is_change(self) -> bool:
        """Whether it has any lines."""
        return self.old_first < self.old_end or self.first < self.end


@dataclass(frozen=True, slots=True)
class _Found:
    """How much of a hunk is there, and of how many tokens."""

    share: float
    weight: int


@dataclass(frozen=True)
class Mark:
    """Both texts of an edit, and where they differ; compare with what the document has become by ``outcome``."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    hunks: tuple[_Hunk, ...]

    @classmethod
    def of(cls, before: Document, edits: Iterable[Edit]) -> Self:
        """Mark edits of a document; raises ValueError where two of them overlap."""
        ordered = sorted(edits, key=lambda edit: (edit.range.start, edit.range.end))
        after = before.edited(ordered)
        hunks = (_trimmed(hunk, before.lines, after.lines) for hunk in _merged(_hunks(before, after, ordered)))
        return cls(tuple(before.lines), tuple(after.lines), tuple(hunk for hunk in hunks if hunk.is_change))

    def is_made(self, text: str) -> bool:
        """Say whether a text is what the edits make, whatever its line ends."""
        return _plain("".join(self.after)) == _plain(text)

    def outcome(self, text: str) -> Outcome:
        """Say what became of the edits: KEPT, EDITED or REVERTED.

        What they wrote may stand elsewhere or be laid out anew, with other code around it or between it.
        """
        plain = _plain(text)
        if plain == _plain("".join(self.after)):
            return Outcome.KEPT
        if plain == _plain("".join(self.before)):
            return Outcome.REVERTED
        found = list(self._found(split_lines(text)))
        if all(each.share >= 1 for each in found):
            return Outcome.KEPT
        left = sum(each.share * each.weight for each in found) / sum(each.weight for each in found)
        return Outcome.EDITED if left >= _GONE_BELOW else Outcome.REVERTED

    def _found(self, later: list[str]) -> Iterator[_Found]:
        changed = (
            self.before[hunk.old_first : hunk.old_end] + self.after[hunk.first : hunk.end] for hunk in self.hunks
        )
        found = places(self.after, later, chain.from_iterable(changed))
        for hunk in self.hunks:
            first, end = _above(self.after, hunk.first), _below(self.after, hunk.end)
            region = later[_begin(found, first, hunk.first) : _end(found, hunk.end, end, len(later))]
            yield self._compared(hunk, first, end, region, later)

    def _compared(self, hunk: _Hunk, first: int, end: int, region: list[str], later: list[str]) -> _Found:
        """Compare a hunk with the part of a text where it should be, or else with all of it."""
        head, tail = self.after[first : hunk.first], self.after[hunk.end : end]
        old, new = self.before[hunk.old_first : hunk.old_end], self.after[hunk.first : hunk.end]
        read = tokens if tokens(old) != tokens(new) else layout
        was, made, now = read(old), read(new), read(region)
        without, with_ = (read((*head, *lines, *tail)) for lines in (old, new))
        weight = distance(without, with_)
        if _stands(made, now, with_, without):
            return _Found(1, weight)
        left = share(now, without, with_) if survival(made, now) >= _GONE_BELOW else 0.0
        if not _stands(was, now, without, with_) and self._is_elsewhere(made, read, later):
            return _Found(1, weight)
        only_deletes = distance(was, made) == len(was) - len(made)
        return _Found(1 if only_deletes and left >= _STILL_GONE else left, weight)

    def _is_elsewhere(self, made: Tokens, read: Callable[[Sequence[str]], Tokens], later: list[str]) -> bool:
        if len(made) < _RECOGNISED:
            return False
        return _stands(made, read(later), read(self.after), read(self.before))


def _stands(part: Tokens, now: Tokens, with_: Tokens, without: Tokens) -> bool:
    """Whether something that a change brought is there as often as it was with the change."""
    return count(part, now) >= count(part, with_) > count(part, without)


def _hunks(before: Document, after: Document, edits: Iterable[Edit]) -> Iterator[_Hunk]:
    grown = 0
    for edit in edits:
        start, end = before.offset(edit.range.start), before.offset(edit.range.end)
        first, grown = start + grown, grown + len(edit.new_text) - (end - start)
        lines = (before.position(start), before.position(end), after.position(first), after.position(end + grown))
        yield _Hunk(lines[0].line, lines[1].line + 1, lines[2].line, lines[3].line + 1)


def _merged(hunks: Iterable[_Hunk]) -> Iterator[_Hunk]:
    """Yield hunks that share no line, each as one."""
    last: _Hunk | None = None
    for hunk in hunks:
        if last and hunk.first < last.end:
            last = _Hunk(last.old_first, max(last.old_end, hunk.old_end), last.first, max(last.end, hunk.end))
            continue
        if last:
            yield last
        last = hunk
    if last:
        yield last


def _trimmed(hunk: _Hunk, before: Sequence[str], after: Sequence[str]) -> _Hunk:
    """Leave out the lines at both ends that are the same before and after."""
    old, new = before[hunk.old_first : hunk.old_end], after[hunk.first : hunk.end]
    head = common(old, new)
    tail = common(old[head:][::-1], new[head:][::-1])
    return _Hunk(hunk.old_first + head, hunk.old_end - tail, hunk.first + head, hunk.end - tail)


def _above(lines: Sequence[str], first: int) -> int:
    """Return the line above that says something; the first where there is none."""
    return next((at for at in range(first - 1, -1, -1) if lines[at].strip()), 0)


def _below(lines: Sequence[str], end: int) -> int:
    """Return the end of the line below that says something; that of the text where there is none."""
    return next((at + 1 for at in range(end, len(lines)) if lines[at].strip()), len(lines))


def _begin(found: Sequence[int], above: int, first: int) -> int:
    """Where a hunk's region begins: with the line above it, or below the last line that is known to be above."""
    if above < first and found[above] >= 0:
        return found[above]
    return max(found[:above], default=-1) + 1


def _end(found: Sequence[int], end: int, below: int, none: int) -> int:
    """Where it ends: with the line below it, or above the first line that is known to be below."""
    if below > end and found[below - 1] >= 0:
        return found[below - 1] + 1
    return next((place for place in found[below:] if place >= 0), none)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
