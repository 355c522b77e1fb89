"""The recipe of a fix: propose, apply to a copy, verify."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.fix import Applicability, Fix, FixedAll
from codetune_core.domain.text import Edit
from codetune_core.errors import CodeTuneError
from codetune_core.fixes.propose import combined, propose
from codetune_core.fixes.protocol import Checker, Finder
from codetune_core.fixes.registry import Proposal
from codetune_core.fixes.verify import State, compare, state_of

_AT_ONCE = 4

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
        proposals = [(finding, [] if finding.stale else propose(document, finding)) for finding in findings]
        turn = asyncio.Semaphore(_AT_ONCE)
        starts: dict[frozenset[str], _Start | None] = {}
        for also in {frozenset(finding.detectors) for finding, proposed in proposals if proposed}:
            starts[also] = await self._start(document, also)

        async def verified(finding: Finding, proposed: list[Proposal]) -> Finding:
            start = starts.get(frozenset(finding.detectors)) if proposed else None
            if start is None:
                return finding
            async with turn:
                fixes = [await self._verified(start, finding, proposal) for proposal in proposed]
            return replace(finding, fixes=tuple(fix for fix in fixes if fix))

        return tuple(await asyncio.gather(*(verified(finding, proposed) for finding, proposed in proposals)))

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

    async def _verified(self, start: _Start, finding: Finding, proposal: Proposal) -> Fix | None:
        fix = Fix(proposal.title, proposal.applicability, proposal.edits, note=proposal.note)
        if proposal.applicability is Applicability.DISPLAY_ONLY:
            return fix
        after = await self._after(start, proposal.edits)
        verification = compare(start.state, after, [finding]) if after else None
        return replace(fix, verification=verification) if verification and verification.passed else None

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


def _apart(candidates: Iterable[Chosen]) -> list[Chosen]:
    """Leave out what would change text that an earlier fix changes in another way."""
    chosen: list[Chosen] = []
    taken: dict[Edit, None] = {}
    for finding, fix in candidates:
        if not any(edit not in taken and _clashes(edit, other) for edit in fix.edits for other in taken):
            chosen.append((finding, fix))
            taken |= dict.fromkeys(fix.edits)
    return chosen


def _clashes(one: Edit, other: Edit) -> bool:
    """Whether the edits share a character; insertions at one place or at an end do not."""
    return one.range.start < other.range.end and other.range.start < one.range.end


def _edits(chosen: Iterable[Chosen]) -> tuple[Edit, ...]:
    return combined(edit for _, fix in chosen for edit in fix.edits)


def _applicable(finding: Finding) -> bool:
    return bool(finding.fixes) and finding.fixes[0].applicability is not Applicability.DISPLAY_ONLY
