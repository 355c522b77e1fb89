"""Experiments from their start to their end, on both databases."""

import asyncio
import datetime as dt
import random

import pytest
from sqlalchemy import insert

from codetune_core.domain.deployment import Action
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.prompt import PromptDraft, Wording
from codetune_core.errors import LedgerMoved
from codetune_core.prompts.experiments.assign import assign
from codetune_core.prompts.experiments.controller import Act, check, check_all
from codetune_core.prompts.library import PromptLibrary
from codetune_core.storage.experiment_results import SqlExperimentResults
from codetune_core.storage.prompt_store import SqlPromptStore
from codetune_core.storage.tables.history import ExecutionRow

NAME, LABEL = "greeting", "production"


@pytest.fixture
def library(database):
    return PromptLibrary(SqlPromptStore(database))


@pytest.fixture
def source(database):
    return SqlExperimentResults(database)


async def start(library, **rules):
    """Two versions and an experiment between them."""
    await library.create(PromptDraft(name=NAME), Wording(user_prompt_template="Hello"), by="ada")
    await library.edit(NAME, Wording(user_prompt_template="Good day"), by="ada")
    return (await library.start_experiment(NAME, {1: 1, 2: 1}, by="ada", **rules)).experiment


async def use(database, library, sessions: int, rates: dict[str, float]) -> None:
    """Let sessions come to the label, each accepting its answer at its version's rate."""
    chance, experiment = random.Random(1), (await library.states(NAME))[LABEL].experiment
    arms = [assign(experiment, f"s{number}") for number in range(sessions)]
    await record(
        database,
        [
            execution(experiment, arm, f"s{number}", accepted=chance.random() < rates[arm.name])
            for number, arm in enumerate(arms)
        ],
    )


async def record(database, executions) -> None:
    async with database.write() as session:
        await session.execute(insert(ExecutionRow), executions)


def execution(experiment, arm, session_id, *, accepted: bool, **other) -> dict:
    return {
        "id": new_id(), "executed_at": dt.datetime(2026, 3, 1, tzinfo=dt.UTC), "task": "review", "keep": "metadata",
        "experiment_id": experiment.id, "experiment_arm": arm.name, "session_id": session_id, "success": True,
        "execution_time_ms": 100.0, "outcome": "accepted" if accepted else "rejected", **other,
    }  # fmt: skip


async def last(library):
    return (await library.ledger(NAME))[-1]


async def test_the_version_that_answers_a_session_is_its_arms(library):
    experiment = await start(library)

    choices = [(number, await library.choose(NAME, session_id=f"s{number}")) for number in range(8)]

    assert {choice.version.number for _, choice in choices} == {1, 2}
    for number, choice in choices:
        arm = assign(experiment, f"s{number}")
        assert (choice.experiment_id, choice.experiment_arm) == (experiment.id, arm.name)
        assert choice.version.id == arm.version_id


async def test_a_better_version_is_promoted_and_the_ledger_says_why(database, library, source):
    experiment = await start(library, automatic=True)
    await use(database, library, 240, {"v1": 0.2, "v2": 0.9})

    looked = await check(NAME, LABEL, experiment, library, source)

    entry = await last(library)
    assert (looked.decision.act, looked.applied) == (Act.PROMOTE, True)
    assert (entry.action, entry.version_number, entry.experiment) == (Action.DEPLOY, 2, None)
    assert entry.reason.startswith("v2 is better than v1: accepted ")
    assert (await library.choose(NAME, session_id="s1")).version.number == 2


async def test_a_worse_version_is_rolled_back_and_the_ledger_says_why(database, library, source):
    experiment = await start(library, automatic=True)
    await use(database, library, 240, {"v1": 0.9, "v2": 0.2})

    looked = await check(NAME, LABEL, experiment, library, source)

    entry = await last(library)
    assert (looked.decision.act, looked.applied) == (Act.ROLL_BACK, True)
    assert (entry.action, entry.version_number, entry.experiment) == (Action.ROLLBACK, 1, None)
    assert entry.reason.startswith("v2 is worse than v1: accepted ")


