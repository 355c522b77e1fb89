"""The recipe of a fix: propose, apply to a copy, verify."""

import asyncio
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.fix import Applicability, Fix, FixedAll, Verification
from codetune_core.domain.text import Edit
from codetune_core.errors import CodeTuneError
from codetune_core.fixes.propose import combined, propose
from codetune_core.fixes.protocol import Checker, Finder
from codetune_core.fixes.registry import Proposal
from codetune_core.fixes.verify import State, compare, state_of

_AT_ONCE = 4
_TOGETHER = 4
_PASSED = Verification(parses=True, names_resolve=True, finding_gone=True, nothing_new=True)

Chosen = tuple[Finding, Fix]


@dataclass(frozen=True, slots=True)
class _Start:
    """The text before the edits, how it stands, and the detectors to ask besides the fast ones."""

    document: Document
    state: State
    also: frozenset[str] = field(default_factory=frozenset)


class Fixer:
    """Finds fixes and shows only those that hold."""

    def __init__(self, checker: Checker, finder: Finder) -> None:
        self._checker = checker
        self._finder = finder

    async def with_fixes(self, document: Document, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings, each with its verified fixes, the best first; without any where the detectors cannot answer."""
        findings = tuple(findings)
        proposed = []
        for finding in findings:  # in a thread: parsing a long class takes a while, and a review may be waited for
            proposals = await asyncio.to_thread(_proposals, document, finding)
            proposed.append([_fix(proposal) for proposal in proposals])
        kinds: defaultdict[tuple[str, ...], list[Chosen]] = defaultdict(list)
        for finding, fixes in zip(findings, proposed, strict=True):
            for fix in fixes:
                kinds[finding.rule.id, fix.title, *sorted(finding.detectors)].append((finding, fix))
        held = {id(fix) for _, fix in await self._all_verified(document, list(kinds.values()))}
        kept = [[fix for fix in fixes if id(fix) in held] for fixes in proposed]
        return tuple(_with(finding, fixes) for finding, fixes in zip(findings, kept, strict=True))

    async def fix_all(self, document: Document, findings: Sequence[Finding]) -> FixedAll:
        """Apply the first fix of each of these findings together, leaving out those that do not go together.

        The findings carry their fixes; display-only ones are passed over. Nothing is fixed where the detectors cannot
        answer.
        """
        chosen = _apart((finding, finding.fixes[0]) for finding in findings if _applicable(finding))
        also = frozenset(detector for finding, _ in chosen for detector in finding.detectors)
        start = await self._start(document, also) if chosen else None
        kept = await self._added(start, [], chosen) if start else []
        return FixedAll(_edits(kept), tuple(finding.id for finding, _ in kept))

    async def _start(self, document: Document, also: frozenset[str]) -> _Start | None:
        try:
            return _Start(document, await state_of(document, self._checker, self._finder, also), also)
        except CodeTuneError:
            return None

    async def _all_verified(self, document: Document, kinds: list[list[Chosen]]) -> list[Chosen]:
        """Those fixes that hold, out of lists of the same kind."""
        turn = asyncio.Semaphore(_AT_ONCE)
        detectors = {frozenset(finding.detectors) for (finding, _), *_ in kinds}
        starts = {also: await self._start(document, also) for also in detectors}

        async def verified(alike: list[Chosen]) -> list[Chosen]:
            start = starts[frozenset(alike[0][0].detectors)]
            async with turn:
                return await self._verified(start, alike) if start else []

        return [chosen for alike in await asyncio.gather(*map(verified, kinds)) for chosen in alike]

    async def _verified(self, start: _Start, alike: list[Chosen]) -> list[Chosen]:
        """Those of several fixes of one kind that hold.

        Many in different places are verified together. They hold alone if they hold together: each brings its own
        imports, and findings are counted by rule, so that none can make up for what another breaks.
        """
        waiting = [chosen for chosen in alike if not _is_shown_only(chosen[1])]
        held = [chosen for chosen in alike if _is_shown_only(chosen[1])]
        if len(waiting) >= _TOGETHER:
            held += await self._added(start, [], _apart(waiting))
            done = {id(fix) for _, fix in held}
            waiting = [chosen for chosen in waiting if id(chosen[1]) not in done]
        for chosen in waiting:
            held += await self._added(start, [], [chosen])
        return held

    async def _added(self, start: _Start, kept: list[Chosen], more: list[Chosen]) -> list[Chosen]:
        """What is kept, and those of the others that hold with it, found by halving."""
        if not more:
            return kept
        after = await self._after(start, _edits([*kept, *more]))
        if after and compare(start.state, after, [finding for finding, _ in (*kept, *more)]).passed:
            return [*kept, *more]
        if len(more) == 1:
            return kept
        half = len(more) // 2
        kept = await self._added(start, kept, more[:half])
        return await self._added(start, kept, more[half:])

    async def _after(self, start: _Start, edits: Iterable[Edit]) -> State | None:
        """How the text stands with the edits; None where they overlap or a detector cannot answer."""
        try:
            copy = start.document.edited(edits)
            return await state_of(copy, self._checker, self._finder, start.also)
        except (ValueError, CodeTuneError):
            return None


def _proposals(document: Document, finding: Finding) -> list[Proposal]:
    return [] if finding.stale else propose(document, finding)


def _fix(proposal: Proposal) -> Fix:
    return Fix(proposal.title, proposal.applicability, proposal.edits, note=proposal.note)


def _with(finding: Finding, fixes: Sequence[Fix]) -> Finding:
    shown = tuple(fix if _is_shown_only(fix) else replace(fix, verification=_PASSED) for fix in fixes)
    return replace(finding, fixes=shown) if shown else finding


def _apart(candidates: Iterable[Chosen]) -> list[Chosen]:
    """Leave out what would change text that an earlier fix changes in another way."""
    chosen: list[Chosen] = []
    taken: list[Edit] = []
    known: set[Edit] = set()
    for finding, fix in candidates:
        new = [edit for edit in fix.edits if edit not in known]
        if not any(_clashes(edit, taken) for edit in new):
            chosen.append((finding, fix))
            known.update(new)
            for edit in new:
                insort(taken, edit)
    return chosen


def _clashes(edit: Edit, taken: Sequence[Edit]) -> bool:
    """Whether an edit shares a character with one of those, which are sorted and share none.

    Insertions at one place, or at an end of a changed range, share none.
    """
    at = bisect_left(taken, edit)
    before = at - 1
    while before >= 0 and taken[before].range.start == taken[before].range.end == edit.range.start:
        before -= 1
    if before >= 0 and taken[before].range.end > edit.range.start:
        return True
    following = takewhile(lambda other: other.range.start < edit.range.end, islice(taken, at, None))
    return any(edit.range.start < other.range.end for other in following)


def _edits(chosen: Iterable[Chosen]) -> tuple[Edit, ...]:
    return combined(edit for _, fix in chosen for edit in fix.edits)


def _applicable(finding: Finding) -> bool:
    return bool(finding.fixes) and not _is_shown_only(finding.fixes[0])


def _is_shown_only(fix: Fix) -> bool:
    return fix.applicability is Applicability.DISPLAY_ONLY
