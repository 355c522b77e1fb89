"""Rate limits of users, as HTTP says them."""

import math
import time
from collections.abc import Callable

from aiohttp import web

from codetune_core.execution.rate import WINDOW_SECONDS, Counts, Moment, RateStore
from codetune_remote.problems import Refusal

_FIELDS = web.RequestKey("rate_limit_fields", dict[str, str])
_MANY_REFUSED = 10_000


class RateLimits:
    """At most ``limit`` requests a minute by each user, over all that share the store; None for no limit.

    A user who was refused is not looked up again until there may be room, so that asking in a loop costs the database
    nothing. ``clock`` gives Unix seconds.
    """

    def __init__(self, store: RateStore, limit: int | None, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._limit = limit
        self._clock = clock
        self._refused_until: dict[str, float] = {}

    async def count(self, request: web.Request, user_id: str) -> None:
        """Count a request; raises Refusal (429) where it passes the limit."""
        if self._limit is None:
            return
        if (wait := self._refused_until.get(user_id, 0) - self._clock()) > 0:
            raise _refusal(self._limit, wait)
        moment = Moment.at(self._clock())
        counts = await self._store.take(user_id, self._limit, moment)
        if counts is None:
            raise await self._refuse(user_id, moment, self._limit)
        request[_FIELDS] = _fields(self._limit, counts, moment)

    async def _refuse(self, user_id: str, moment: Moment, limit: int) -> Refusal:
        counts = await self._store.counts(user_id, moment)
        wait = counts.seconds_until_room(limit, moment.elapsed)
        if len(self._refused_until) >= _MANY_REFUSED:
            self._refused_until.clear()
        self._refused_until[user_id] = self._clock() + wait
        return _refusal(limit, wait)


async def add_fields(request: web.Request, response: web.StreamResponse) -> None:
    """Say in the headers of a response how much may still be asked, where that is limited (``on_response_prepare``)."""
    response.headers.update(request.get(_FIELDS, {}))


def _refusal(limit: int, wait: float) -> Refusal:
    seconds = max(1, math.ceil(wait))
    detail = f"you may ask {limit} times a minute: try again in {seconds} s"
    headers = {"Retry-After": str(seconds), **_said(limit, 0, seconds)}
    return Refusal(429, "rate-limited", detail, headers=headers)


def _fields(limit: int, counts: Counts, moment: Moment) -> dict[str, str]:
    left = max(0, int(limit - counts.used(moment.elapsed)))
    seconds = math.ceil((1 - moment.elapsed) * WINDOW_SECONDS)
    return _said(limit, left, seconds)


def _said(limit: int, left: int, seconds: int) -> dict[str, str]:
    """Return the fields of draft-ietf-httpapi-ratelimit-headers-10: quota and window, what is left and for how long."""
    return {
        "RateLimit-Policy": f'"minute";q={limit};w={WINDOW_SECONDS}',
        "RateLimit": f'"minute";r={left};t={seconds}',
    }
