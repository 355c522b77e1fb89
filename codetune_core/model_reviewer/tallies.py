"""Remembers how many claims of each rule and confidence were accepted and dismissed, for all of a user's programs."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_data_path

from codetune_core.domain.finding import Confidence
from codetune_core.model_reviewer.calibration import Calibration, Outcomes, Tally
from codetune_core.runtime.folder import held, take
from codetune_core.workspace.write import replace_file

_MOST = 1000
"""Pairs of rule and confidence; a model can name rules that nobody knows."""
_LONGEST = 100
_LOCK_SECONDS = 2.0
_POLL_SECONDS = 0.02
_SEPARATOR = " "


def tally_file() -> Path:
    """Where they are remembered: in the user's data folder; rules and numbers, and nothing of any code."""
    return user_data_path("codetune") / "claims.json"


def claim_outcomes() -> Outcomes:
    """Return what became of all claims so far; empty where nothing is known or the file is broken."""
    try:
        read = json.loads(tally_file().read_bytes())
    except (OSError, ValueError):
        return {}
    return dict(_tallies(read)) if isinstance(read, dict) else {}


def calibration() -> Calibration:
    """Return how likely claims are, by what became of all of them so far."""
    return Calibration(claim_outcomes())


def count_claim(rule: str, confidence: Confidence, *, accepted: bool) -> None:
    """Count a claim that the user has accepted or dismissed; ``confidence`` as the model gave it.

    Raises OSError where the file cannot be written, or others write it for longer than two seconds.
    """
    path = tally_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_suffix(".lock")):
        outcomes, key = dict(claim_outcomes()), (rule[:_LONGEST], confidence)
        known = outcomes.pop(key, Tally())
        outcomes[key] = Tally(known.accepted + accepted, known.dismissed + (not accepted))
        while len(outcomes) > _MOST:
            del outcomes[next(iter(outcomes))]
        replace_file(path, _rendered(outcomes))


def _rendered(outcomes: Outcomes) -> bytes:
    rows = {
        f"{confidence}{_SEPARATOR}{rule}": [each.accepted, each.dismissed]
        for (rule, confidence), each in outcomes.items()
    }
    return json.dumps(rows, indent=1).encode()


def _tallies(read: Mapping[str, object]) -> Iterator[tuple[tuple[str, Confidence], Tally]]:
    for name, numbers in read.items():
        level, _, rule = name.partition(_SEPARATOR)
        match numbers:
            case [int(accepted), int(dismissed)] if level in list(Confidence) and min(accepted, dismissed) >= 0:
                yield (rule, Confidence(level)), Tally(accepted, dismissed)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes out; without a lock on Windows, where a count may get lost."""
    if sys.platform == "win32":
        yield
        return
    deadline = time.monotonic() + _LOCK_SECONDS
    while (lock := take(path)) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} is locked")
        time.sleep(_POLL_SECONDS)
    with held(lock):
        yield
