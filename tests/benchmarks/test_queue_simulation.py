"""The simulation of the queue against closed forms: Erlang B and C, priorities, one server, processor sharing."""

import importlib.util
import math
import sys
from pathlib import Path

import pytest

from codetune_core.domain.execution import Priority
from codetune_remote.admission import queue

SPEC = importlib.util.spec_from_file_location("queue_simulation", Path(__file__).with_name("queue_simulation.py"))
simulation = sys.modules[SPEC.name] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(simulation)

NEAR = 0.15
"""Relative error of some 30,000 requests that wait for one another; the seed is the same each time."""
SECOND = 3600
MANY = 1_000_000


def erlang_b(servers: int, load: float) -> float:
    """Share of requests that find all servers busy, where none may wait (Erlang 1917)."""
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """Share of requests that wait, where all may."""
    blocked = erlang_b(servers, load)
    return blocked / (1 - load / servers * (1 - blocked))


def writing(servers: int, rate: float, priority=Priority.EXPLICIT, **more):
    """Streams that take a second each on average, do not slow each other down, and have no prompts to read."""
    kind = simulation.Kind(priority, rate, prompt=0, output=1, cached=0)
    numbers = {"streams": servers, "stream_tokens": 1, "full_tokens": servers, "kinds": (kind,), "queue": MANY}
    return simulation.Numbers(developers=SECOND, **{**numbers, "queue_per_user": MANY, **more})


def waits(result, priority=Priority.EXPLICIT):
    return [one.started - one.came for one in result.answered[priority]]


def mean(values):
    return sum(values) / len(values)


@pytest.mark.parametrize(("servers", "load", "requests"), [(1, 0.6, 15_000), (4, 3.0, 30_000), (32, 26.0, 40_000)])
def test_waits_are_those_of_erlang_c(servers, load, requests):
    result = simulation.simulate(writing(servers, load), requests / load)
    waited = waits(result)
    share = erlang_c(servers, load)
    assert mean([wait > 0 for wait in waited]) == pytest.approx(share, rel=NEAR)
    assert mean(waited) == pytest.approx(share / (servers - load), rel=NEAR)
    # P(W > t) = C exp(-(c - a) t), with a second as the time of service.
    expected = max(math.log(share / 0.05) / (servers - load), 0)
    assert result.wait(Priority.EXPLICIT, 0.95) == pytest.approx(expected, rel=2 * NEAR)


def test_where_nobody_may_wait_as_many_are_refused_as_erlang_b_says():
    result = simulation.simulate(writing(8, 7.0, queue=0), 20_000 / 7)
    assert result.refused / result.came == pytest.approx(erlang_b(8, 7.0), rel=NEAR)


def test_priorities_wait_as_cobham_says(monkeypatch):
    """Without preemption; the service's patience with what is passed over is set aside here."""
    monkeypatch.setattr(queue, "PATIENCE", MANY)
    high, low = 1.2, 1.6
    kinds = writing(4, high, Priority.TYPING).kinds + writing(4, low).kinds
    result = simulation.simulate(writing(4, 0, kinds=kinds), 30_000 / (high + low))
    first = erlang_c(4, high + low) / 4 / (1 - high / 4)
    assert mean(waits(result, Priority.TYPING)) == pytest.approx(first, rel=NEAR)
    assert mean(waits(result)) == pytest.approx(first / (1 - (high + low) / 4), rel=NEAR)


@pytest.mark.parametrize("exact", [True, False])
def test_prompts_are_read_one_after_the_other(exact):
    """M/D/1 and M/M/1, by Pollaczek and Khinchine."""
    kind = simulation.Kind(Priority.EXPLICIT, 0.7, prompt=1, output=0, cached=0)
    numbers = writing(MANY, 0, kinds=(kind,), prompt_tokens=1, known=0, exact=exact)
    result = simulation.simulate(numbers, 20_000 / 0.7)
    expected = 1 + 0.7 / (2 if exact else 1) / (1 - 0.7)
    assert mean([one.first - one.came for one in result.answered[Priority.EXPLICIT]]) == pytest.approx(
        expected, rel=NEAR
    )


@pytest.mark.parametrize("exact", [True, False])
def test_streams_that_share_a_processor_take_as_long_whatever_their_lengths(exact):
    """Egalitarian processor sharing: E[S] / (1 - load), insensitive to how lengths are distributed."""
    result = simulation.simulate(writing(MANY, 0.6, full_tokens=1, exact=exact), 20_000 / 0.6)
    assert mean([one.done - one.came for one in result.answered[Priority.EXPLICIT]]) == pytest.approx(1 / 0.4, rel=NEAR)


def test_a_full_processor_writes_what_it_can_at_most():
    """More comes than can be written: what is written is the rate of the full batch."""
    kind = simulation.Kind(Priority.EXPLICIT, 40, prompt=0, output=100, cached=0)
    numbers = writing(32, 0, kinds=(kind,), stream_tokens=90, full_tokens=2300, exact=True, queue=200)
    result = simulation.simulate(numbers, 100)
    done = [one.done for one in result.answered[Priority.EXPLICIT]]
    assert len(done) * 100 / (max(done) - min(done)) == pytest.approx(2300, rel=0.02)


def test_what_waited_past_its_deadline_is_not_started():
    kind = simulation.Kind(Priority.TYPING, 3, prompt=0, output=1, cached=0, deadline=0.5)
    result = simulation.simulate(writing(2, 0, kinds=(kind,)), 2000)
    assert result.expired > 0
    assert max(waits(result, Priority.TYPING)) <= 0.5


def test_no_request_is_lost():
    numbers = simulation.Numbers(developers=2000, gpus=3, replicas=2, queue=20, queue_per_user=2)
    run = simulation.Simulation(numbers, 300, seed=3)
    run._warm = 0
    result = run.run()
    answered = sum(map(len, result.answered.values()))
    assert result.came == answered + result.refused + result.expired + len(run._requests)
    assert result.refused + result.expired > 0


def test_the_fewest_processors_that_are_quick_enough_are_found():
    numbers = simulation.Numbers(developers=200)
    held, result = simulation.enough(numbers, 900)
    assert simulation.good(result)
    assert held.gpus > 1
    assert not simulation.good(simulation.simulate(simulation.replace(held, gpus=held.gpus - 1), 900))


def test_a_user_simulates_their_own_numbers(capsys):
    simulation.main(["--developers", "50", "--gpus", "1", "--full-tokens", "1500", "--explicit", "10,4000,500,0.05"])
    said = capsys.readouterr().out
    assert said.startswith("50 developers, 1 graphics processors")
    assert {"typing", "explicit", "background"} <= set(said.split())


def test_the_page_has_the_row_that_the_simulation_gives():
    """Of the smallest team; all of them are written anew by --table."""
    (row,) = simulation.table(simulation.Numbers(), [10])[2:]
    assert row in (Path(__file__).parents[2] / "docs" / "scale.md").read_text("utf-8")
