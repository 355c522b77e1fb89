"""What the features tell when a model's answer was shown, applied or refused, and who then watches over it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from codetune_core.domain.document import Document
    from codetune_core.domain.finding import Confidence
    from codetune_core.domain.text import Edit


class Outcomes:
    """What became of each execution; every method but the last two returns at once, and an empty id is nobody's."""

    def shown(self, execution_id: UUID | str) -> None:
        """A text or a finding of this execution stands before the person."""

    def applied(self, execution_id: UUID | str, before: Document, edits: Iterable[Edit]) -> None:
        """The editor has applied these edits to this document, or the person has accepted this completion."""

    def offered(self, execution_id: UUID | str, before: Document, edits: Iterable[Edit]) -> None:
        """The editor has these edits of this document, such as from ``codeAction/resolve``, and may apply them."""

    def rejected(self, execution_id: UUID | str, reason: str = "") -> None:
        """The person wants nothing of it."""

    def judged(self, rule: str, confidence: Confidence, *, accepted: bool) -> None:
        """A model's claim was fixed or confirmed, or else dismissed; ``confidence`` as the model gave it."""

    async def rate(self, execution_id: UUID | str, rating: int, text: str = "") -> bool:
        """Rate an answer from 1 to 5; False where nothing is kept of it."""
        await asyncio.sleep(0)
        return bool(execution_id and rating and text is not None)

    async def aclose(self) -> None:
        """Send what is known, in the time that there is."""
