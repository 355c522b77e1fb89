"""Which version runs under a label: deploy, roll back, experiments, and what ran on a day."""

import asyncio
import datetime as dt

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from label_model import VERSIONS, Label, acts

from codetune_core.domain.deployment import Action
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.prompt import PromptDraft, Wording
from codetune_core.errors import LedgerMoved, PromptError, PromptNotFound
from codetune_core.prompts.library import PromptLibrary
from codetune_core.storage.prompt_store import SqlPromptStore

SUNDAY = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


class Clock:
    """Stands still until told."""

    def __init__(self):
        self.time = SUNDAY

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(database, clock):
    return SqlPromptStore(database, clock)


@pytest.fixture
async def library(store):
    """One prompt, ``review``, with four versions, none deployed."""
    library = PromptLibrary(store)
    await make(library, "review")
    return library


async def make(library, name: str) -> None:
    await library.create(PromptDraft(name=name), Wording(user_prompt_template="1"), by="ada", deploy=False)
    for number in VERSIONS[1:]:
        await library.edit(name, Wording(user_prompt_template=str(number)), by="ada")


async def check(library, label="production", name="review") -> tuple[list[int], list[int]]:
    """What stands under a label after what, and the versions of the arms, as store and ledger both say."""
    state = (await library.states(name))[label]
    found = await library._store.deployed(name, label)
    assert found.deployment == state.last
    assert (found.version.id, found.version.number) == state.stands
    arms = state.experiment.arms if state.experiment else ()
    return [version.number for version in state.versions], [arm.version_number for arm in arms]


async def deploy(library, *numbers: int) -> None:
    for number in numbers:
        await library.deploy("review", number, by="ada")


async def test_an_entry_says_what_who_when_and_why(library, clock):
    clock.time += DAY
    entry = await library.deploy("review", 2, label="staging", by="bob", reason="fewer false alarms")
    assert (entry.version_number, entry.label, entry.action) == (2, "staging", Action.DEPLOY)
    assert (entry.at, entry.by, entry.reason) == (SUNDAY + DAY, "bob", "fewer false alarms")
    assert await library.ledger("review") == [entry]


async def test_what_runs_alone_is_not_deployed_again(library):
    first = await library.deploy("review", 2, by="ada")
    assert await library.deploy("review", 2, by="bob") == first
    assert await library.ledger("review") == [first]


async def test_deploying_the_control_ends_an_experiment(library):
    await deploy(library, 1)
    await library.start_experiment("review", {1: 1, 2: 1}, by="ada")
    await deploy(library, 1)
    assert await check(library) == ([1], [])


async def test_two_rollbacks_go_back_two(library):
    await deploy(library, 1, 2, 3)
    first = await library.rollback("review", by="bob", reason="worse")
    second = await library.rollback("review", by="bob")
    assert [first.version_number, second.version_number] == [2, 1]
    assert (first.action, first.by, first.reason) == (Action.ROLLBACK, "bob", "worse")
    assert len(await library.ledger("review")) == 5


async def test_a_rollback_can_go_back_to_a_number(library):
    await deploy(library, 1, 2, 3, 4)
    await library.rollback("review", number=2, by="ada")
    assert await check(library) == ([1, 2], [])


async def test_a_rollback_goes_only_to_what_stood_before(library):
    await deploy(library, 1, 4, 2)
    for number in (2, 3, 9):
        said = f"version {number} did not stand under 'production' of 'review': deploy it, or go back to 1, 4"
        with pytest.raises(PromptError, match=said):
            await library.rollback("review", number=number, by="ada")


async def test_there_is_nothing_to_go_back_to_before_the_first(library):
    with pytest.raises(PromptNotFound, match="nothing yet"):
        await library.rollback("review", by="ada")
    await deploy(library, 3)
    with pytest.raises(PromptError, match="nothing stood under 'production' of 'review' before version 3"):
        await library.rollback("review", by="ada")


