"""How long models took to be loaded on this machine: from that it is said when one that loads will be ready."""

import hashlib
import json
import logging
import statistics
from pathlib import Path

from platformdirs import user_data_path

_REMEMBERED = 5
_LOG = logging.getLogger(__name__)


class LoadTimes:
    """The last durations of each model, as it is held on a device, in seconds; one small file for each."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or user_data_path("codetune") / "load-times"

    def note(self, model: str, quantization: str, device: str, seconds: float) -> None:
        """Remember a duration; one that cannot be written is forgotten."""
        path = self._path(model, quantization, device)
        known = [*_read(path), round(seconds, 3)][-_REMEMBERED:]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(known), "ascii")
            part.replace(path)
        except OSError as error:
            _LOG.warning("how long %s took to load is not remembered: %s", model, error)

    def expected(self, model: str, quantization: str, device: str) -> float | None:
        """Return what it usually takes: the median of the last durations; None where none is known."""
        known = _read(self._path(model, quantization, device))
        return statistics.median(known) if known else None

    def _path(self, model: str, quantization: str, device: str) -> Path:
        named = json.dumps([model, quantization, device])
        return self._folder / f"{hashlib.sha256(named.encode()).hexdigest()[:32]}.json"


def _read(path: Path) -> list[float]:
    try:
        return [float(seconds) for seconds in json.loads(path.read_bytes())]
    except (OSError, ValueError, TypeError):
        return []
