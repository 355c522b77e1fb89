"""Any sequence of deploys, rollbacks and experiments replays to the same state, and the past stays."""

import datetime as dt
from itertools import count
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from label_model import VERSIONS, Label, acts

from codetune_core.domain.deployment import Action, Arm, Deployment, Experiment
from codetune_core.prompts.ledger import replay, standing_at, standing_between

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
IDS = {number: UUID(int=number) for number in VERSIONS}
ACTIONS = {"deploy": Action.DEPLOY, "promote": Action.DEPLOY, "start": Action.EXPERIMENT}

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def entry(sequence: int, label: str, action: Action, number: int, arms: tuple[int, ...] = ()) -> Deployment:
    return Deployment(
        sequence=sequence,
        prompt_id=UUID(int=0),
        version_id=IDS[number],
        version_number=number,
        label=label,
        action=action,
        at=START + sequence * HOUR,
        by="someone",
        experiment=experiment(sequence, arms) if arms else None,
    )


def experiment(sequence: int, numbers: tuple[int, ...]) -> Experiment:
    arms = [Arm(name=f"v{n}", version_id=IDS[n], version_number=n, weight=1) for n in numbers]
    return Experiment(id=f"e{sequence}", arms=tuple(arms))


@st.composite
def ledgers(draw):
    """A ledger as it comes about: its entries, and the label's model after each."""
    labels = {"production": Label(), "staging": Label()}
    entries, seen, sequence = [], [], count()
    for label, act, number in draw(st.lists(acts, max_size=40)):
        model = labels[label]
        if not model.can(act, number):
            continue
        model.do(act, number)
        action = ACTIONS.get(act, Action.ROLLBACK)
        entries.append(entry(next(sequence), label, action, model.stood[-1], model.arms))
        seen.append((tuple(model.stood), model.arms))
    return entries, seen


def check(entries: list[Deployment], label: str = "production") -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Versions not undone, and the arms of the running experiment."""
    state = replay(entries)[label]
    arms = state.experiment.arms if state.experiment else ()
    return tuple(version.number for version in state.versions), tuple(arm.version_number for arm in arms)


@patient
@given(ledgers())
def test_every_part_of_a_ledger_replays_to_what_was_done(ledger):
    entries, seen = ledger
    for index, after in enumerate(seen):
        assert check(entries[: index + 1], entries[index].label) == after


@patient
@given(ledgers())
def test_labels_do_not_touch_each_other(ledger):
    entries, _ = ledger
    together = replay(entries)
    assert together == {
        label: replay([entry for entry in entries if entry.label == label])[label] for label in together
    }


@patient
@given(ledgers(), st.integers(-1, 41))
def test_later_entries_do_not_change_what_stood_at_a_time(ledger, hours):
    entries, _ = ledger
    when = START + hours * HOUR + HOUR / 2
    until_then = [entry for entry in entries if entry.at <= when]
    assert standing_at(entries, when) == standing_at(until_then, when)
    assert standing_at(entries, when) == {label: state.last for label, state in replay(until_then).items()}


@patient
@given(ledgers(), st.integers(0, 40), st.integers(1, 12))
def test_what_ran_on_a_day_is_what_stood_at_any_time_of_it(ledger, hours, length):
    entries, _ = ledger
    start, end = START + hours * HOUR + HOUR / 2, START + (hours + length) * HOUR + HOUR / 2
    moments = [start, *(entry.at for entry in entries if start <= entry.at < end)]
    stood = {entry.sequence for moment in moments for entry in standing_at(entries, moment).values()}
    assert [entry.sequence for entry in standing_between(entries, start, end)] == sorted(stood)


def test_an_entry_holds_from_its_own_time_until_before_the_next():
    first, second = entry(1, "production", Action.DEPLOY, 1), entry(2, "production", Action.DEPLOY, 2)
    tick = dt.timedelta(microseconds=1)
    assert standing_at([first, second], first.at - tick) == {}
    assert standing_at([first, second], first.at) == {"production": first}
    assert standing_at([first, second], second.at - tick) == {"production": first}
    assert standing_at([first, second], second.at) == {"production": second}
    assert standing_between([first, second], first.at, second.at) == [first]
    assert standing_between([first, second], second.at, second.at + HOUR) == [second]


D, R, E = Action.DEPLOY, Action.ROLLBACK, Action.EXPERIMENT


@pytest.mark.parametrize(
    ("written", "versions"),
    [
        ([(D, 1)], (1,)),
        ([(D, 1), (D, 2)], (1, 2)),
        ([(D, 1), (D, 2), (D, 2)], (1, 2)),
        ([(D, 1), (D, 2), (R, 1)], (1,)),
        ([(D, 1), (D, 2), (D, 3), (R, 2), (R, 1)], (1,)),
        ([(D, 1), (D, 2), (R, 1), (D, 3)], (1, 3)),
        ([(D, 1), (D, 2), (D, 1), (D, 3), (R, 1)], (1, 2, 1)),
        ([(D, 1), (D, 2), (D, 1), (D, 3), (R, 2)], (1, 2)),
        ([(D, 1), (D, 2), (R, 4)], (1, 2, 4)),  # by other hands: what never stood is on top
        ([(R, 1)], (1,)),
        ([(D, 1), (E, 1)], (1,)),
        ([(D, 1), (E, 1), (R, 1)], (1,)),
        ([(D, 1), (D, 2), (E, 2), (R, 2), (R, 1)], (1,)),
        ([(D, 1), (D, 2), (E, 2), (R, 1)], (1,)),
        ([(D, 1), (E, 1), (D, 2), (R, 1)], (1,)),
        ([(D, 1), (E, 2)], (1, 2)),
    ],
)
def test_a_rollback_undoes_the_last_that_was_not_undone(written, versions):
    entries = [entry(i, "production", a, n, (n, 4) if a is E else ()) for i, (a, n) in enumerate(written)]
    assert check(entries)[0] == versions


@pytest.mark.parametrize("action", [D, R, E])
def test_any_later_entry_ends_an_experiment(action):
    entries = [entry(1, "production", D, 1), entry(2, "production", E, 1, (1, 2))]
    assert check(entries)[1] == (1, 2)
    after = entry(3, "production", action, 1, (1, 3) if action is E else ())
    assert check([*entries, after])[1] == ((1, 3) if action is E else ())


def test_an_empty_ledger_has_no_state():
    assert replay([]) == {}
    assert standing_at([], START) == {}
    assert standing_between([], START, START + HOUR) == []
