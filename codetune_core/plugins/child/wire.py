"""The plugin's end of the pipes to its owner."""

import queue
import threading
from collections.abc import Callable
from typing import BinaryIO

from codetune_core.plugins.frames import HEADER, ORDER, Order, Report, pack


class Wire:
    """Sends and receives frames.

    A thread reads, so that the end of the owner is noticed also while the plugin computes: then ``on_end`` is called.
    """

    def __init__(self, source: BinaryIO, sink: BinaryIO, on_end: Callable[[], object]) -> None:
        self._source = source
        self._sink = sink
        self._on_end = on_end
        self._received: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._sending = threading.Lock()
        threading.Thread(target=self._read, name="orders", daemon=True).start()

    def send(self, report: Report) -> None:
        """Write one frame; raises ValueError for what a frame cannot hold."""
        frame = pack(report)
        with self._sending:
            self._sink.write(frame)
            self._sink.flush()

    def receive(self) -> Order | None:
        """Wait for the next frame; None at the end."""
        return self._received.get()

    def _read(self) -> None:
        try:
            while len(header := self._source.read(HEADER.size)) == HEADER.size:
                self._received.put(ORDER.validate_json(self._source.read(HEADER.unpack(header)[0])))
        finally:
            self._received.put(None)
            self._on_end()
