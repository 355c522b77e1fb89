"""How long a service may take, and how long it is waited for, in seconds by this machine's clock."""

import math
from dataclasses import dataclass
from typing import Self

from codetune_core.service_sections import RemoteSettings

_HEARTBEAT = 10
_SILENCE = 3.5 * _HEARTBEAT
_OPENING = 60
_RESUME = 120
_PATIENCE = 300


@dataclass(frozen=True, slots=True)
class Limits:
    """What is waited for.

    Attributes:
        opening: until the answer begins, with its first event or a heartbeat.
        first_event: from the question to the first piece of the answer; heartbeats are none.
        gap: between two events; heartbeats are none.
        silence: in which not even a heartbeat comes, after which the connection is dead.
        reach: how long a service that cannot be reached is asked again.
        patience: how long one is asked again that is full or ends, as long as nothing was generated.
        resume: how long the events of an answer that broke off are asked for.
        wake: how long a Space is waited for that wakes up.
    """

    opening: float = _OPENING
    first_event: float = math.inf
    gap: float = math.inf
    silence: float = _SILENCE
    reach: float = 10
    patience: float = _PATIENCE
    resume: float = _RESUME
    wake: float = 600

    @classmethod
    def of(cls, asked: RemoteSettings) -> Self:
        """Return what the settings of a team's service say; the user's own daemon has limits of its own."""
        return cls(
            first_event=asked.first_token_seconds,
            gap=asked.gap_seconds,
            reach=asked.connect_seconds,
            patience=asked.first_token_seconds,
            wake=asked.wake_seconds,
        )
