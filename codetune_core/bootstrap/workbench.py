"""The worker process's half: detectors, reviewer and fixer for one set of settings."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from codetune_core.detectors.protocol import Pace
from codetune_core.detectors.registry import Registered, build
from codetune_core.detectors.ruff import RuffDetector
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.fix import FixedAll
from codetune_core.domain.review import Review, Stage
from codetune_core.fixer import Fixer
from codetune_core.reviewer import Reviewer
from codetune_core.settings import Settings
from codetune_core.workspace.skip import why_skipped

_REST_SECONDS = 0.1
"""Fixes for a text in an editor are prepared once it has rested this long: while it is typed they are for nothing."""


class Workbench:
    """Everything one set of settings asks for, ready to work; close it when done."""

    def __init__(self, settings: Settings) -> None:
        self.registered: Registered = build(settings)
        self._broken = tuple(notice for notice in self.registered.off if notice.key.startswith("broken:"))
        self._files = settings.files
        own = (detector for detector in self.registered.detectors if isinstance(detector, RuffDetector))
        self.checker = next(own, None) or RuffDetector(settings)
        """Says whether a text is sound."""
        self.reviewer = Reviewer(self.registered.detectors, settings)
        """Runs the detectors."""
        self._fixer = Fixer(self.checker, self.reviewer)

    async def review(
        self, document: Document, relative_path: str, pace: Pace, *, with_fixes: bool
    ) -> AsyncIterator[Review]:
        """Yield a document's review as it grows; the last one is at ``Stage.FIXED`` where fixes were asked for.

        A document that is not worth a review gives one Review that says why it was skipped.
        """
        if reason := why_skipped(document, relative_path, self._files):
            yield Review(document.uri, document.version, Stage.FIXED, skipped=reason)
            return
        last = None
        async for review in self.reviewer.review(document, relative_path, pace):
            last = replace(review, notices=(*self._broken, *review.notices))
            yield last
        if with_fixes and last:
            if document.version is not None:
                await asyncio.sleep(_REST_SECONDS)
            fixed = await self._fixer.with_fixes(document, last.findings)
            yield replace(last, stage=Stage.FIXED, findings=fixed)

    async def fix_all(self, document: Document, findings: Sequence[Finding]) -> FixedAll:
        """Fix these findings together."""
        return await self._fixer.fix_all(document, findings)

    async def aclose(self) -> None:
        """End the detectors."""
        ending = {id(part): part for part in (*self.registered.detectors, self.checker)}.values()
        await asyncio.gather(*(part.aclose() for part in ending), return_exceptions=True)
