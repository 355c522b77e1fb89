"""The questions of one run of a plugin: put to a model for it, one at a time, and counted."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from codetune_core.domain.execution import ErrorKind, Message, Usage
from codetune_core.errors import CodeTuneError, ExecutionError, PluginError
from codetune_core.plugins.frames import Answered, AskFailed, AskModel, Order, Piece
from codetune_core.plugins.protocol import Ask, Question

_LOG = logging.getLogger(__name__)


class Asking:
    """Answers what a plugin asks; while a model answers, the clock of the run stands still.

    Attributes:
        usage: tokens of all answers so far.
        models: who answered, each once.
        failure: why the last question was not answered, None where it was.
    """

    def __init__(self, plugin: str, task: str, ask: Ask | None, send: Callable[[Order], None]) -> None:
        self._plugin = plugin
        self._task = task
        self._ask = ask
        self._send = send
        self._running: asyncio.Task[None] | None = None
        self.usage = Usage()
        self.models: tuple[str, ...] = ()
        self.failure: CodeTuneError | None = None

    def begin(self, asked: AskModel, clock: asyncio.Timeout) -> None:
        """Put one question; raises PluginError where one is open."""
        if self._running and not self._running.done():
            raise PluginError(f"{self._plugin} asks a second question before the first is answered")
        left = (clock.when() or 0) - asyncio.get_running_loop().time()
        clock.reschedule(None)
        self._running = asyncio.create_task(self._answer(self._question(asked), clock, left))

    async def aclose(self) -> None:
        """Stop the question that is open."""
        if self._running:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def _answer(self, question: Question, clock: asyncio.Timeout, left: float) -> None:
        frame = await self._answered(question)
        clock.reschedule(asyncio.get_running_loop().time() + left)
        self._send(frame)

    async def _answered(self, question: Question) -> Order:
        if self._ask is None:
            message = f"{self._plugin} does not declare the capability 'model', so it is lent none"
            return AskFailed(kind=ErrorKind.REFUSED, message=message)
        self.failure = None
        try:
            answered = await self._ask(question, lambda text: self._send(Piece(text=text)))
        except CodeTuneError as error:
            self.failure = error
            kind = ErrorKind(error.kind) if isinstance(error, ExecutionError) else ErrorKind.INTERNAL
            return AskFailed(kind=kind, message=str(error))
        except Exception as error:  # noqa: BLE001 - the plugin waits for an answer whatever happens
            _LOG.warning("a model could not answer the plugin %s: %s", self._plugin, type(error).__qualname__)
            return AskFailed(kind=ErrorKind.INTERNAL, message=f"an unexpected error ({type(error).__name__})")
        self._count(answered.usage, answered.model)
        return Answered(
            prompt_tokens=answered.usage.prompt_tokens,
            completion_tokens=answered.usage.completion_tokens,
            cached_prompt_tokens=answered.usage.cached_prompt_tokens,
            model=answered.model,
            finish_reason=answered.finish_reason,
        )

    def _count(self, usage: Usage, model: str) -> None:
        self.usage = Usage(
            self.usage.prompt_tokens + usage.prompt_tokens,
            self.usage.completion_tokens + usage.completion_tokens,
            self.usage.cached_prompt_tokens + usage.cached_prompt_tokens,
        )
        self.models = tuple(dict.fromkeys((*self.models, model)))

    def _question(self, asked: AskModel) -> Question:
        return Question(
            plugin=self._plugin,
            task=self._task,
            messages=tuple(Message(turn.role, turn.content) for turn in asked.messages),
            prefix=asked.prefix,
            suffix=asked.suffix,
            model=asked.model,
            max_tokens=asked.max_tokens,
            temperature=asked.temperature,
            stop=asked.stop,
            seed=asked.seed,
        )
