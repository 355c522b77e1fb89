"""Worker processes: they answer, they are cancelled, and whatever dies or hangs in them is replaced."""

import asyncio
import contextlib
import os
import sys
import time

import psutil
import pytest

from codetune_core.detectors.protocol import Pace
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.review import Review, Stage
from codetune_core.errors import WorkerLost
from codetune_core.model_reviewer.anchoring import Quoted
from codetune_core.settings import Settings
from codetune_core.workers.messages import ReviewTask, SetAsideTask
from codetune_core.workers.pool import Pool

OWN = ("ruff", "secrets", "calls")


def task(text: str, *, disabled=OWN, timeout=10.0, with_fixes=False) -> ReviewTask:
    settings = Settings.model_validate({"detectors": {"disabled": disabled, "timeout_seconds": timeout}})
    return ReviewTask(Document("file:///a.py", text, "python", 1), "a.py", Pace.SAVE, settings, with_fixes)


async def last(pool: Pool, asked: ReviewTask) -> Review:
    async with contextlib.aclosing(pool.review(asked)) as reviews:
        return [review async for review in reviews][-1]


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        return True
    return False


async def gone(pid: int, within: float = 60) -> bool:
    until = time.monotonic() + within
    while alive(pid) and time.monotonic() < until:
        await asyncio.sleep(0.02)
    return not alive(pid)


def pid_of(review: Review) -> int:
    return int(review.findings[0].message.rpartition(" ")[2])


async def test_a_worker_reviews_and_what_it_prints_does_not_disturb(pool):
    review = await last(pool, task("USE echo\n"))
    assert [finding.detectors for finding in review.findings] == [("echo",)]
    assert pid_of(review) != os.getpid()


async def test_the_real_detectors_and_fixes_work_in_a_worker(pool):
    text = "import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n"
    review = await last(pool, task(text, disabled=(), with_fixes=True))
    (finding,) = [finding for finding in review.findings if finding.rule.id == "S506"]
    assert review.stage is Stage.FIXED
    assert finding.fixes[0].verification.passed
    fixed = await pool.fix_all(Document("file:///a.py", text, "python"), (finding,), Settings())
    assert Document("file:///a.py", text, "python").edited(fixed.edits).text == text.replace("load", "safe_load")


def troubles(review) -> list[str]:
    """Keys of a review's notices, less the one about the fixture that never loads."""
    return [notice.key for notice in review.notices if notice.key != "broken:broken"]


async def test_a_detector_that_cannot_be_loaded_is_said_with_every_review(pool):
    review = await last(pool, task("USE echo\n"))
    (notice,) = review.notices
    assert notice.key == "broken:broken"
    assert "needs a library" in notice.text


async def test_a_crashing_detector_does_not_end_the_worker(pool):
    review = await last(pool, task("USE crash USE echo\n"))
    assert troubles(review) == ["crashed:crash"]
    assert pid_of(review) == pid_of(await last(pool, task("USE echo\n")))


@pytest.mark.parametrize("kind", ["sleep", "block"])
async def test_a_hanging_detector_loses_its_findings_and_its_worker_is_replaced(pool, kind):
    review = await last(pool, task(f"USE {kind} USE echo\n", timeout=0.3))
    assert troubles(review) == [f"timeout:{kind}"]
    assert [finding.detectors for finding in review.findings] == [("echo",)]
    assert pid_of(await last(pool, task("USE echo\n"))) != pid_of(review)
    assert await gone(pid_of(review))


async def test_a_detector_that_keeps_hanging_is_left_out_until_a_restart(pool):
    hanging = task("USE block USE echo\n", timeout=0.2)
    keys = [troubles(await last(pool, hanging)) for _ in range(3)]
    assert keys == [["timeout:block"], ["timeout:block"], []]
    await pool.restart()
    assert troubles(await last(pool, hanging)) == ["timeout:block"]


async def test_a_worker_that_dies_is_replaced_and_the_review_repeated(pool):
    review = await last(pool, task("USE once USE echo\n"))
    assert {finding.rule.id for finding in review.findings} == {"once", "echo"}


async def test_a_document_that_kills_every_worker_is_an_error_and_the_next_one_is_reviewed(pool):
    with pytest.raises(WorkerLost):
        await last(pool, task("USE die\n"))
    assert (await last(pool, task("USE echo\n"))).findings


async def test_a_worker_killed_from_outside_is_replaced(pool):
    first = pid_of(await last(pool, task("USE echo\n")))
    os.kill(first, 9)
    assert pid_of(await last(pool, task("USE echo\n"))) != first


