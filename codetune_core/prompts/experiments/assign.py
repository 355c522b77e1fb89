"""Assignment: which arm of an experiment a session is in, decided by a hash and remembered nowhere."""

import hashlib
import secrets
from itertools import accumulate

from codetune_core.domain.deployment import Arm, Experiment

_STEPS = 2**64


def assign(experiment: Experiment, session_id: str) -> Arm:
    """Return a session's arm: always the same one, each with a chance in proportion to its weight.

    The first 64 bits of SHA-256 over the experiment's id and the session's are a uniform number, so that assignments
    in two experiments are independent. An execution without a session is assigned by chance each time, and counts as
    a session of its own.
    """
    point = _point(experiment.id, session_id) if session_id else secrets.randbelow(_STEPS)
    reached = list(accumulate(arm.weight for arm in experiment.arms))
    share = point / _STEPS * reached[-1]
    return next((arm for arm, end in zip(experiment.arms, reached, strict=True) if share < end), experiment.arms[-1])


def _point(experiment_id: str, session_id: str) -> int:
    """Place of a session between 0 and 2**64: the id's length keeps two pairs of ids from being one text."""
    name = f"{len(experiment_id)}:{experiment_id}{session_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(name).digest()[:8])
