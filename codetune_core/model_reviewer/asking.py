"""Asks an executor both passes of each question, some questions at once, and reads what comes back."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from pydantic import ValidationError

from codetune_core.domain.execution import ErrorKind, ExecutionRequest
from codetune_core.errors import CodeTuneError
from codetune_core.execution.events import Failed, Finished
from codetune_core.execution.protocol import Executor
from codetune_core.model_reviewer.question import Asker, Question
from codetune_core.model_reviewer.verdicts import Answers
from codetune_core.prompts.schemas.claims import Verdicts

_HOPELESS = {ErrorKind.BUDGET_SPENT, ErrorKind.REFUSED}


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Why there is no answer; ``hopeless`` says that other questions would fare no better now."""

    message: str
    hopeless: bool = False


async def ask_all(
    executor: Executor, asked: Sequence[Question], asker: Asker, parallel: int
) -> AsyncGenerator[tuple[Question, Answers | Unanswered]]:
    """Yield answers as they come, ``parallel`` questions at once; after a hopeless one no other is begun.

    Closing the generator cancels what runs.
    """
    waiting, running = list(reversed(asked)), dict[asyncio.Task[Answers | Unanswered], Question]()
    try:
        while waiting or running:
            while waiting and len(running) < max(parallel, 1):
                question = waiting.pop()
                running[asyncio.create_task(_ask(executor, question, asker))] = question
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task in done]:
                question, answer = running.pop(task), task.result()
                yield question, answer
                if isinstance(answer, Unanswered) and answer.hopeless:
                    for left in reversed(waiting):
                        yield left, answer
                    waiting.clear()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _ask(executor: Executor, question: Question, asker: Asker) -> Answers | Unanswered:
    """Ask the passes side by side; without the one without comments, nothing that the other says counts."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_one(executor, request)) for request in question.requests(asker)]
    first, last = tasks[0].result(), tasks[-1].result()
    if isinstance(first, Unanswered):
        return first
    ids = tuple(finding.id for finding in question.candidates)
    return Answers(ids, first, None if isinstance(last, Unanswered) else last)


async def _one(executor: Executor, request: ExecutionRequest) -> Verdicts | Unanswered:
    try:
        async with aclosing(executor.execute(request)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    return _read(event.output)
                if isinstance(event, Failed):
                    return Unanswered(event.message, event.unavailable or event.kind in _HOPELESS)
    except CodeTuneError as error:
        return Unanswered(str(error))
    return Unanswered("The model's answer broke off.")


def _read(output: str) -> Verdicts | Unanswered:
    try:
        return Verdicts.model_validate_json(output)
    except ValidationError as error:
        return Unanswered(f"The model's answer does not fit its schema: {error.errors()[0]['msg']}.")
