"""What is forgotten, and when: content after some days, metadata after some more, and at once what a user deletes.

Days are whole UTC days, so that there is work once a day and nothing is kept longer than the settings say.
"""

import datetime as dt
from dataclasses import dataclass

from codetune_core.domain.clock import Clock, utc_now
from codetune_core.history.protocol import Filter, HistoryStore
from codetune_core.sections import HistorySettings

_LOST_AFTER = dt.timedelta(hours=1)
"""No execution runs for so long; should one, its end is still recorded."""
_LEASE = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Maintained:
    """How many executions lost their content, were deleted, and were recorded as lost; whether traces are gone too."""

    stripped: int
    deleted: int
    abandoned: int
    erased: bool


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many executions were deleted, and whether their traces are gone from the database's files too.

    They are not while a transaction is open somewhere that may still see them; the next maintenance tries again.
    """

    executions: int
    erased: bool


async def maintain(store: HistoryStore, settings: HistorySettings, clock: Clock = utc_now) -> Maintained | None:
    """Do what is due; None where nothing is, which one query finds out, or where another process is at it.

    What a process leaves undone when it dies, the next run does.
    """
    now = clock()
    today, lost = _midnight(now), now - _LOST_AFTER
    content = _over(today, settings.content_days)
    metadata = None if settings.metadata_days is None else _over(today, settings.metadata_days)
    if not await store.due(content, metadata, today, lost) or not await store.lease(clock() + _LEASE):
        return None
    try:
        return Maintained(
            abandoned=await store.abandon(lost),
            stripped=await store.strip(content),
            deleted=await store.delete(Filter(until=metadata), today) if metadata else 0,
            erased=await _expired(store, today),
        )
    finally:
        await store.release()


async def _expired(store: HistoryStore, today: dt.datetime) -> bool:
    await store.expire_stubs(today)
    return await store.erase_traces(wholly=False)


async def forget(store: HistoryStore, where: Filter, clock: Clock = utc_now, *, erase: bool = True) -> Deleted:
    """Delete executions and every trace of their content; without ``erase`` the traces go with the next maintenance."""
    executions = await store.delete(where, _midnight(clock()))
    return Deleted(executions, not executions or (erase and await store.erase_traces(wholly=True)))


def _midnight(at: dt.datetime) -> dt.datetime:
    return at.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _over(today: dt.datetime, days: int) -> dt.datetime:
    """What began before this is over: for 1 day, what began before today; for 0, everything."""
    return today - dt.timedelta(days=days - 1)
