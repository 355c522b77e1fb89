"""Which models make room for another, by a table."""

import pytest
from model_processes import counting_plan

from codetune_core.engines.transformers.room import to_unload
from codetune_core.engines.transformers.wire import Status
from codetune_core.errors import EngineOverloaded, EngineRefused

GB = 10**9


def status(gigabytes, idle=0, *, device="cpu", **changes):
    given = {"id": 1, "loaded": True, "model": f"of{gigabytes}", "bytes_needed": gigabytes * GB, "device": device}
    return Status(**(given | {"idle_seconds": idle} | changes))


def going(loaded, needed=10, capacity=24):
    return to_unload(counting_plan("new", bytes_needed=needed * GB), loaded, capacity * GB)


@pytest.mark.parametrize(
    ("loaded", "expected"),
    [
        ({}, []),
        ({"a": status(14)}, []),
        ({"a": status(15, 1)}, ["a"]),
        ({"a": status(10, 5), "b": status(10, 9)}, ["b"]),
        ({"a": status(1, 9), "b": status(10, 5), "c": status(10, 1)}, ["a", "b"]),
        ({"a": status(10, 5), "b": status(10, running=1)}, ["a"]),
        ({"a": status(20, device="cuda:0")}, []),
    ],
)
def test_those_used_least_recently_go_until_there_is_room(loaded, expected):
    assert going(loaded) == expected


@pytest.mark.parametrize("busy", [{"running": 1}, {"waiting": 1}, {"loaded": False}])
def test_what_is_in_use_stays_and_is_named(busy):
    with pytest.raises(EngineOverloaded, match=r"new needs 10\.0 GB of the 24\.0 GB .* in use: of20 \(20\.0 GB\); ask"):
        going({"a": status(20, **busy), "b": status(1, 3)})


def test_what_never_fits_unloads_nothing_and_says_what_would_help():
    with pytest.raises(EngineRefused, match=r"new needs 30\.0 GB of the 24\.0 GB .*codetune models plan"):
        going({"a": status(10, 5)}, needed=30)
