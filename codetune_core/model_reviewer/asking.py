"""Asks an executor both passes of a question, and reads what comes back."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from pydantic import ValidationError

from codetune_core.domain.execution import ErrorKind, ExecutionRequest
from codetune_core.errors import CodeTuneError
from codetune_core.execution.events import Failed, Finished, Started
from codetune_core.execution.protocol import Executor
from codetune_core.model_reviewer.question import Asker, Question
from codetune_core.model_reviewer.verdicts import Answers, Said
from codetune_core.prompts.schemas.claims import Verdicts

_HOPELESS = {ErrorKind.BUDGET_SPENT, ErrorKind.REFUSED}


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Why there is no answer; ``hopeless`` says that other questions would fare no better now."""

    message: str
    hopeless: bool = False


async def ask(executor: Executor, question: Question, asker: Asker) -> Answers | Unanswered:
    """Ask the passes side by side; without the one without comments, nothing that the other says counts."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_one(executor, request)) for request in question.requests(asker)]
    first, last = tasks[0].result(), tasks[-1].result()
    if isinstance(first, Unanswered):
        return first
    ids = tuple(finding.id for finding in question.candidates)
    return Answers(ids, first, None if isinstance(last, Unanswered) else last)


async def _one(executor: Executor, request: ExecutionRequest) -> Said | Unanswered:
    execution_id = model = ""
    try:
        async with aclosing(executor.execute(request)) as events:
            async for event in events:
                match event:
                    case Started():
                        execution_id, model = str(event.execution_id), event.model
                    case Finished():
                        return _read(event.output, event.model or model, execution_id)
                    case Failed():
                        return Unanswered(event.message, event.unavailable or event.kind in _HOPELESS)
    except CodeTuneError as error:
        return Unanswered(str(error))
    return Unanswered("The model's answer broke off.")


def _read(output: str, model: str, execution_id: str) -> Said | Unanswered:
    try:
        return Said(Verdicts.model_validate_json(output), model, execution_id)
    except ValidationError as error:
        return Unanswered(f"The model's answer does not fit its schema: {error.errors()[0]['msg']}.")
