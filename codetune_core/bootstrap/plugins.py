"""The plugins over the engine that is set: what they ask a model is recorded and paid like every execution."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from codetune_core.bootstrap.core import Core
from codetune_core.domain.execution import ErrorKind, Execution, ExecutionRequest, Role, Task, Usage
from codetune_core.domain.prompt import Decoding
from codetune_core.engines.protocol import Done, Generation, Infill, may_answer, prices_of
from codetune_core.engines.stream import stream
from codetune_core.errors import BudgetSpent
from codetune_core.execution.progress import Progress
from codetune_core.history.budget import Budget
from codetune_core.history.prices import Price, Prices
from codetune_core.outbound.origin import Origin, asked_for
from codetune_core.plugins.discover import discover
from codetune_core.plugins.host import PluginHost
from codetune_core.plugins.process import Limits
from codetune_core.plugins.protocol import Answered, Ask, Question
from codetune_core.prompts.fit import TOKENS_PER_MESSAGE
from codetune_core.settings import Settings

_TASKS: Mapping[str, Task] = {
    **{task.value: task for task in Task},
    "analyze": Task.REVIEW,
    "security": Task.REVIEW,
}
"""Tasks of plugins as the history knows them; any other is a question."""

_UNBILLED = {ErrorKind.OVERLOADED, ErrorKind.REFUSED, ErrorKind.CONTEXT_TOO_LONG}
"""Who turns a question away before the first token did no work."""


def plugin_host(settings: Settings, workspace: Path | None, *, trusted: bool, ask: Ask | None = None) -> PluginHost:
    """Return the host of every plugin that is found; without ``ask`` they are lent no model."""
    limits = Limits(settings.plugins.timeout_seconds, settings.plugins.memory_megabytes * 1_000_000)
    return PluginHost(lambda: discover(settings, workspace, trusted=trusted), limits, ask)


class RecordedAsk:
    """Puts questions to the engine of a core; each is an execution of its own in the history.

    Raises what the engine raises, and BudgetSpent.
    """

    def __init__(self, core: Core, *, user_id: str = "", workspace: str = "") -> None:
        self._core = core
        self._user_id = user_id
        self._workspace = workspace
        self._prices = Prices(core.settings.budget, told=partial(prices_of, core.engine))
        self._budget = Budget(core.settings.budget)

    async def __call__(self, question: Question, push: Callable[[str], None]) -> Answered:
        """Hand on each piece of the answer; where the budget is spent, ask the model that costs nothing."""
        try:
            return await self._answer(question, push)
        except BudgetSpent:
            asked = question.model or self._core.settings.engine.model
            if (fallback := self._budget.fallback(asked)) is None:
                raise
            return await self._answer(replace(question, model=fallback), push)

    async def _answer(self, question: Question, push: Callable[[str], None]) -> Answered:
        run = _Run(question, Progress(request := self._request(question)))
        try:
            with asked_for(replace(Origin.of(request, run.progress.execution.id), prompt=question.plugin)):
                done = await self._generated(run, push)
        except asyncio.CancelledError as cancelled:
            run.progress.cancel(cancelled)
            raise
        except Exception as error:
            run.progress.fail(error)
            raise
        finally:
            await asyncio.shield(self._core.history.end(self._ended(run)))
        return Answered(done.usage, run.model, done.finish_reason)

    async def _generated(self, run: "_Run", push: Callable[[str], None]) -> Done:
        core, asked = self._core, run.question
        seconds, at = core.settings.engine.timeout_seconds, run.progress.execution.executed_at
        generation = await self._generation(asked)
        run.generation, run.prompt_tokens = generation, await asyncio.to_thread(self._tokens, generation)
        run.progress.asks(generation.model, _text(generation), {})
        models, usage = may_answer(core.engine, generation.model), Usage(run.prompt_tokens, asked.max_tokens)
        most = self._prices.most(models, usage, seconds, at)
        await core.history.begin(_priced(run.progress.execution, most))
        run.started = time.perf_counter()

        def hand_on(piece: str) -> None:
            run.pieces.append(run.progress.token(piece).text)
            push(piece)

        run.done = await stream(core.engine, generation, seconds, hand_on)
        run.progress.answered("".join(run.pieces), run.done.finish_reason)
        run.progress.finish()
        return run.done

    async def _generation(self, asked: Question) -> Generation:
        role = Role.of(_TASKS.get(asked.task, Task.ASK))
        model = await self._core.engine.model(asked.model or self._core.settings.engine.model, role)
        infill = None if asked.prefix is None else Infill(asked.prefix, asked.suffix)
        decoding = Decoding(stop=asked.stop, seed=asked.seed)
        return Generation(model, asked.messages, asked.temperature, asked.max_tokens, decoding, infill=infill)

    def _tokens(self, generation: Generation) -> int:
        """Count the prompt's tokens; never too low."""
        margin = TOKENS_PER_MESSAGE * max(1, len(generation.messages))
        return margin + self._core.engine.count_tokens(generation.model, _text(generation))

    def _request(self, asked: Question) -> ExecutionRequest:
        variables = {"plugin": asked.plugin, "task": asked.task}
        task = _TASKS.get(asked.task, Task.ASK)
        return ExecutionRequest(task, "", variables, user_id=self._user_id, workspace=self._workspace)

    def _ended(self, run: "_Run") -> Execution:
        """Return what is recorded in the end; what an engine that broke off did not count is counted here."""
        if run.generation is None or run.started is None:
            return run.progress.execution
        text, milliseconds = "".join(run.pieces), (time.perf_counter() - run.started) * 1000
        written = min(self._core.engine.count_tokens(run.generation.model, text), run.generation.max_tokens)
        usage = run.done.usage if run.done else Usage(run.prompt_tokens, written)
        if not text and run.progress.execution.error_kind in _UNBILLED:
            usage = Usage()
        ended = replace(run.progress.used(usage), output_data=text or None)
        return _priced(ended, self._prices.cost(run.generation.model, usage, milliseconds, ended.executed_at))


@dataclass(slots=True)
class _Run:
    """One question on its way; ``started`` is set once its generation may begin."""

    question: Question
    progress: Progress
    generation: Generation | None = None
    prompt_tokens: int = 0
    started: float | None = None
    done: Done | None = None
    pieces: list[str] = field(default_factory=list)

    @property
    def model(self) -> str:
        """Name of who answered."""
        answered = self.done.model if self.done else None
        return (answered or self.generation.model).name if self.generation else ""


def _text(generation: Generation) -> str:
    if generation.infill:
        return generation.infill.prefix + generation.infill.suffix
    return "\n\n".join(message.content for message in generation.messages)


def _priced(execution: Execution, price: Price | None) -> Execution:
    if price is None:
        return execution
    return replace(execution, estimated_cost_usd=price.usd, price_source=price.source)
