"""Ends a generation as soon as its beginning turns out to be that of an execution which there is already."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from codetune_core.errors import InvalidInput


def refusal(begun: "asyncio.Task[None]") -> InvalidInput | None:
    """Return why the id of an execution cannot be used, where its beginning was refused for that."""
    if not begun.done() or begun.cancelled():
        return None
    error = begun.exception()
    return error if isinstance(error, InvalidInput) else None


@asynccontextmanager
async def unless_refused(begun: "asyncio.Task[None]") -> AsyncIterator[None]:
    """Do not wait for the beginning to be written, but raise InvalidInput in the block where it is refused."""
    task = asyncio.current_task()

    def stop(_: "asyncio.Task[None]") -> None:
        if task and refusal(begun):
            task.cancel()

    begun.add_done_callback(stop)
    try:
        yield
    except asyncio.CancelledError:
        if (why := refusal(begun)) and task and not task.uncancel():
            raise why from None
        raise
    finally:
        begun.remove_done_callback(stop)