async def test_an_experiment_that_is_not_automatic_is_only_looked_at(database, library, source):
    experiment = await start(library)
    await use(database, library, 240, {"v1": 0.2, "v2": 0.9})

    looked = await check(NAME, LABEL, experiment, library, source)

    assert (looked.decision.act, looked.applied) == (Act.PROMOTE, False)
    assert (await last(library)).experiment == experiment


async def test_an_open_experiment_keeps_running(database, library, source):
    experiment = await start(library, automatic=True)
    await use(database, library, 120, {"v1": 0.3, "v2": 0.3})

    looked = await check(NAME, LABEL, experiment, library, source)

    assert (looked.decision.act, looked.applied) == (Act.KEEP, False)
    assert (await last(library)).experiment == experiment


async def test_of_many_looks_at_once_one_ends_the_experiment(database, library, source):
    experiment = await start(library, automatic=True)
    await use(database, library, 240, {"v1": 0.2, "v2": 0.9})

    looks = await asyncio.gather(*(check(NAME, LABEL, experiment, library, source) for _ in range(8)))

    assert sorted(looked.applied for looked in looks) == [False] * 7 + [True]
    assert [entry.action for entry in await library.ledger(NAME)] == [Action.DEPLOY, Action.EXPERIMENT, Action.DEPLOY]


async def test_a_look_at_an_experiment_that_somebody_ended_changes_nothing(database, library, source):
    experiment = await start(library, automatic=True)
    await use(database, library, 240, {"v1": 0.2, "v2": 0.9})
    await library.stop_experiment(NAME, by="ada")
    before = await library.ledger(NAME)

    looked = await check(NAME, LABEL, experiment, library, source)

    assert not looked.applied
    assert await library.ledger(NAME) == before
    with pytest.raises(LedgerMoved):
        await library.promote(NAME, "v2", by="ada", experiment_id=experiment.id)


async def test_lost_sessions_stop_an_experiment_without_promoting(database, library, source):
    experiment = await start(library, automatic=True)
    control, treatment = experiment.arms
    executions = [execution(experiment, control, f"a{n}", accepted=n % 3 == 0) for n in range(150)]
    executions += [execution(experiment, treatment, f"b{n}", accepted=True) for n in range(60)]
    await record(database, executions)

    looked = await check(NAME, LABEL, experiment, library, source)

    assert (looked.decision.act, looked.applied) == (Act.STOP, True)
    assert (await last(library)).version_number == 1
    assert (await last(library)).reason.startswith("Don't trust this experiment")


async def test_a_version_that_fails_is_rolled_back_without_any_judged_answer(database, library, source):
    experiment = await start(library, automatic=True)
    control, treatment = experiment.arms
    executions = [
        execution(experiment, arm, f"{arm.name}-{n}", accepted=False, outcome=None, success=arm == control or n >= 40)
        for arm in (control, treatment)
        for n in range(100)
    ]
    await record(database, executions)

    looked = await check(NAME, LABEL, experiment, library, source)

    assert (looked.decision.act, looked.applied) == (Act.ROLL_BACK, True)
    assert "failed in 40.0 % of its sessions against 0.0 %" in (await last(library)).reason


async def test_every_running_experiment_is_looked_at(database, library, source):
    await start(library, automatic=True)
    await library.create(PromptDraft(name="quiet"), Wording(user_prompt_template="..."), by="ada")
    await library.create(PromptDraft(name="other"), Wording(user_prompt_template="A"), by="ada")
    await library.edit("other", Wording(user_prompt_template="B"), by="ada")
    await library.deploy("other", 1, label="staging", by="ada")
    await library.start_experiment("other", {1: 1, 2: 1}, label="staging", by="ada")
    await use(database, library, 240, {"v1": 0.2, "v2": 0.9})

    looked = await check_all(library, source)

    assert [(each.prompt, each.label, each.decision.act, each.applied) for each in looked] == [
        (NAME, LABEL, Act.PROMOTE, True),
        ("other", "staging", Act.KEEP, False),
    ]
    assert [each.prompt for each in await check_all(library, source)] == ["other"]