async def test_who_stops_listening_cancels_the_task_and_the_worker_goes_on(pool):
    first = pid_of(await last(pool, task("USE echo\n")))
    running = asyncio.create_task(last(pool, task("USE sleep\n", timeout=3600)))
    await asyncio.sleep(0.2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert pid_of(await last(pool, task("USE echo\n"))) == first


async def test_reviews_run_side_by_side_in_one_worker(pool):
    reviews = await asyncio.gather(*(last(pool, task(f"USE echo {number}\n")) for number in range(20)))
    assert len({pid_of(review) for review in reviews}) == 1


async def test_a_larger_pool_uses_its_workers(plugins):
    pool = Pool(2)
    try:
        reviews = await asyncio.gather(*(last(pool, task(f"USE echo {number}\n")) for number in range(10)))
        assert len({pid_of(review) for review in reviews}) == 2
    finally:
        await pool.aclose()


async def test_a_closed_pool_leaves_no_process(plugins):
    pool = Pool(1)
    pid = pid_of(await last(pool, task("USE echo\n")))
    await pool.aclose()
    assert await gone(pid)


async def test_doctor_hears_what_runs_and_what_does_not(pool):
    states = {state.name: state for state in await pool.describe(task("", disabled=("secrets",)).settings)}
    assert states["ruff"].runs
    assert not states["secrets"].runs
    assert "switched off" in states["secrets"].text
    assert not states["broken"].runs
    assert "needs a library" in states["broken"].text


async def test_a_worker_ends_when_its_owner_dies(plugins, tmp_path):
    owner = tmp_path / "owner.py"
    owner.write_text(
        "import asyncio, os\n"
        "from codetune_core.workers.process import WorkerProcess\n"
        "async def main():\n"
        "    worker = await WorkerProcess.start()\n"
        "    print(worker.pid, flush=True)\n"
        "    os._exit(1)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, str(owner), stdout=asyncio.subprocess.PIPE)
    pid = int(await process.stdout.readline())
    await process.wait()
    assert await gone(pid)


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="a word of Linux")
@pytest.mark.parametrize("background", [False, True])
async def test_workers_in_the_background_and_their_ruff_give_way(plugins, background):
    pool = Pool(background=background)
    try:
        asked = task("USE echo\n", disabled=("secrets", "calls"), timeout=100)  # others want the processor too
        worker = psutil.Process(pid_of(await last(pool, asked)))
        (ruff,) = worker.children()
        policy = os.SCHED_IDLE if background else os.SCHED_OTHER
        assert [os.sched_getscheduler(process.pid) for process in (worker, ruff)] == [policy, policy]
    finally:
        await pool.aclose()


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="a word of Linux")
@pytest.mark.parametrize("text", ["USE starved\n", "USE starved with all its worker\n"])
async def test_what_starves_in_the_background_is_done_again_by_an_ordinary_worker(plugins, text):
    pool = Pool(background=True)
    try:
        for _ in range(3):
            review = await last(pool, task(text, timeout=1.0))
            assert [finding.detectors for finding in review.findings] == [("starved",)]
            assert [notice.key for notice in review.notices] == ["broken:broken"]
        assert os.sched_getscheduler(pid_of(review)) == os.SCHED_OTHER
    finally:
        await pool.aclose()


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="a word of Linux")
async def test_a_worker_that_dies_in_the_background_is_replaced_by_one_in_the_background(
    plugins, monkeypatch, tmp_path
):
    monkeypatch.setenv("CODETUNE_TEST_FLAG", str(tmp_path / "died"))
    pool = Pool(background=True)
    try:
        worker = pid_of(await last(pool, task("USE once\n", timeout=100)))
        assert os.sched_getscheduler(worker) == os.SCHED_IDLE
    finally:
        await pool.aclose()


async def test_a_worker_reads_what_a_model_is_asked_about_finds_its_quotes_and_sets_claims_aside(pool):
    text = "def one(a):\n    run(a)\n\n\ndef two(a):\n    run(a)  # codetune: ignore[model/x] known\n"
    document = Document("file:///a.py", text, "python", 1)
    reading = await pool.read(document)
    assert [unit.name for unit in reading.units] == ["one", "two"]
    places = await pool.anchor(document, [Quoted("run(a)", name, "x") for name in ("one", "two", "")])
    assert [place and document.slice(place) for place in places] == ["run(a)", "run(a)", None]
    rule = Rule("model/x", "x")
    claims = [Finding(rule, place, "m", Severity.LOW, Confidence.LOW, ("model",)) for place in places if place]
    shown, aside = await pool.set_aside(SetAsideTask(document, "a.py", tuple(claims), Settings()))
    assert [each.range.start.line for each in shown] == [1]
    assert [each.suppression.reason for each in aside] == ["known"]
