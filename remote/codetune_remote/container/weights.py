"""Fetches the weights of models while the service answers already, and has them loaded."""

import json
import logging
import subprocess
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 300.0


class Weights:
    """Pulls and loads models one after the other, each again until it succeeds.

    ``state`` is a JSON file that says of each model what is done with it: ``waiting``, ``pulling``, ``loading``,
    ``ready`` or ``failed``, so that ``/readyz`` can say it.
    """

    def __init__(self, models: Iterable[str], state: Path, command: Sequence[str] = ("codetune",)) -> None:
        self._states = dict.fromkeys(models, "waiting")
        self._file, self._command = state, tuple(command)
        self._closing = threading.Event()
        self._running: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="weights")

    def __enter__(self) -> Self:
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._closing.set()
        with self._lock:
            if self._running:
                self._running.terminate()
        self._thread.join()

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while waiting := [model for model, state in self._states.items() if state != "ready"]:
            for model in waiting:
                self._set(model, "ready" if self._fetched(model) else "failed")
            if set(self._states.values()) == {"ready"} or self._closing.wait(pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _fetched(self, model: str) -> bool:
        """Pull and load one; what was fetched when this ends is kept, and the next pull goes on from there."""
        # Who deployed it accepted its terms: `codetune space deploy` asks.
        steps = {"pulling": ("pull", model, "--accept-licence"), "loading": ("load", model)}
        for state, step in steps.items():
            self._set(model, state)
            if (code := self._done("models", *step)) != 0:
                _LOG.error("%s: %s ended with %s; it is tried again", model, state, code)
                return False
        _LOG.info("%s is loaded", model)
        return True

    def _done(self, *arguments: str) -> int | None:
        with self._lock:
            if self._closing.is_set():
                return None
            self._running = subprocess.Popen((*self._command, *arguments), stdin=subprocess.DEVNULL)  # noqa: S603
        code = self._running.wait()
        with self._lock:
            self._running = None
        return code

    def _set(self, model: str, state: str) -> None:
        self._states[model] = state
        self._write()

    def _write(self) -> None:
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(self._states), "utf-8")
        part.replace(self._file)
