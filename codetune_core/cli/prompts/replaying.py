"""Recorded inputs run again through two versions, by the executor, as every execution is."""

from contextlib import aclosing
from functools import partial

import click

from codetune_core.bootstrap.core import Core
from codetune_core.cli.prompts.lookup import expect_engine
from codetune_core.cli.prompts.options import Reference, who
from codetune_core.domain.canonical import digest
from codetune_core.domain.execution import ErrorKind, Execution, ExecutionRequest, Outcome, Role, Task
from codetune_core.errors import BudgetSpent, PromptError
from codetune_core.execution.events import Failed, Finished, Started
from codetune_core.history.protocol import Filter
from codetune_core.prompts.answer import parse_answer
from codetune_core.prompts.experiments.replay import (
    Answer,
    Case,
    Contender,
    Judge,
    PairedResult,
    equals_accepted,
    fills_schema,
    replay,
)

_PAGE = 200
_ACCEPTED = {Outcome.ACCEPTED, Outcome.KEPT}


async def replayed(core: Core, a: Reference, b: Reference, inputs: int) -> PairedResult:
    """Run the newest recorded inputs of A's prompt through both versions; raises PromptError where none is kept."""
    recorded = await _recorded(core, a, inputs)
    await expect_engine(core.settings, core.engine, Role.of(recorded[0].task) if recorded else Role.GENERATION)
    if not recorded:
        raise PromptError(
            f"no input of {a.name} is kept: `history.keep` must be `full`, and inputs go after `history.content_days`"
        )
    task = recorded[0].task
    cases = [Case(str(each.id), each.input_data or {}, _accepted(each)) for each in recorded]
    contenders = (_contender(core, a, task), _contender(core, b, task))
    return await replay(cases, contenders, await _judge(core, a), progress=partial(_progress, len(cases)))


async def _recorded(core: Core, a: Reference, inputs: int) -> list[Execution]:
    """Return executions whose input is kept, one for each input: the newest, or one that was accepted."""
    where = Filter(prompt_id=(await core.prompts.show(a.name)).id)
    found: dict[str, Execution] = {}
    page = await core.history.page(where, None, _PAGE)
    while page and len(found) < inputs:
        for each in page:
            key = digest(each.input_data)
            if each.input_data is not None and (key not in found or _accepted(each) is not None):
                found[key] = each
        page = await core.history.page(where, page[-1].id, _PAGE)
    return list(found.values())[:inputs]


def _accepted(execution: Execution) -> str | None:
    return execution.output_data if execution.outcome in _ACCEPTED else None


def _contender(core: Core, meant: Reference, task: Task) -> Contender:
    async def run(case: Case) -> Answer:
        request = ExecutionRequest(task, meant.name, case.variables, version=meant.number, user_id=who(), fresh=True)
        return await _answer(core, request)

    async def record(success: bool, milliseconds: float) -> None:  # noqa: FBT001 - Contender's
        await core.prompts.record_test(meant.name, meant.number or 1, success=success, milliseconds=milliseconds)

    return Contender(str(meant), run, record)


async def _answer(core: Core, request: ExecutionRequest) -> Answer:
    started, last = None, None
    async with aclosing(core.local_executor.execute(request)) as events:
        async for event in events:
            started = event if isinstance(event, Started) else started
            last = event
    if isinstance(last, Finished) and started:
        recorded = await core.history.get(started.execution_id)
        return Answer(last.output, last.execution_time_ms, recorded.estimated_cost_usd if recorded else None)
    failed = last if isinstance(last, Failed) else Failed(kind=ErrorKind.INTERNAL, message="it ended without a word")
    if failed.kind is ErrorKind.BUDGET_SPENT:
        raise BudgetSpent(failed.message)
    return Answer(None, error=failed.message)


async def _judge(core: Core, a: Reference) -> Judge:
    schema = (await core.prompts.version(a.name, a.number or 1)).wording.decoding.output_schema
    return fills_schema(partial(parse_answer, output_schema=schema)) if schema else equals_accepted()


def _progress(total: int, finished: int) -> None:
    click.echo(f"\r{finished} of {total} inputs", nl=finished == total, err=True)
