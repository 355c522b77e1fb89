"""Draws from a generator, each step of it through a passage."""

from collections.abc import AsyncGenerator
from typing import TypeVar

from codetune_core.http.passage import Passage, through

_T = TypeVar("_T")


async def steps(items: AsyncGenerator[_T], passage: Passage) -> AsyncGenerator[_T]:
    """Yield what a generator yields; what it asks in each step, its end included, leaves by the passage."""
    try:
        while True:
            with through(passage):
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    return
            yield item
    finally:
        with through(passage):
            await items.aclose()
