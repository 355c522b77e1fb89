"""The engine ``fallback``: a chain of engines, each behind a circuit breaker; the first that can answers."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Self, TypeVar

from codetune_core.domain.execution import ModelIdentity, Role
from codetune_core.engines.fallback.breaker import Permit
from codetune_core.engines.fallback.chain import Link, LinkState, links
from codetune_core.engines.fallback.failures import Failure, PassedOn, together
from codetune_core.engines.fallback.retry import Retry, is_of_this_engine, may_another_answer, retry_after
from codetune_core.engines.fallback.unnamed import Unnamed, unnamed
from codetune_core.engines.protocol import (
    Chunk,
    Done,
    Generation,
    InfillingEngine,
    PricedEngine,
    ReplacingEngine,
    fills_in,
    prices_of,
)
from codetune_core.errors import (
    ContextTooLong,
    EngineLost,
    EngineOverloaded,
    EngineRefused,
    EngineTimeout,
    EngineUnusable,
    ExecutionCancelled,
    OutboundRefused,
)
from codetune_core.models.choose import wanted
from codetune_core.sections import EngineSettings, ModelPrice
from codetune_core.settings import Settings

_T = TypeVar("_T")

_CHARS_PER_TOKEN = 2
"""Where no engine has been asked yet; the count must never be too low."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What time is, in seconds, how it passes, and what chance draws, from 0 to 1."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    draw: Callable[[], float] = random.random


@dataclass(slots=True)
class _Course:
    """A request on its way along the chain.

    Attributes:
        until: when it must be answered.
        links_left: how many engines may still be asked, with the one that is asked now.
        is_special: whether it wants what a well engine may lack: a model by name, or infill.
        failures: of those that did not answer.
        shown: whether the answer began to be handed on.
        asked: the model that is asked now.
        too_short: the longest context, in tokens, that was too short.
    """

    until: float
    links_left: int
    is_special: bool
    failures: list[Failure] = field(default_factory=list)
    shown: bool = False
    asked: ModelIdentity | None = None
    too_short: int = 0


