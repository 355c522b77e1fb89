"""All that one execution asks of an engine: a generation, and a second one to repair an answer that does not hold."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from codetune_core.domain.execution import ErrorKind, FinishReason, Message, ModelIdentity, Usage
from codetune_core.domain.fence import mark, unmark
from codetune_core.engines.protocol import Engine, Generation
from codetune_core.engines.stream import stream
from codetune_core.errors import ExecutionError, InvalidOutput

_T = TypeVar("_T")
_REPAIR = "That answer cannot be used: {problem}\nAnswer again, whole and corrected, with nothing before or after it."
_MAX_PROBLEM = 300
_AROUND_TURNS, _REPAIR_TOKENS = 16, 512
"""Tokens: what a chat template adds around two turns, and what the second prompt holds besides the first and the answer
to it, at most."""
_UNBILLED = {ErrorKind.OVERLOADED, ErrorKind.REFUSED, ErrorKind.CONTEXT_TOO_LONG}
"""Who turns a request away before the first token did no work."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One generation, ended or broken off.

    ``model`` is who answered, and ``reason`` why, where it is not the one that was asked; of one that was broken off,
    ``usage`` is counted: never too low, and never more than was reserved.
    """

    text: str
    model: ModelIdentity
    usage: Usage
    milliseconds: float
    finish_reason: FinishReason = "stop"
    reason: str = ""


class Watcher(Protocol):
    """Is told what is written, as it is."""

    def push(self, piece: str) -> None:
        """Take the next piece."""
        ...

    def begin_again(self, problem: str) -> None:
        """Drop the pieces until now, since the answer does not hold: others follow."""
        ...


class Asking:
    """Asks an engine within ``seconds`` altogether; ``prompt_tokens`` are those of the generation's messages.

    ``turns`` are all until now, the one that was broken off too.
    """

    def __init__(self, engine: Engine, generation: Generation, prompt_tokens: int, seconds: float) -> None:
        self._engine, self._seconds = engine, seconds
        self._generation, self._prompt_tokens = generation, prompt_tokens
        self._began = time.perf_counter()
        self.turns: list[Turn] = []

    @property
    def usage(self) -> Usage:
        """Of all turns together."""
        usages = [turn.usage for turn in self.turns]
        return Usage(
            sum(usage.prompt_tokens for usage in usages),
            sum(usage.completion_tokens for usage in usages),
            sum(usage.cached_prompt_tokens for usage in usages),
        )

    async def answer(self, watcher: Watcher, check: Callable[[Turn], _T]) -> _T:
        """Return what ``check`` makes of the answer, or of a second one, where it raises InvalidOutput for the first.

        There is a second one where the answer must fill a schema, was not cut, and leaves time and room for it. Raises
        what the engine raises, EngineTimeout, EngineLost, and what ``check`` raises in the end.
        """
        turn = await self._turn(self._generation, self._prompt_tokens, self._seconds, watcher.push)
        try:
            return check(turn)
        except InvalidOutput as error:
            problem = str(error)[:_MAX_PROBLEM]
            repair = self._repair(turn, problem)
            if repair is None:
                raise
        watcher.begin_again(problem)
        return check(await self._turn(*repair, self._seconds_left, watcher.push))

    def _repair(self, turn: Turn, problem: str) -> tuple[Generation, int] | None:
        asked = self._generation
        if asked.output_schema is None or turn.finish_reason == "length" or self._seconds_left <= 0:
            return None
        # Marked, so that what a model was made to write forges no turn.
        said, request = mark(unmark(turn.text)), _REPAIR.format(problem=mark(problem))
        added = self._written(said) + self._engine.count_tokens(asked.model, request) + _AROUND_TURNS
        tokens = self._prompt_tokens + added
        if added > asked.max_tokens + _REPAIR_TOKENS or tokens + asked.max_tokens > asked.model.context_tokens:
            return None
        return replace(asked, messages=(*asked.messages, Message("assistant", said), Message("user", request))), tokens

    async def _turn(
        self, generation: Generation, prompt_tokens: int, seconds: float, push: Callable[[str], None]
    ) -> Turn:
        began, pieces = time.perf_counter(), list[str]()

        def note(piece: str) -> None:
            pieces.append(piece)
            push(piece)

        try:
            done = await stream(self._engine, generation, seconds, note)
        except BaseException as error:
            text = "".join(pieces)
            usage = Usage() if _unbilled(error) and not text else Usage(prompt_tokens, self._written(text))
            self.turns.append(Turn(text, generation.model, usage, _milliseconds_since(began)))
            raise
        model = done.model or generation.model
        turn = Turn("".join(pieces), model, done.usage, _milliseconds_since(began), done.finish_reason, done.reason)
        self.turns.append(turn)
        return turn

    def _written(self, text: str) -> int:
        return min(self._engine.count_tokens(self._generation.model, text), self._generation.max_tokens)

    @property
    def _seconds_left(self) -> float:
        return self._seconds - (time.perf_counter() - self._began)


def most(generation: Generation, prompt_tokens: int) -> Usage:
    """Return the most tokens that it can take to answer, a repair included."""
    if generation.output_schema is None:
        return Usage(prompt_tokens, generation.max_tokens)
    repair = prompt_tokens + generation.max_tokens + _REPAIR_TOKENS
    return Usage(prompt_tokens + repair, 2 * generation.max_tokens)


def _unbilled(error: BaseException) -> bool:
    return isinstance(error, ExecutionError) and error.kind in _UNBILLED


def _milliseconds_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
