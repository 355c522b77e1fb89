"""What a service says that it loads becomes a status; a service that says nothing is no reason to worry anybody."""

import asyncio
import json
import tempfile
from pathlib import Path

import pytest
from serving import on_socket, running, settings_for

from codetune_core.engines.transformers.wire import Status as Loaded
from codetune_core.models.load_times import LoadTimes
from codetune_remote.observe.readiness import Readiness
from codetune_server.status import loading
from codetune_server.status.board import Board
from codetune_server.status.loading import LoadWatch, loading_at
from codetune_server.status.state import State, Status


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="ctl") as name:
        yield Path(name)


async def said(settings, folder, monkeypatch, *statuses):
    """The status of a service whose model processes say this."""
    times = LoadTimes(folder / "times")
    for _ in range(3):
        times.note("big", "nf4", "cuda:0", 90.0)

    async def loaded():
        return list(statuses)

    async with running(settings) as service, on_socket(service, folder / "d.sock"):
        service.readiness = Readiness(service.core, times)
        monkeypatch.setattr(service.core.loads, "loaded", loaded)
        monkeypatch.setattr(service.core.loads, "under_way", list)
        return await asyncio.to_thread(loading_at, folder / "d.sock")


def process(model, *, loaded=False, seconds=0.0):
    return Loaded(id=1, model=model, quantization="nf4", device="cuda:0", loaded=loaded, loading_seconds=seconds)


@pytest.mark.parametrize(
    ("model", "text", "seconds"),
    [("big", "big is being loaded, about 60 s", 60.0), ("new", "new is being loaded", None)],
)
async def test_a_load_is_told_with_the_estimate_that_its_history_allows(  # noqa: PLR0917 - fixtures
    sqlite_url, tmp_path, folder, monkeypatch, model, text, seconds
):
    found = await said(settings_for(tmp_path, sqlite_url), folder, monkeypatch, process(model, seconds=30))
    assert found == Status(State.LOADING, text, model, seconds)


async def test_what_is_loaded_is_not_told(sqlite_url, tmp_path, folder, monkeypatch):
    settings = settings_for(tmp_path, sqlite_url)
    assert await said(settings, folder, monkeypatch, process("big", loaded=True, seconds=5)) is None


@pytest.mark.parametrize("said", [{"loading": [{}]}, {"loading": 3}, []], ids=["fields", "number", "list"])
async def test_what_another_version_of_the_daemon_says_is_no_load(said, folder, monkeypatch):
    monkeypatch.setattr("codetune_core.daemon.asking.ask", lambda *_: (200, json.dumps(said).encode()))
    assert await asyncio.to_thread(loading._look) is None


def test_nobody_who_answers_loads_nothing(folder):
    assert loading_at(folder / "nothing.sock") is None


class Looks:
    """What a look finds, one after the other; nothing in the end."""

    def __init__(self, *found):
        self.left = list(found)
        self.done = 0

    def __call__(self):
        self.done += 1
        return self.left.pop(0) if self.left else None


@pytest.fixture
def watch(monkeypatch):
    """A watch that looks every few milliseconds; what it finds, and what was told."""
    monkeypatch.setattr(loading, "_PATIENCE_SECONDS", 0.02)
    monkeypatch.setattr(loading, "_LOOK_SECONDS", 0.001)

    def make(*found):
        looks, board, told = Looks(*found), Board(), []
        board.announce = lambda status, _is_news: told.append(status)
        monkeypatch.setattr(loading, "_look", looks)
        return LoadWatch(board), looks, told

    return make


def load(seconds):
    return Status(State.LOADING, f"{seconds}", "big", float(seconds))


async def until(holds):
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.001)


async def test_it_looks_until_nothing_loads_any_more(watch):
    watched, looks, told = watch(load(3), load(2), load(2))
    watched.look()
    await until(lambda: looks.done == 4)
    await until(watched._task.done)
    assert told == [load(3), load(2)]


async def test_an_answer_that_begins_at_once_is_not_explained(watch):
    watched, looks, _ = watch(load(3))
    watched.wait_for("a")
    watched.wait_no_more_for("a")
    await watched._task
    assert looks.done == 0


async def test_it_looks_as_long_as_somebody_waits(watch):
    watched, looks, told = watch(None, None, load(1))
    watched.wait_for("a")
    await until(lambda: told == [load(1)] and looks.done > 4)
    await watched.aclose()
    assert watched._task.cancelled()