class FallbackEngine(PricedEngine, ReplacingEngine, InfillingEngine):
    """Asks one engine after the other; all requests of the process share what is known of each.

    Once a piece of an answer was handed on, nobody else goes on with it: the failure is the caller's to see. A model
    that is asked for by name is never replaced by another: engines that do not have it are passed over. Where none is
    named, each engine uses its own.
    """

    def __init__(
        self,
        chain: tuple[Link, ...],
        seconds: float,
        retry: Retry = Retry(),  # noqa: B008 - frozen
        clock: Clock = Clock(),
        wanted: Callable[[Role], str] = lambda _: "",
    ) -> None:
        """``wanted`` says the name that the settings give the model of a role, empty for none."""
        self._chain = chain
        self._seconds = seconds
        self._retry = retry
        self._clock = clock
        self._wanted = wanted

    @classmethod
    def from_settings(cls, settings: EngineSettings, everything: Settings) -> Self:
        """Build the engines of the chain; raises SettingsError."""
        wanted_by = partial(wanted, settings=everything)
        return cls(links(settings.chain, everything), settings.timeout_seconds, wanted=wanted_by)

    def states(self) -> tuple[LinkState, ...]:
        """Return how each engine stands, in the order of the chain."""
        return tuple(
            LinkState(link.name, link.breaker.state, link.breaker.last_error, link.breaker.seconds_open)
            for link in self._chain
        )

    async def generate(self, generation: Generation) -> AsyncGenerator[Chunk | Done]:
        named = not isinstance(generation.model, Unnamed)
        course = self._course(is_special=named or generation.infill is not None)
        for link in self._to_ask(course):
            async with aclosing(self._ask(link, generation, course)) as answer:
                async for item in answer:
                    yield item
                    if isinstance(item, Done):
                        return
        raise together(course.failures)

    async def model(self, name: str, role: Role = Role.GENERATION) -> ModelIdentity:
        """Describe what the first engine uses that can be asked now."""
        course = self._course(is_special=bool(name) or role is Role.COMPLETION)
        for link in self._to_ask(course):
            try:
                with _admitted(link) as permit:
                    identity = await self._guarded(self._identify(link, name, role, course), permit, course)
            except PassedOn as passed:
                course.failures.append(Failure(link.name, passed.error))
                continue
            return identity if name else unnamed(identity, role)
        raise together(course.failures)

    async def fills_in(self, model: ModelIdentity) -> bool:
        """Say so of the engine whose model it is; where another one answers that does not, it is passed over."""
        link = next((link for link in self._chain if link.identity == model), None)
        return link is not None and await fills_in(link.engine, model)

    def count_tokens(self, model: ModelIdentity, text: str) -> int:  # noqa: ARG002 - any of them may answer
        """Length of a text for the engine that needs the most tokens, of those that have been asked."""
        counts = [link.engine.count_tokens(link.identity, text) for link in self._chain if link.identity]
        return max(counts, default=-(-len(text.encode("utf-8", "surrogatepass")) // _CHARS_PER_TOKEN))

    def may_answer(self, model: ModelIdentity) -> tuple[ModelIdentity, ...]:
        return tuple(dict.fromkeys([model, *(each for link in self._chain for each in self._models(link, model))]))

    def _models(self, link: Link, model: ModelIdentity) -> Iterator[ModelIdentity]:
        """Yield what an engine may answer with: what it was asked for before, and by its settings, which ask nobody."""
        known = link.identity
        if isinstance(link.engine, ReplacingEngine):
            yield from link.engine.may_answer(model)
            return
        name = model.name
        if isinstance(model, Unnamed):
            name = link.settings.model or self._wanted(model.role)
            yield from [known] if known else []
        if name:
            yield ModelIdentity(name, known.engine if known else link.settings.name, model.context_tokens)

    def prices(self) -> tuple[ModelPrice, ...]:
        return tuple(price for link in self._chain for price in prices_of(link.engine))

    async def aclose(self) -> None:
        for link in self._chain:
            await link.engine.aclose()

    def _course(self, *, is_special: bool) -> _Course:
        return _Course(self._clock.now() + self._seconds, len(self._chain), is_special)

    def _to_ask(self, course: _Course) -> Iterator[Link]:
        """Yield one engine after the other, as long as there is time; raises EngineTimeout."""
        for index, link in enumerate(self._chain):
            if self._clock.now() >= course.until:
                told = f"no engine of the chain answered within {self._seconds:g} seconds (engine.timeout_seconds)"
                raise EngineTimeout(f"{told}. {'; '.join(map(str, course.failures))}")
            course.links_left = len(self._chain) - index
            yield link

    async def _ask(self, link: Link, generation: Generation, course: _Course) -> AsyncGenerator[Chunk | Done]:
        """Yield the engine's answer; nothing where the next one is to be asked."""
        attempt = 0
        while True:
            attempt += 1
            try:
                async with aclosing(self._attempt(link, generation, course)) as answer:
                    async for item in answer:
                        yield item
            except PassedOn as passed:
                pause = self._retry.pause(attempt, passed.error, self._clock.draw) if passed.again else None
                if pause is None or pause >= course.until - self._clock.now():
                    course.failures.append(Failure(link.name, passed.error))
                    return
            else:
                return
            await self._clock.sleep(pause)

    async def _attempt(self, link: Link, generation: Generation, course: _Course) -> AsyncGenerator[Chunk | Done]:
        """Yield the engine's answer; raises PassedOn where another may be given instead."""
        with _admitted(link) as permit:
            mine = await self._guarded(self._mine(link, generation, course), permit, course)
            first = self._clock.now() + self._share(link, course)
            async with aclosing(link.engine.generate(mine)) as items:
                while True:
                    until = course.until if course.shown else first
                    item = await self._guarded(self._next(items, until), permit, course)
                    if not course.shown and (isinstance(item, Done) or item.text):
                        course.shown = True
                        permit.succeeded()
                    if isinstance(item, Done):
                        yield _signed(item, link, mine.model, course)
                        return
                    yield item

    async def _guarded(self, answer: Awaitable[_T], permit: Permit, course: _Course) -> _T:
        """Tell the breaker how it went; raises PassedOn where another engine may answer."""
        try:
            return await answer
        except PassedOn:
            raise
        except Exception as error:
            _tell(permit, error, course)
            if isinstance(error, ContextTooLong) and course.asked:
                course.too_short = max(course.too_short, course.asked.context_tokens)
            if course.shown or not may_another_answer(error):
                raise
            raise PassedOn(error) from error

    async def _mine(self, link: Link, generation: Generation, course: _Course) -> Generation:
        """Return what this engine is asked for, with its own model where none was named."""
        asked = generation.model
        if isinstance(asked, Unnamed):
            own = await self._identify(link, "", asked.role, course)
        else:
            own = await self._identify(link, asked.name, _role(generation), course)
        if own.context_tokens <= course.too_short:
            raise PassedOn(ContextTooLong(f"its context of {own.context_tokens} tokens is too short as well"))
        course.asked = own
        return replace(generation, model=own)

    async def _identify(self, link: Link, name: str, role: Role, course: _Course) -> ModelIdentity:
        try:
            async with asyncio.timeout(self._share(link, course)):
                link.identity = identity = await link.engine.model(name or link.settings.model, role)
        except TimeoutError as error:
            raise EngineTimeout("it did not say in time what it runs") from error
        except EngineRefused as error:
            raise PassedOn(error) if name else error from error
        return identity

    async def _next(self, items: AsyncGenerator[Chunk | Done], until: float) -> Chunk | Done:
        try:
            async with asyncio.timeout(until - self._clock.now()):
                item = await anext(items, None)
        except TimeoutError as error:
            raise EngineTimeout("it did not answer in time") from error
        if item is None:
            raise EngineLost("it hung up before its answer was complete")
        return item

    def _share(self, link: Link, course: _Course) -> float:
        """Seconds for the first piece: the engine's own limit, and no more than leaves as much for each of the rest."""
        return min(link.settings.first_token_seconds, (course.until - self._clock.now()) / course.links_left)


def _admitted(link: Link) -> Permit:
    if permit := link.breaker.admit():
        return permit
    seconds, why = link.breaker.seconds_open, link.breaker.last_error
    told = f"left alone for {seconds:.0f} more seconds" if seconds else "tried by another request just now"
    raise PassedOn(EngineOverloaded(f"{told}, because: {why}", seconds), again=False)


def _tell(permit: Permit, error: Exception, course: _Course) -> None:
    """Tell the breaker what an error says of its engine: it is ill, it is well, or nothing."""
    if isinstance(error, ExecutionCancelled | OutboundRefused) or (
        isinstance(error, EngineUnusable) and course.is_special
    ):
        return
    if is_of_this_engine(error):
        permit.failed(str(error) or type(error).__name__, retry_after(error))
    else:
        permit.succeeded()


def _role(generation: Generation) -> Role:
    return Role.COMPLETION if generation.infill else Role.GENERATION


def _signed(done: Done, link: Link, model: ModelIdentity, course: _Course) -> Done:
    """Say who answered, and why it was not an earlier one."""
    why = f"{link.name} answered: {'; '.join(map(str, course.failures))}" if course.failures else ""
    return replace(done, model=done.model or model, reason="; ".join(filter(None, (why, done.reason))))