async def test_a_rollback_touches_its_own_label_only(library):
    await deploy(library, 1, 2)
    await library.deploy("review", 3, label="staging", by="ada")
    await library.deploy("review", 4, label="staging", by="ada")
    await library.rollback("review", label="staging", by="ada")
    assert (await check(library), await check(library, "staging")) == (([1, 2], []), ([3], []))


async def test_a_rollback_of_what_somebody_else_replaced_is_reported(library, database):
    """Between reading and writing, another process deploys."""
    await deploy(library, 1, 2)

    class Interrupted(SqlPromptStore):
        async def append(self, entry, after):
            await deploy(library, 3)
            return await super().append(entry, after)

    with pytest.raises(LedgerMoved, match="somebody else deployed"):
        await PromptLibrary(Interrupted(database)).rollback("review", by="bob")
    assert await check(library) == ([1, 2, 3], [])


async def test_a_deploy_is_repeated_where_somebody_else_deployed(library, database):
    others = iter((3, 4))

    class Interrupted(SqlPromptStore):
        async def append(self, entry, after):
            if number := next(others, None):
                await deploy(library, number)
            return await super().append(entry, after)

    await PromptLibrary(Interrupted(database)).deploy("review", 2, by="bob")
    assert await check(library) == ([3, 4, 2], [])


async def test_a_deploy_does_not_try_for_ever(library, database):
    class Busy(SqlPromptStore):
        async def append(self, entry, after):
            raise LedgerMoved

    with pytest.raises(LedgerMoved, match="others keep deploying 'review' to 'production'"):
        await PromptLibrary(Busy(database)).deploy("review", 2, by="bob")


@pytest.mark.parametrize("label", ["", " ", "a b", "-x", "x" * 101, "a\n", "a;b"])
async def test_a_label_is_a_word(label):
    library = PromptLibrary(None)  # refused before anything is read
    with pytest.raises(PromptError, match="is no label"):
        await library.deploy("review", 1, label=label, by="ada")


async def test_own_labels_are_labels(library):
    for label in ("canary", "team/security", "v1.2-beta", "größe", "x" * 100):
        await library.deploy("review", 2, label=label, by="ada")
        assert (await library.choose("review", label=label)).version.number == 2


async def test_what_ran_on_a_day_is_a_query(library, clock):
    for days, number in ((1, 1), (2, 2), (5, 3)):
        clock.time = SUNDAY + days * DAY
        await library.deploy("review", number, by="ada")
    clock.time = SUNDAY + 6 * DAY
    await library.rollback("review", by="ada")

    async def at(days: float) -> int | None:
        entry = await library.at("review", SUNDAY + days * DAY)
        return entry.version_number if entry else None

    assert [await at(days) for days in (0.9, 1, 1.9, 2, 4.9, 5, 6, 99)] == [None, 1, 1, 2, 2, 3, 2, 2]

    async def on(days: float) -> list[int]:
        entries = await library.between("review", SUNDAY + days * DAY, SUNDAY + (days + 1) * DAY)
        return [entry.version_number for entry in entries]

    assert [await on(days) for days in (-1, 0, 0.5, 1, 1.5, 3, 4.5, 5, 5.5)] == [
        [], [], [1], [1], [1, 2], [2], [2, 3], [3], [3, 2],
    ]  # fmt: skip
    assert await library.at("review", SUNDAY + 99 * DAY, label="staging") is None


async def test_what_ran_on_a_day_is_known_of_an_archived_prompt_with_its_experiment(library, clock):
    await deploy(library, 1)
    clock.time += DAY
    started = await library.start_experiment("review", {1: 3, 4: 1}, by="ada")
    clock.time += DAY
    await library.promote("review", "v4", by="ada")
    await library.archive("review")
    assert await library.at("review", SUNDAY + 1.5 * DAY) == started
    assert [(arm.version_number, arm.weight) for arm in started.experiment.arms] == [(1, 3), (4, 1)]
    assert (await library.at("review", SUNDAY + 3 * DAY)).experiment is None


