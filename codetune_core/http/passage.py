"""The way out of this machine: each request to another machine is let through by a passage, or is not sent."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from codetune_core.errors import OutboundRefused
from codetune_core.http.address import Address, parse_address

_T = TypeVar("_T")
Answered = Callable[[int], None]
"""Is told the status with which the server answered."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One request on its way: ``body`` is all of its bytes, as they are sent."""

    destination: str
    method: str
    path: str
    body: bytes


class Passage(Protocol):
    """Decides what leaves for one purpose, and notes what does."""

    async def prepare(self, destination: str, body: bytes | None) -> bytes | None:
        """Return a body in JSON as it may be sent; raises OutboundRefused where nothing may."""
        ...

    def note(self, sending: Sending) -> AbstractContextManager[Answered]:
        """Note what is sent inside, before it is; raises OutboundRefused where it cannot be noted."""
        ...


_PASSAGE: ContextVar[Passage | None] = ContextVar("passage", default=None)


@contextmanager
def through(passage: Passage) -> Iterator[None]:
    """Let what is asked inside leave by this passage.

    A generator must not yield inside: each of its steps runs in the context of who takes it.
    """
    token = _PASSAGE.set(passage)
    try:
        yield
    finally:
        _PASSAGE.reset(token)


async def steps(items: AsyncGenerator[_T], passage: Passage) -> AsyncGenerator[_T]:
    """Yield what a generator yields; what it asks in each step, its end included, leaves by the passage."""
    try:
        while True:
            token = _PASSAGE.set(passage)  # `through` would cost as much as the step itself
            try:
                item = await anext(items)
            except StopAsyncIteration:
                return
            finally:
                _PASSAGE.reset(token)
            yield item
    finally:
        with through(passage):
            await items.aclose()


def leaves(address: Address, proxy: str | None) -> bool:
    """Say whether what is sent to an address, by way of a proxy where there is one, leaves this machine."""
    return not address.is_this_machine or (
        proxy is not None and not parse_address(_without_user(proxy)).is_this_machine
    )


async def prepared(url: str, body: bytes | None) -> bytes | None:
    """Return a body in JSON as it may leave, in UTF-8; None for none.

    Raises OutboundRefused where nothing may, and where no passage is open for a body. A request without one holds
    nothing of the user's, and is sent without a passage too.
    """
    destination = _destination(url)
    if (passage := _PASSAGE.get()) is not None:
        return await passage.prepare(destination, body)
    if body:
        raise OutboundRefused(f"nothing is sent to {destination}: it was not asked through the outbound gate")
    return None


@contextmanager
def noted(method: str, url: str, body: bytes | None) -> Iterator[Answered]:
    """Note a request that leaves, in the passage that is open for it."""
    if (passage := _PASSAGE.get()) is None:
        yield lambda _: None
        return
    with passage.note(Sending(_destination(url), method, urlsplit(url).path, body or b"")) as answered:
        yield answered


def _destination(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _without_user(proxy: str) -> str:
    parts = urlsplit(proxy)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], path="", query="", fragment="").geturl()
