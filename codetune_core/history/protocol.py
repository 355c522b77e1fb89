"""What the history needs of its storage."""

import datetime as dt
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from codetune_core.domain.execution import ErrorKind, Execution, Feedback, Task


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``usd`` from ``since`` on, by ``user_id`` or, where that is None, by everybody together."""

    usd: Decimal
    since: dt.datetime
    user_id: str | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which executions are meant; every field that is set must hold.

    ``text`` are words that the prompt, input or answer must all contain. ``since`` is included, ``until`` is not.
    ``ids``, where there are any, name the only ones that can match.
    """

    ids: tuple[UUID, ...] = ()
    prompt_id: UUID | None = None
    version_id: UUID | None = None
    task: Task | None = None
    user_id: str | None = None
    workspace: str | None = None
    model: str | None = None
    success: bool | None = None
    error_kind: ErrorKind | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    text: str = ""


class Place(NamedTuple):
    """Where an execution stands in the list, also once it is deleted."""

    executed_at: dt.datetime
    sequence: int


Grouping = Literal["prompt", "version", "model", "day", "user"]


@dataclass(frozen=True, slots=True)
class Group:
    """Figures of the ended executions that share a key; None where nothing was measured.

    ``accepted`` counts the outcomes accepted, edited and kept, ``judged`` those and rejected and reverted.
    ``unpriced`` executions are not in ``cost_usd``.
    """

    key: str
    executions: int
    succeeded: int
    from_cache: int
    average_ms: float | None
    tokens: int
    cost_usd: Decimal
    unpriced: int
    rated: int
    average_rating: float | None
    judged: int
    accepted: int


class HistoryStore(Protocol):
    """Rows of ``execution_history``; each method is one transaction."""

    async def begin(self, execution: Execution, limits: Sequence[Limit] = ()) -> None:
        """Write a running execution, whose cost counts as its most; raises BudgetSpent where that passes a limit."""
        ...

    async def end(self, execution: Execution) -> None:
        """Write an ended execution: over its running row, or as a new one."""
        ...

    async def add(self, executions: Sequence[Execution]) -> None:
        """Write executions that have ended, in one transaction; none of them was begun."""
        ...

    async def discard(self, execution_id: UUID) -> None:
        """Remove a row."""
        ...

    async def get(self, execution_id: UUID) -> Execution | None:
        """Return one execution."""
        ...

    async def page(self, where: Filter, before: UUID | Place | None = None, limit: int = 50) -> list[Execution]:
        """Return executions, the newest first, from the one before ``before`` on."""
        ...

    async def place(self, execution_id: UUID) -> Place:
        """Return the place of an execution; of one that is no longer there, where it would be by its id."""
        ...

    async def count(self, where: Filter) -> int:
        """Return how many executions match."""
        ...

    def stream(self, where: Filter) -> AsyncGenerator[Execution]:
        """Yield all executions that match, the oldest first, without holding them together in memory."""
        ...

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        """Set feedback; False where there is no such execution."""
        ...

    async def statistics(
        self, by: Grouping, since: dt.datetime | None = None, keys: Sequence[UUID] = ()
    ) -> list[Group]:
        """Return figures by key, the busiest first; of these prompts or versions only, where there are any."""
        ...

    async def spent(self, since: dt.datetime, user_id: str | None) -> Decimal:
        """Return what was spent, with what running executions may still cost."""
        ...

    async def delete(self, where: Filter, counted_since: dt.datetime) -> int:
        """Delete executions, some hundred a transaction; return how many.

        Of those that run, or began at ``counted_since`` or later and cost something, time, user, task and cost stay
        for the budget, which nothing else sees.
        """
        ...

    async def strip(self, before: dt.datetime) -> int:
        """Remove the content of executions older than this, some hundred a transaction; return how many."""
        ...

    async def expire_stubs(self, before: dt.datetime) -> int:
        """Delete what stayed of older executions for the budget; return how many."""
        ...

    async def abandon(self, before: dt.datetime) -> int:
        """Record executions that began before this and never ended as lost; return how many."""
        ...

    async def erase_traces(self, *, wholly: bool) -> bool:
        """Erase what removed content left in indexes, free pages and logs; at once where nothing was removed.

        ``wholly`` may keep others out of the history meanwhile. False where open transactions still hold some of it.
        """
        ...

    async def due(
        self, content: dt.datetime, metadata: dt.datetime | None, stubs: dt.datetime, lost: dt.datetime
    ) -> bool:
        """Tell, by one cheap query, whether there is anything to strip, delete, expire, abandon or erase."""
        ...

    async def lease(self, until: dt.datetime) -> bool:
        """Take the upkeep for this process until then; False while another one has it."""
        ...

    async def release(self) -> None:
        """Give the upkeep back."""
        ...