@pytest.mark.parametrize("step", [dt.timedelta(0), -DAY])
async def test_a_clock_that_stands_or_goes_back_does_not_change_the_past(library, clock, step):
    entries = []
    for number in (1, 2, 3):
        entries.append(await library.deploy("review", number, by="ada"))
        clock.time += step
    assert [await library.at("review", entry.at) for entry in entries] == entries
    assert len({entry.at for entry in entries}) == 3


async def test_an_experiment_splits_what_stands_and_others(library):
    await deploy(library, 3)
    entry = await library.start_experiment(
        "review", {1: 2, 4: 1, 3: 7}, by="ada", reason="shorter?", alpha=0.01, automatic=True, min_executions=9
    )
    experiment = entry.experiment
    assert [(arm.name, arm.version_number, arm.weight) for arm in experiment.arms] == [
        ("v3", 3, 7), ("v1", 1, 2), ("v4", 4, 1),
    ]  # fmt: skip
    assert (experiment.alpha, experiment.automatic, experiment.min_executions) == (0.01, True, 9)
    assert (entry.action, entry.version_number, entry.reason) == (Action.EXPERIMENT, 3, "shorter?")
    assert await check(library) == ([3], [3, 1, 4])


async def test_experiments_have_ids_of_their_own(library):
    await deploy(library, 1)
    ids = set()
    for _ in range(3):
        ids.add((await library.start_experiment("review", {1: 1, 2: 1}, by="ada")).experiment.id)
        await library.stop_experiment("review", by="ada")
    assert len(ids) == 3


async def test_an_experiment_compares_what_stands_with_another(library):
    await deploy(library, 1)
    said = "version 1 stands under 'production': compare it with at least one other"
    for weights in ({}, {2: 1}, {1: 1}, {2: 1, 3: 1}):
        with pytest.raises(PromptError, match=said):
            await library.start_experiment("review", weights, by="ada")
    assert await check(library) == ([1], [])


async def test_an_experiment_needs_a_control_and_versions_that_exist(library):
    with pytest.raises(PromptNotFound, match="nothing of 'review' is deployed to 'production'"):
        await library.start_experiment("review", {1: 1, 2: 1}, by="ada")
    await deploy(library, 1)
    with pytest.raises(PromptNotFound, match="has no version 9"):
        await library.start_experiment("review", {1: 1, 9: 1}, by="ada")


async def test_an_experiment_has_weights_above_0_and_rules_that_can_hold(library):
    await deploy(library, 1)
    for weight in (0, -1, float("inf"), float("nan")):
        with pytest.raises(PromptError, match="no such experiment: weight"):
            await library.start_experiment("review", {1: 1, 2: weight}, by="ada")
    for rules in ({"alpha": 0}, {"alpha": 1}, {"min_executions": 0}):
        with pytest.raises(PromptError, match=f"no such experiment: {next(iter(rules))}"):
            await library.start_experiment("review", {1: 1, 2: 1}, by="ada", **rules)
    assert await check(library) == ([1], [])


async def test_a_running_experiment_is_not_replaced_by_another(library):
    await deploy(library, 1)
    await library.start_experiment("review", {1: 1, 2: 1}, by="ada")
    with pytest.raises(PromptError, match="an experiment runs under 'production' of 'review'"):
        await library.start_experiment("review", {1: 1, 3: 1}, by="bob")
    assert await check(library) == ([1], [1, 2])


async def test_stopping_and_rolling_back_keep_the_control(library):
    await deploy(library, 1, 2)
    for end in (library.stop_experiment, library.rollback):
        await library.start_experiment("review", {2: 1, 3: 1}, by="ada")
        assert (await end("review", by="ada")).version_number == 2
        assert await check(library) == ([1, 2], [])
    await library.rollback("review", by="ada")
    assert await check(library) == ([1], [])


async def test_a_promoted_arm_stands_and_can_be_rolled_back(library):
    await deploy(library, 1)
    await library.start_experiment("review", {1: 1, 2: 1}, by="ada")
    entry = await library.promote("review", "v2", by="ada", reason="better")
    assert (entry.action, entry.version_number, entry.reason) == (Action.DEPLOY, 2, "better")
    assert await check(library) == ([1, 2], [])
    await library.rollback("review", by="ada")
    assert await check(library) == ([1], [])


