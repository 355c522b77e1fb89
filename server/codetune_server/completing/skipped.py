"""Which documents are not completed, because they are ignored: looked at once for each, not at every keystroke."""

import asyncio
from collections import OrderedDict

from codetune_core.domain.document import Document
from codetune_server.holdings import Holding

_REMEMBERED = 256


class Skipped:
    """Remembers why documents are left alone, as long as the same settings hold."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Holding, str]] = OrderedDict()

    async def why(self, document: Document, holding: Holding) -> str:
        """Say why a document is left alone; empty where it is not."""
        known = self._known.get(document.uri)
        if known is None or known[0] is not holding:
            known = holding, await asyncio.to_thread(holding.why_skipped, document)
            self._known[document.uri] = known
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known[1]
