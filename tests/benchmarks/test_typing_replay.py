"""The typing trace is what it says, and a part of it is replayed within the budgets."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest


def load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


typing_replay, typing_server = load("typing_replay"), load("typing_server")


@pytest.fixture(scope="module")
def states():
    return list(typing_replay.keystrokes())


@pytest.fixture(scope="module")
def some(states):
    return states[:2500]


def replayed(states, make, *arguments):
    clock = typing_replay.Clock()
    return typing_replay.replay(states, make(clock, typing_replay.Engine(), *arguments), clock)


def test_every_session_ends_with_a_module_that_parses(states):
    last = {state.document.uri: state.document.text for state in states}
    assert len(last) >= 5
    for uri, text in last.items():
        compile(text, uri, "exec", dont_inherit=True)


def test_the_trace_types_at_a_person_s_speed_and_holds_pauses_corrections_and_jumps(states):
    waits = sorted(after.at - before.at for before, after in typing_replay.pairwise(states) if after.typed)
    kinds = Counter("typed" if state.typed else "other edit" if state.is_edit else "jump" for state in states)
    assert 0.1 < waits[len(waits) // 2] < 0.3
    assert waits[-len(waits) // 100] > 3 * waits[len(waits) // 2]
    assert kinds["typed"] > 5000
    assert kinds["other edit"] > 200
    assert kinds["jump"] > 50


def test_the_trace_is_small():
    assert typing_replay.TRACE.stat().st_size <= 150_000


def test_ours_asks_half_as_often_as_who_only_debounces_and_foretells_more(some):
    ours, peer = replayed(some, typing_replay.Ours), replayed(some, typing_replay.DebounceOnly, None)
    assert 0 < ours.calls <= 0.5 * peer.calls
    assert ours.foretold > peer.foretold


def test_what_follows_a_proposal_is_answered_at_once_and_no_proposal_is_stale(some):
    ours = replayed(some, typing_replay.Ours)
    assert ours.followed > 100
    assert (ours.followed_by_call, ours.stale) == (0, 0)
    assert ours.reached > 0


def test_successive_prompts_begin_alike(some):
    assert replayed(some, typing_replay.Ours).shared >= 0.75


def test_the_language_server_asks_no_more_than_half_as_often_either(some):
    served, peer = typing_server.replayed(some), replayed(some, typing_replay.DebounceOnly, None)
    assert 0 < served.calls <= 0.5 * peer.calls
    assert served.foretold > peer.foretold
    assert served.followed > 100
    assert (served.followed_by_call, served.stale) == (0, 0)