async def test_only_an_arm_of_the_running_experiment_is_promoted(library):
    await deploy(library, 1)
    with pytest.raises(PromptError, match="no experiment runs"):
        await library.promote("review", "v1", by="ada")
    with pytest.raises(PromptError, match="no experiment runs"):
        await library.stop_experiment("review", by="ada")
    await library.start_experiment("review", {1: 1, 2: 1}, by="ada")
    with pytest.raises(PromptError, match="the experiment has no arm 'v3', only v1, v2"):
        await library.promote("review", "v3", by="ada")


async def test_a_verdict_on_one_experiment_does_not_end_another(library):
    await deploy(library, 1)
    old = (await library.start_experiment("review", {1: 1, 2: 1}, by="ada")).experiment.id
    await library.stop_experiment("review", by="ada", experiment_id=old)
    for running in ("none", "another"):
        if running == "another":
            await library.start_experiment("review", {1: 1, 2: 1}, by="ada")
        with pytest.raises(LedgerMoved, match=f"experiment {old} no longer runs"):
            await library.promote("review", "v2", by="ada", experiment_id=old)
        with pytest.raises(LedgerMoved, match=f"experiment {old} no longer runs"):
            await library.stop_experiment("review", by="ada", experiment_id=old)
    assert await check(library) == ([1], [1, 2])


async def test_deploys_and_rollbacks_at_once_replay_to_what_stands(library):
    """Every act is in the ledger or was reported; what stands follows from the ledger alone."""
    await deploy(library, 1)
    deploys = [library.deploy("review", 1 + n % 4, by=f"d{n}") for n in range(12)]
    rollbacks = [library.rollback("review", by=f"r{n}") for n in range(4)]
    done = await asyncio.gather(*deploys, *rollbacks, return_exceptions=True)
    assert not [result for result in done[:12] if isinstance(result, BaseException)]
    assert all(isinstance(result, PromptError) for result in done[12:] if isinstance(result, BaseException))
    written = [result for result in done if not isinstance(result, BaseException)]
    ledger = await library.ledger("review")
    assert {entry.sequence for entry in written} <= {entry.sequence for entry in ledger}
    assert [entry.at for entry in ledger] == sorted(entry.at for entry in ledger)
    await check(library)


COMMANDS = st.lists(st.tuples(acts, st.integers(-3, 3)), min_size=8, max_size=14)


async def act(library, name: str, what: str, number: int, *, label: str, model: Label):
    """Do what the label's model does."""
    where = {"label": label, "by": "ada"}
    if what == "start":
        return await library.start_experiment(name, dict.fromkeys([*model.stood[-1:], number], 1), **where)
    if what == "rollback to":
        return await library.rollback(name, number=number, **where)
    if what == "deploy":
        return await library.deploy(name, number, **where)
    if what == "promote":
        return await library.promote(name, f"v{number}", **where)
    return await {"rollback": library.rollback, "stop": library.stop_experiment}[what](name, **where)


@settings(
    phases=[Phase.generate],  # to look for a shorter sequence takes minutes
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(commands=COMMANDS)
async def test_any_sequence_leaves_the_store_where_its_ledger_replays_to(library, clock, commands):
    """What cannot be done is refused and changes nothing; what stood at any time stays, whatever the clock does."""
    name, labels, stood = str(new_id()), {"production": Label(), "staging": Label()}, []
    await make(library, name)
    for (label, what, number), hours in commands:
        clock.time += dt.timedelta(hours=hours)
        model = labels[label]
        if not model.can(what, number):
            with pytest.raises(PromptError):
                await act(library, name, what, number, label=label, model=model)
            continue
        stood.append(await act(library, name, what, number, label=label, model=model))
        model.do(what, number)
        assert await check(library, label, name) == (model.stood, list(model.arms))
    assert [await library.at(name, entry.at, label=entry.label) for entry in stood] == stood
