"""Counts failed attempts by address and over all, and says who has made too many."""

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass

_EACH, _EACH_SECONDS = 10, 6.0
"""So many at once from one address, and then one every so many seconds."""
_ALL, _ALL_SECONDS = 200, 0.1
_MOST_ADDRESSES = 4096
_SUBNET = 64
"""Bits of an IPv6 address that one customer is given the rest of."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class FailedAttempts:
    """Token buckets, one for each address and one for all of them; in memory, for this process alone.

    Nobody is locked out: who presents a good key is never counted nor asked to wait, whoever else shares the address.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all = _Bucket(_ALL, clock())
        self._each: dict[str, _Bucket] = {}

    def count(self, address: str) -> float:
        """Count a failure; return the seconds to wait where there were too many, else 0."""
        now = self._clock()
        name = _network(address)
        mine = self._each.pop(name, None) or _Bucket(_EACH, now)
        self._each[name] = mine
        if len(self._each) > _MOST_ADDRESSES:
            del self._each[next(iter(self._each))]
        return max(_take(mine, _EACH, _EACH_SECONDS, now), _take(self._all, _ALL, _ALL_SECONDS, now))


def _take(bucket: _Bucket, most: int, seconds: float, now: float) -> float:
    bucket.left = min(most, bucket.left + (now - bucket.at) / seconds)
    bucket.at = now
    if bucket.left >= 1:
        bucket.left -= 1
        return 0.0
    return (1 - bucket.left) * seconds


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _SUBNET), strict=False))
