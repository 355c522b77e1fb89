"""The recipe of a fix: propose, apply to a copy, verify."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.fix import Applicability, Fix, FixedAll
from codetune_core.errors import CodeTuneError
from codetune_core.fixes.propose import combined, propose
from codetune_core.fixes.protocol import Checker, Finder
from codetune_core.fixes.registry import Proposal
from codetune_core.fixes.verify import State, compare, state_of


class Fixer:
    """Finds fixes and shows only those that hold."""

    def __init__(self, checker: Checker, finder: Finder) -> None:
        self._checker = checker
        self._finder = finder

    async def with_fixes(self, document: Document, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings, each with its verified fixes, the best first."""
        states: dict[frozenset[str], State] = {}
        return tuple([await self._with_fixes(document, finding, states) for finding in findings])

    async def fix_all(self, document: Document, findings: Sequence[Finding]) -> FixedAll:
        """Apply the first fix of each of these findings together, leaving out those that do not go together.

        The findings carry their fixes; display-only ones are passed over.
        """
        chosen: list[tuple[Finding, Fix]] = [(finding, finding.fixes[0]) for finding in findings if _applicable(finding)]
        if not chosen:
            return FixedAll((), ())
        also = {detector for finding, _ in chosen for detector in finding.detectors}
        before = await state_of(document, self._checker, self._finder, also)
        kept: list[tuple[Finding, Fix]] = []
        if await self._holds(document, chosen, before, also):
            kept = chosen
        else:
            for candidate in chosen:
                if await self._holds(document, [*kept, candidate], before, also):
                    kept.append(candidate)
        edits = combined([edit for _, fix in kept for edit in fix.edits])
        return FixedAll(edits, tuple(finding.id for finding, _ in kept))

    async def _with_fixes(
        self, document: Document, finding: Finding, states: dict[frozenset[str], State]
    ) -> Finding:
        proposals = [] if finding.stale else propose(document, finding)
        if not proposals:
            return finding
        also = frozenset(finding.detectors)
        if also not in states:
            states[also] = await state_of(document, self._checker, self._finder, also)
        fixes = [await self._verified(document, finding, proposal, states[also]) for proposal in proposals]
        return replace(finding, fixes=tuple(fix for fix in fixes if fix))

    async def _verified(self, document: Document, finding: Finding, proposal: Proposal, before: State) -> Fix | None:
        fix = Fix(proposal.title, proposal.applicability, proposal.edits, note=proposal.note)
        if proposal.applicability is Applicability.DISPLAY_ONLY:
            return fix
        try:
            copy = document.edited(proposal.edits)
            after = await state_of(copy, self._checker, self._finder, finding.detectors)
        except (ValueError, CodeTuneError):
            return None
        verification = compare(before, after, [finding])
        return replace(fix, verification=verification) if verification.passed else None

    async def _holds(
        self, document: Document, chosen: Sequence[tuple[Finding, Fix]], before: State, also: Iterable[str]
    ) -> bool:
        edits = combined([edit for _, fix in chosen for edit in fix.edits])
        try:
            copy = document.edited(edits)
            after = await state_of(copy, self._checker, self._finder, also)
        except (ValueError, CodeTuneError):
            return False
        return compare(before, after, [finding for finding, _ in chosen]).passed


def _applicable(finding: Finding) -> bool:
    return bool(finding.fixes) and finding.fixes[0].applicability is not Applicability.DISPLAY_ONLY
