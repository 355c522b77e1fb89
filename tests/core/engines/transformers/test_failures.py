"""A model that cannot be loaded is left alone for a while, and tried again then."""

import pytest

from codetune_core.engines.transformers import failures
from codetune_core.engines.transformers.failures import Failures
from codetune_core.errors import EngineLost

DIED = EngineLost("it died")


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(failures, "monotonic", lambda: now[0])
    return now


def failed(times):
    found = Failures()
    for _ in range(times):
        found.add("key", object(), DIED)
    return found


def test_it_is_tried_three_times(clock):
    failed(2).check("key")
    with pytest.raises(EngineLost, match="3 times in a row, and is tried again in 30 seconds; the last time: it died"):
        failed(3).check("key")
    failed(3).check("another")


def test_after_a_rest_it_is_tried_once_more(clock):
    found = failed(3)
    clock[0] += 30
    found.check("key")
    found.add("key", object(), DIED)
    with pytest.raises(EngineLost, match="tried again in 30 seconds"):
        found.check("key")


def test_once_loaded_all_is_forgotten(clock):
    found = failed(3)
    found.forget("key")
    found.check("key")


def test_one_attempt_counts_once_for_all_who_waited(clock):
    found, attempt = Failures(), object()
    for _ in range(8):
        found.add("key", attempt, DIED)
    found.check("key")
