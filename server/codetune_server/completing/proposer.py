"""Answers requests for completions: from what is known, by what is being written, or by asking a model."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from itertools import count

from codetune_core.completion.completions import Ask, Completions, Hit, Wait
from codetune_core.completion.context import context
from codetune_core.completion.place import Place
from codetune_core.completion.reuse import Flight
from codetune_core.domain.document import Document
from codetune_core.domain.execution import ErrorKind
from codetune_core.execution.events import Event, Failed, Finished, Started, Token
from codetune_core.execution.protocol import Executor
from codetune_server.completing.rests import Rests
from codetune_server.completing.running import Running
from codetune_server.completing.spot import Spot, Told

logger = logging.getLogger(__name__)
NOTHING = Hit("")
_CONTEXT_SECONDS = 0.15
"""So long before a model is asked, other documents begin to be looked through; those that take longer than this beyond
it are left out."""
_NEXT_REQUEST_SECONDS = 0.5
"""Editors cancel a request when its user types on, and ask anew after their own pause."""


class Proposer:
    """One editor's completions; the newest request holds, and whoever asked before is answered with nothing.

    Args:
        executor: who runs executions.
        present: the text that a document has now.
        tell: gets the kind and the message of what failed.
    """

    def __init__(
        self,
        executor: Callable[[], Awaitable[Executor]],
        present: Callable[[str], Document | None],
        tell: Callable[[ErrorKind, str], None],
    ) -> None:
        self._executor, self._present, self._tell = executor, present, tell
        self._completions = Completions()
        self._running: dict[Flight, Running] = {}
        self._newer = asyncio.Event()
        self._numbers = count(1)
        self._newest = 0
        self._rests = Rests()

    def number(self) -> int:
        """Number a request, when it comes."""
        return next(self._numbers)

    async def propose(self, spot: Spot, number: int) -> Hit:
        """Return what may be inserted; being cancelled ends an answer that nobody else waits for."""
        if number < self._newest:
            return NOTHING
        newer = self._supersede(number)
        while not newer.is_set():
            advice = self._completions.ask(spot.document, spot.position, _now(), spot.others, invoked=spot.invoked)
            if isinstance(advice, Hit):
                return advice
            if isinstance(advice, Wait):
                await self._waited(self._running[advice.flight], Place.of(spot.document, spot.position), newer)
                continue
            if running := await self._asked(spot, advice, newer):
                await self._waited(running, advice.place, newer)
                return NOTHING if newer.is_set() else self._completions.known(advice.place) or NOTHING
            break
        return NOTHING

    async def aclose(self) -> None:
        """Stop what runs."""
        tasks = [running.task for running in self._running.values() if running.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _supersede(self, number: int) -> asyncio.Event:
        """Answer whoever waits with nothing; returns what is set when that happens to this request."""
        self._newer.set()
        self._newest, self._newer = number, asyncio.Event()
        return self._newer

    async def _asked(self, spot: Spot, ask: Ask, newer: asyncio.Event) -> Running | None:
        """Begin to ask a model, unless another keystroke comes meanwhile."""
        if ask.cancel:
            self._stop(self._running[ask.cancel])
        if self._rests.holds(ask.place.uri, _now()) and not spot.invoked:
            return None
        if await _is_set_within(newer, ask.delay - _CONTEXT_SECONDS):
            return None
        reading = asyncio.create_task(asyncio.to_thread(spot.told, ask.place, ask.budget))
        reading.add_done_callback(_noted)  # also where nobody waits for it any more
        if await _is_set_within(newer, min(ask.delay, _CONTEXT_SECONDS)):
            return None
        await asyncio.wait({reading}, timeout=_CONTEXT_SECONDS)
        flight = self._completions.begin(ask, _now())
        if flight is None:
            return None
        return self._run(flight, spot, _read(reading) or Told(context(ask.place, (), ask.budget), (spot.document,)))

    def _run(self, flight: Flight, spot: Spot, told: Told) -> Running:
        running = self._running[flight] = Running(flight, spot.max_lines)
        running.task = asyncio.create_task(self._follow(running, spot, told))
        running.task.add_done_callback(partial(self._over, running))
        return running

    async def _follow(self, running: Running, spot: Spot, told: Told) -> None:
        executor = await self._executor()
        async with aclosing(executor.execute(spot.request(told))) as events:
            async for event in events:
                if self._takes(running, event):
                    break

    def _takes(self, running: Running, event: Event) -> bool:
        """Take note of an event; True where what came is enough."""
        flight = running.flight
        match event:
            case Started(execution_id=number):
                flight.source = str(number)
            case Token(text=text):
                if self._completions.grew(flight, running.within(text)) or running.is_full:
                    self._land(running, truncated=True)
                    return True
                running.look()
            case Finished(finish_reason=reason, output=output):
                flight.text = ""
                flight.text = running.within(output)  # without what was thought before
                self._land(running, truncated=reason == "length" or running.is_full)
            case Failed(kind=kind, message=message):
                self._failed(running, kind, message)
        return False

    def _land(self, running: Running, *, truncated: bool) -> None:
        self._completions.finished(running.flight, _now(), truncated=truncated)
        self._rests.succeeded(running.flight.place.uri)
        running.over.set()

    def _failed(self, running: Running, kind: ErrorKind, message: str) -> None:
        self._rests.failed(running.flight.place.uri, kind, _now())
        self._tell(kind, message)

    def _over(self, running: Running, task: "asyncio.Task[None]") -> None:
        self._running.pop(running.flight, None)
        if not running.over.is_set():
            self._completions.gave_up(running.flight)
            running.over.set()
        if not task.cancelled() and (error := task.exception()):
            self._failed(running, ErrorKind.INTERNAL, type(error).__name__)

    async def _waited(self, running: Running, place: Place, newer: asyncio.Event) -> None:
        """Wait until an answer is over, does not fit any more, or a newer request came."""
        seconds = 0.0
        try:
            with running.awaited(place) as strayed:
                await _first(running.over, strayed, newer)
        except asyncio.CancelledError:
            seconds = _NEXT_REQUEST_SECONDS if self._is_typed_on(running.flight) else 0.0
            raise
        finally:
            if seconds:
                asyncio.get_running_loop().call_later(seconds, self._stop_unwanted, running)
            else:
                self._stop_unwanted(running)

    def _is_typed_on(self, flight: Flight) -> bool:
        """Say whether the document has changed to what the answer may still continue: the next request will say."""
        place, present = flight.place, self._present(flight.place.uri)
        if present is None or len(present.text) <= len(place.before) + len(place.after):
            return False
        end = len(present.text) - len(place.after)
        return flight.may_fit(Place(place.uri, present.text[:end], present.text[end:], place.language))

    def _stop_unwanted(self, running: Running) -> None:
        if not running.is_wanted:
            self._stop(running)

    def _stop(self, running: Running) -> None:
        """End an answer, unless it has come; nobody waits for it any more."""
        if not running.over.is_set():
            self._completions.gave_up(running.flight)
            running.over.set()
            if running.task:
                running.task.cancel()


def _read(reading: "asyncio.Task[Told]") -> Told | None:
    """Return what was read, None where it takes too long or failed."""
    return reading.result() if reading.done() and not reading.exception() else None


def _noted(reading: "asyncio.Task[Told]") -> None:
    if not reading.cancelled() and (error := reading.exception()):
        logger.warning("other documents were left out: %s", type(error).__name__)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of some events is set."""
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    if seconds > 0:
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
    return event.is_set()
