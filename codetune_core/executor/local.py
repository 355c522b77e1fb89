"""The executor's recipe: choose the version -> render -> cache -> engine -> record."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from functools import partial
from itertools import count
from uuid import UUID

from codetune_core.domain.execution import Execution, ExecutionRequest, Feedback, Role, Usage
from codetune_core.domain.faults import log_fault
from codetune_core.engines.asking import Asking, most
from codetune_core.engines.protocol import Engine, fills_in, may_answer, prices_of
from codetune_core.errors import BudgetSpent, InvalidOutput
from codetune_core.execution.answers import Answers
from codetune_core.execution.background import Background
from codetune_core.execution.events import Event, FromCache, Repairing
from codetune_core.execution.progress import Progress
from codetune_core.execution.protocol import CacheKey
from codetune_core.execution.single_flight import Flight, Flights
from codetune_core.executor.begun import refusal, unless_refused
from codetune_core.executor.infill import can_be_infill
from codetune_core.executor.question import Questions
from codetune_core.executor.run import Answer, Question, Run
from codetune_core.history.budget import Budget, fell_back, uncounted
from codetune_core.history.history import History
from codetune_core.history.keep import keep_of
from codetune_core.history.prices import Price, Prices, together
from codetune_core.outbound.origin import Origin, asked_for
from codetune_core.prompts.answer import readable, readable_pieces
from codetune_core.prompts.library import Choice, PromptLibrary
from codetune_core.settings import Settings

_LOG = logging.getLogger(__name__)


class LocalExecutor:
    """Runs executions in this process; close it when done.

    Whatever fails is the stream's last event and recorded once; a prompt that is not there is ``invalid_input``. What
    fails before its generation may begin comes without ``Started``. An execution that is cancelled while others watch
    its generation is recorded when that ends, because it is the one that pays for it.
    """

    def __init__(
        self, library: PromptLibrary, engine: Engine, answers: Answers, history: History, settings: Settings
    ) -> None:
        self._library = library
        self._engine = engine
        self._answers = answers
        self._history = history
        self._settings = settings
        self._prices = Prices(settings.budget, told=partial(prices_of, engine))
        self._budget = Budget(settings.budget)
        self._questions = Questions(engine)
        self._flights: Flights[Answer] = Flights()
        self._background = Background()

    async def execute(self, request: ExecutionRequest) -> AsyncGenerator[Event]:
        run = Run(request, Progress(request))
        try:
            async with aclosing(self._answer(run)) as events:
                async for event in events:
                    yield event
            last: Event = run.progress.finish()
        except (GeneratorExit, asyncio.CancelledError) as cancelled:
            run.progress.cancel(cancelled)
            recorded = self._recorded(run)
            if recorded and not run.pays_still:
                await asyncio.shield(recorded)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the stream and is recorded
            last = run.progress.fail(error)
        recorded = self._recorded(run)
        try:
            yield last
        finally:
            if recorded:
                await asyncio.shield(recorded)

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        return await self._history.rate(execution_id, feedback)

    async def aclose(self) -> None:
        """Stop what runs, and wait until all of it is recorded."""
        await self._flights.aclose()
        await self._background.finished()
        await self._history.flush()
        await self._answers.aclose()

    async def _answer(self, run: Run) -> AsyncGenerator[Event]:
        request = run.request
        choice = await self._library.choose(
            request.prompt, label=request.label, version=request.version, session_id=request.session_id
        )
        run.progress.chose(choice.prompt.id, choice.version.id, choice.experiment_id, choice.experiment_arm)
        async with AsyncExitStack() as stack:
            question, flight = await self._ask(run, choice, stack)
            yield run.progress.started(
                request.prompt,
                choice.version.number,
                question.rendered.cut,
                question.notices,
                structured=question.generation.output_schema is not None,
            )
            if run.progress.from_cache:
                yield FromCache()
            async with aclosing(_written(run.progress, flight)) as events:
                async for event in events:
                    yield event
        answer = flight.result()
        if answer.model or answer.reason:
            run.progress.answered_by(answer.model or question.generation.model, answer.reason)
        price = self._price(question, run.asking, run.progress.execution)
        yield run.progress.counted(answer.usage, price.usd if price else None)
        run.progress.answered(answer.output, answer.finish_reason)

    async def _ask(self, run: Run, choice: Choice, stack: AsyncExitStack) -> tuple[Question, Flight[Answer]]:
        """Find, join or start what answers; where the budget is spent, ask the model that costs nothing."""
        model, notices = run.request.model or self._settings.engine.model, tuple[str, ...]()
        while True:
            question = run.question = await self._question(run, choice, model, notices)
            shared = None if question.refusal or run.request.fresh else question.fingerprint.key
            if shared and (remembered := await self._remembered(shared, question)):
                run.progress.shares()
                run.flight = Flight.over(remembered.text, remembered)
                return question, run.flight
            joined = self._flights.join(shared, partial(self._generate, run, question))
            flight, run.leads = await stack.enter_async_context(joined)
            run.flight = flight
            run.progress.shares(shared=not run.leads)
            try:
                await flight.opened()
            except BudgetSpent:
                if not run.leads:  # it was another's budget
                    continue
                asked = question.generation.model.name
                if (fallback := self._budget.fallback(asked)) is None:
                    raise
                model, notices = fallback, (fell_back(asked, fallback),)
            else:
                return question, flight

    async def _question(self, run: Run, choice: Choice, model_name: str, notices: tuple[str, ...]) -> Question:
        request, wording = run.request, choice.version.wording
        with asked_for(Origin.of(request, run.progress.id)):
            model = await self._engine.model(model_name, Role.of(request.task))
            as_infill = can_be_infill(request, wording) and await fills_in(self._engine, model)
        keep = keep_of(self._settings.history, request.task, request.workspace)
        refusal = self._answers.refusal(temperature=wording.temperature, seed=wording.decoding.seed, keep=keep)
        asked = await self._questions.asked(choice, request, model, as_infill=as_infill, may_know=not refusal)
        run.progress.asks(model, asked.text, {**asked.recorded, "fresh": request.fresh})
        question = Question(asked.generation, asked.rendered, asked.fingerprint, refusal, notices)
        if self._is_limited(run) and not self._most(run, question):
            return replace(question, notices=(*notices, uncounted(model.name)))
        return question

    def _is_limited(self, run: Run) -> bool:
        """Tell whether a budget may stop it when it begins."""
        return bool(self._budget.limits(run.request.user_id, run.progress.executed_at))

    def _most(self, run: Run, question: Question) -> Price | None:
        """Return the most that it can cost to answer."""
        generation, at = question.generation, run.progress.executed_at
        models = may_answer(self._engine, generation.model)
        usage = most(generation, question.rendered.prompt_tokens)
        return self._prices.most(models, usage, self._settings.engine.timeout_seconds, at)

    async def _generate(self, run: Run, question: Question, flight: Flight[Answer]) -> None:
        """Answer all who watch the flight; ``run`` is the execution that started it."""
        begun = await self._begin(run, question)
        flight.open()
        seconds = self._settings.engine.timeout_seconds
        run.asking = Asking(self._engine, question.generation, question.rendered.prompt_tokens, seconds)
        with asked_for(Origin.of(run.request, run.progress.id)):
            async with unless_refused(begun):
                answer = await run.asking.answer(flight, question.checked)
        answer = replace(answer, usage=run.asking.usage)
        if self._why_not_stored(question, answer):
            flight.finish(answer)
            return
        run.stored_until = self._answers.expiry()
        flight.finish(answer)
        await self._answers.remember(question.fingerprint.key, answer.remembered(), run.stored_until)

    async def _remembered(self, key: CacheKey, question: Question) -> Answer | None:
        if (found := await self._answers.find(key)) is None:
            return None
        try:
            output = question.parsed(found.output)
        except InvalidOutput:  # a check became stricter since
            return None
        return Answer(found.output, output, Usage(found.prompt_tokens, found.completion_tokens), "stop")

    async def _begin(self, run: Run, question: Question) -> "asyncio.Task[None]":
        """Record that it runs, with the most that it can cost; raises BudgetSpent, and waits only where that may be."""
        begun = _priced(run.progress.execution, self._most(run, question))
        run.begun = self._background.begin(self._history.begin(begun))
        if self._is_limited(run):
            await asyncio.shield(run.begun)
        return run.begun

    def _recorded(self, run: Run) -> "asyncio.Task[None] | None":
        """Record how it ended: a moment later where nothing of it began or cost anything, else in a task."""
        if run.begun is None and run.progress.from_cache:
            self._history.end_soon(partial(self._ended, run))
            return None
        return self._background.begin(self._record(run))

    async def _record(self, run: Run) -> None:
        try:
            if run.flight and run.leads:
                await run.flight.ended()
            ended = self._ended(run)
            if run.begun:
                await asyncio.gather(run.begun, return_exceptions=True)
                if refusal(run.begun):  # another execution has its id
                    return
            await self._history.end(ended)
            if run.flight and run.leads:  # so that who runs only so many at a time bounds what waits to be written
                await run.flight.left()
        except Exception as error:  # noqa: BLE001 - an answer is not taken back because it could not be recorded
            log_fault(_LOG, f"execution {run.progress.id} could not be recorded", error)

    def _ended(self, run: Run) -> Execution:
        """Return what is recorded in the end."""
        known, question = run.progress.execution, run.question
        if question is None or run.flight is None:
            return known
        if run.asking:
            known = run.progress.used(run.asking.usage)
        noted: dict[str, str | int] = {"not_stored": self._why_not_stored(question, run.flight.landed)}
        if run.stored_until:
            noted["stored_until"] = run.stored_until.isoformat(timespec="seconds")
        if run.flight.problems:
            noted["repairs"] = len(run.flight.problems)
        if (answer := run.flight.landed) and answer.reason:
            noted["answered_because"] = answer.reason
        written = replace(known, output_data=run.flight.so_far or None, cache_key={**known.cache_key, **noted})
        return _priced(written, self._price(question, run.asking, known))

    def _price(self, question: Question, asking: Asking | None, known: Execution) -> Price | None:
        """Return what all turns cost together."""
        at, turns = known.executed_at, asking.turns if asking else []
        if not turns:
            return self._prices.cost(question.generation.model, Usage(), 0, at, from_cache=known.from_cache)
        return together([self._prices.cost(turn.model, turn.usage, turn.milliseconds, at) for turn in turns])

    def _why_not_stored(self, question: Question, answer: Answer | None) -> str:
        if question.refusal or answer is None:
            return question.refusal or "there was no complete answer"
        if answer.model:
            return f"{answer.model.name} of {answer.model.engine} answered instead"
        return self._answers.flaw(answer.text, answer.finish_reason)


def _priced(execution: Execution, price: Price | None) -> Execution:
    if price is None:
        return execution
    return replace(execution, estimated_cost_usd=price.usd, price_source=price.source)


async def _written(progress: Progress, flight: Flight[Answer]) -> AsyncGenerator[Event]:
    """Yield what is written as it comes, and where it begins again; at once what was remembered."""
    if flight.landed and not flight.problems:
        if text := readable(flight.so_far):
            yield progress.token(text)
        return
    for number in count(len(flight.problems)):
        async with aclosing(flight.pieces(number)) as written, aclosing(readable_pieces(written)) as pieces:
            async for piece in pieces:
                yield progress.token(piece)
        if number == len(flight.problems):
            return
        yield Repairing(problem=flight.problems[number])
