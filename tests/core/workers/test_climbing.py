"""A climb in a worker: what it wants is supplied over the pipe, for as long as that takes, and stops with its owner."""

import asyncio
import sys
import time
from contextlib import aclosing

import psutil
import pytest
import pytest_asyncio

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.text import Edit, Range
from codetune_core.errors import CodeTuneError, WorkerLost
from codetune_core.fixes.ladder.request import Request
from codetune_core.fixes.ladder.result import Climbed, Rung
from codetune_core.mending.proposal import Proposal, Replaced
from codetune_core.settings import Settings
from codetune_core.workers.messages import ClimbTask, Trying
from codetune_core.workers.pool import Pool
from codetune_core.workers.process import WorkerProcess

TEXT = "import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n"
SAFE = Replaced("return yaml.load(text)", "return yaml.safe_load(text)")
INVENTED = Replaced("return yaml.load(text)", "return yaml.safe_loadd(text)")

PATIENT = """
import sys
from codetune_core.workers.messages import *
def heard():
    return unpack(sys.stdin.buffer.read(HEADER.unpack(sys.stdin.buffer.read(HEADER.size))[0]))
def say(message):
    sys.stdout.buffer.write(pack(message))
    sys.stdout.buffer.flush()
number = heard().number
say(Part(number, "ready"))
say(End(number))
number = heard().number
say(Part(number, Wanted(0, "", ())))
heard()
say(Part(number, "supplied"))
say(End(number))
sys.stdin.read()
"""
"""A worker that answers, then asks for something and answers, then says nothing."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool():
    """One worker for all."""
    pool = Pool()
    yield pool
    await pool.aclose()


pytestmark = pytest.mark.asyncio(loop_scope="module")


def task(text=TEXT, path=None, root=None, *, ranges=(), trusted=False, candidates=1, **fixes):
    document = Document(path.as_uri() if path else "untitled:a.py", text, "python", 1)
    place = Range(document.position(text.index("yaml.load")), document.position(text.index("yaml.load") + 9))
    rule = Rule("S506", "YAML")
    found = Finding(rule, place, "", Severity.HIGH, Confidence.HIGH, ("ruff",), id="1")
    settings = Settings.model_validate({"fixes": fixes})
    return ClimbTask(Request(document, ranges, found, root), settings, trusted, candidates)


async def climbed(pool, asked, supplier):
    async with aclosing(pool.climb(asked, supplier)) as parts:
        return [part async for part in parts]


async def test_what_is_wanted_is_the_function_around_the_finding_and_once_more_the_reason(pool):
    wanted = []

    async def supply(each):
        wanted.append(each)
        return Proposal(replaced=(SAFE if each.reason else INVENTED,))

    *tried, end = await climbed(pool, task(), supply)
    assert [(each.candidate, each.ranges) for each in wanted] == [(0, (Range.of(3, 0, 4, 26),))] * 2
    assert [bool(each.reason) for each in wanted] == [False, True]
    assert "has no `safe_loadd`" in wanted[1].reason
    assert tried == [Trying(0, Rung.NAMES)] * 2
    assert isinstance(end, Climbed)
    assert (end.repaired, end.best.describe()) == (1, "verified: parses, names, rescan")
    assert end.best.edits == (Edit(Range.of(4, 4, 4, 26), SAFE.replacement),)


async def test_a_worker_may_be_silent_while_it_waits_for_the_model_and_not_otherwise():
    pipe = asyncio.subprocess.PIPE
    script = [sys.executable, "-c", PATIENT]
    worker = WorkerProcess(await asyncio.create_subprocess_exec(*script, stdin=pipe, stdout=pipe))

    async def supply(_wanted):
        await asyncio.sleep(1.5)
        return Proposal()

    try:
        assert [part async for part in worker.ask(task(), 60, good)] == ["ready"]
        assert [part async for part in worker.ask(task(), 1, supply)] == ["supplied"]
        with pytest.raises(WorkerLost, match="said nothing for 1 s"):
            assert not [part async for part in worker.ask(task(), 1, supply)]
    finally:
        await worker.aclose()


async def test_the_highest_of_several_candidates_is_taken_and_says_which_it_is(pool):
    async def supply(wanted):
        if wanted.candidate == 1:
            return Proposal(replaced=(SAFE,))
        if wanted.candidate == 0:
            raise CodeTuneError("the model is overloaded")
        return Proposal(refused="no JSON")

    end = (await climbed(pool, task(candidates=3), supply))[-1]
    assert end.best.candidate == 1


async def test_where_no_candidate_can_be_supplied_it_is_said_why(pool):
    async def supply(_wanted):
        raise CodeTuneError("the model is overloaded")

    with pytest.raises(CodeTuneError, match="the model is overloaded"):
        await climbed(pool, task(candidates=2), supply)


async def test_what_else_a_supplier_raises_ends_the_climb_and_stops_the_others(pool):
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def supply(wanted):
        if wanted.candidate == 0:
            await begun.wait()
            raise LookupError("the text changed")
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    with pytest.raises(LookupError, match="the text changed"):
        await climbed(pool, task(candidates=2), supply)
    assert stopped.is_set()


async def test_a_supplier_that_gives_up_in_time_is_no_hung_worker(pool):
    async def supply(_wanted):
        raise TimeoutError("the model is slow")

    with pytest.raises(TimeoutError, match="the model is slow"):
        await climbed(pool, task(), supply)


async def test_closing_the_climb_stops_the_model(pool):
    asked, stopped = asyncio.Event(), asyncio.Event()

    async def supply(_wanted):
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    climbing = asyncio.create_task(climbed(pool, task(), supply))
    await asked.wait()
    climbing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await climbing
    assert stopped.is_set()
    assert (await climbed(pool, task(), good))[-1].best  # and the worker is as it was


async def good(_wanted):
    return Proposal(replaced=(SAFE,))


@pytest.mark.skipif(sys.platform == "win32", reason="tests are not run there")
async def test_closing_the_climb_ends_the_tests_that_run(pool, tmp_path):
    module = tmp_path / "reading.py"
    module.write_text(TEXT)
    slow = "import time\nfrom reading import read\n\n\ndef test_read():\n    read('1')\n    time.sleep(600)\n"
    (tmp_path / "test_reading.py").write_text(slow)
    asked = task(path=module, root=tmp_path, trusted=True, tests=True, seconds=300)
    async with aclosing(pool.climb(asked, good)) as parts:
        async for part in parts:
            if part == Trying(0, Rung.TESTS):
                break
        await until(lambda: running_tests(tmp_path))
    await until(lambda: not running_tests(tmp_path))


def running_tests(root):
    """Processes that run pytest in a copy of this folder."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            found += [process] if "pytest" in process.cmdline() and f"/{root.name}" in process.cwd() else []
        except psutil.Error:
            continue
    return found


async def until(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_worker_that_dies_over_a_climb_is_replaced_and_the_model_is_asked_again():
    pool = Pool()
    asked = []

    async def supply(_wanted):
        asked.append(True)
        if len(asked) == 1:
            for process in psutil.Process().children():
                if process.pid in {worker.pid for worker in pool._workers}:
                    process.kill()
            await asyncio.Event().wait()
        return Proposal(replaced=(SAFE,))

    try:
        assert (await climbed(pool, task(), supply))[-1].best
        assert len(asked) == 2
    finally:
        await pool.aclose()


async def test_rules_that_settings_ignore_at_a_path_are_no_new_findings(pool, tmp_path):
    """An assert is no flaw in a test file, and one elsewhere."""

    async def supply(_wanted):
        line = "return yaml.safe_load(text)\n\n\ndef test_read():\n    assert read('1') == 1"
        return Proposal(replaced=(Replaced("return yaml.load(text)", line),))

    ends = []
    for name in ("test_reading.py", "reading.py"):
        asked = task(path=tmp_path / name, root=tmp_path)
        ends.append((await climbed(pool, asked, supply))[-1])
    assert ends[0].best
    assert ends[1].best is None
    assert "S101" in ends[1].dropped[0].reason
