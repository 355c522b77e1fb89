"""A detector of a third party, kept on an event loop and thread of its own: where it blocks, nobody else waits."""

import asyncio
import threading

from codetune_core.detectors.protocol import Detection, Detector
from codetune_core.domain.document import Document


class Isolated:
    """The same detector, unable to block the caller's loop; a thread that hangs ends with the process."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.name = detector.name
        self.pace = detector.pace
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"detector {detector.name}", daemon=True)
        self._thread.start()

    def handles(self, document: Document) -> bool:
        return self._detector.handles(document)

    def describe(self) -> str:
        return self._detector.describe()

    async def detect(self, document: Document) -> Detection:
        running = asyncio.run_coroutine_threadsafe(self._detector.detect(document), self._loop)
        return await asyncio.wrap_future(running)

    async def aclose(self) -> None:
        closing = asyncio.run_coroutine_threadsafe(self._detector.aclose(), self._loop)
        try:
            await asyncio.wait_for(asyncio.wrap_future(closing), timeout=1)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=1)
            if not self._thread.is_alive():
                self._loop.close()
