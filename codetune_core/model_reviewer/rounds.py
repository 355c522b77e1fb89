"""The questions of each review, some at once; what several reviews ask is asked once, and a newer one takes it over."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass

from codetune_core.execution.protocol import Executor
from codetune_core.model_reviewer.asking import Unanswered, ask
from codetune_core.model_reviewer.question import Asker, Question
from codetune_core.model_reviewer.reading import Unit
from codetune_core.model_reviewer.verdicts import Answers

Holds = Callable[[Unit], bool]
"""Says whether the code of a unit still is what it was when it was read."""
Answer = Answers | Unanswered | None
"""What comes of a question; None where its code has changed meanwhile."""
_Task = asyncio.Task[Answers | Unanswered]


@dataclass(slots=True)
class _Flight:
    task: _Task
    listeners: int = 1


class Flights:
    """Questions under way, by document and key."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._flights: dict[tuple[str, str], _Flight] = {}

    def join(self, uri: str, question: Question) -> _Task | None:
        """Wait for a question that is under way too; None where it is not."""
        flight = self._flights.get((uri, question.key))
        if flight:
            flight.listeners += 1
        return flight.task if flight else None

    def begin(self, uri: str, question: Question, asker: Asker) -> _Task:
        """Ask, or join where somebody has."""
        if joined := self.join(uri, question):
            return joined
        task = asyncio.create_task(ask(self._executor, question, asker))
        self._flights[uri, question.key] = _Flight(task)
        return task

    def leave(self, uri: str, question: Question) -> None:
        """Wait no more; what nobody waits for is cancelled and forgotten."""
        flight = self._flights[uri, question.key]
        flight.listeners -= 1
        if not flight.listeners:
            del self._flights[uri, question.key]
            flight.task.cancel()

    def drop(self, uri: str, question: Question) -> None:
        """Cancel, unless somebody else waits."""
        if (flight := self._flights.get((uri, question.key))) and flight.listeners == 1:
            flight.task.cancel()


class Round:
    """The questions of one review; those that are under way are taken over at once."""

    def __init__(self, flights: Flights, uri: str, asked: Iterable[Question], asker: Asker, holds: Holds) -> None:
        self._flights = flights
        self._uri = uri
        self._asker = asker
        self._holds = holds
        self._running: dict[_Task, Question] = {}
        self._waiting = [question for question in asked if not self._takes_over(question)]
        self._waiting.reverse()

    async def answers(self, parallel: int) -> AsyncGenerator[tuple[Question, Answer]]:
        """Yield answers as they come, ``parallel`` questions at once; after a hopeless one no other is begun."""
        while self._waiting or self._running:
            while self._waiting and len(self._running) < max(parallel, 1):
                question = self._waiting.pop()
                if self._holds(question.unit):
                    self._running[self._flights.begin(self._uri, question, self._asker)] = question
                else:
                    yield question, None
            if not self._running:
                return
            done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in self._running if task in done]:
                question = self._running.pop(task)
                self._flights.leave(self._uri, question)
                answer = None if task.cancelled() or not self._holds(question.unit) else task.result()
                yield question, answer
                if isinstance(answer, Unanswered) and answer.hopeless:
                    for left in reversed(self._waiting):
                        yield left, answer
                    self._waiting.clear()

    def recheck(self) -> None:
        """Cancel what is asked about code that has changed since."""
        for question in self._running.values():
            if not self._holds(question.unit):
                self._flights.drop(self._uri, question)

    async def aclose(self) -> None:
        """Wait for nothing more; what nobody else waits for is cancelled."""
        for question in self._running.values():
            self._flights.leave(self._uri, question)
        ending = [task for task in self._running if task.cancelling()]
        self._running.clear()
        await asyncio.gather(*ending, return_exceptions=True)

    def _takes_over(self, question: Question) -> bool:
        task = self._flights.join(self._uri, question)
        if task:
            self._running[task] = question
        return task is not None
