"""When documents are reviewed."""

import asyncio

import pytest

from codetune_core.domain.review import Stage
from codetune_server.scheduler import Rhythm, Scheduler


class Reviews:
    """Reviews that take as long as they are told to, and note what happens to them."""

    def __init__(self):
        self.log = []
        self.stages = [Stage.LIVE, Stage.COMPLETE, Stage.FIXED]
        self.seconds = 0.01
        self.error = None

    async def __call__(self, uri, thorough):
        self.log.append(("began", uri, thorough))
        try:
            for stage in self.stages:
                await asyncio.sleep(self.seconds)
                if self.error:
                    raise self.error
                yield stage
        except (asyncio.CancelledError, GeneratorExit):
            self.log.append(("closed", uri))
            raise
        self.log.append(("ended", uri))

    def count(self, what):
        return sum(entry[0] == what for entry in self.log)


@pytest.fixture
def reviews():
    return Reviews()


@pytest.fixture
async def scheduler(reviews):
    scheduler = Scheduler(reviews)
    yield scheduler
    await scheduler.aclose()


async def test_only_the_newest_of_many_reviews_of_a_document_ends(scheduler, reviews):
    for _ in range(10):
        scheduler.now("a", thorough=True)
        await asyncio.sleep(0.005)
    await scheduler.complete("a")
    await asyncio.sleep(0.1)
    assert reviews.count("ended") == 1
    assert reviews.count("closed") == reviews.count("began") - 1


async def test_documents_do_not_wait_for_one_another(scheduler, reviews):
    scheduler.now("a", thorough=True)
    scheduler.now("b", thorough=True)
    await asyncio.gather(scheduler.complete("a"), scheduler.complete("b"))
    assert {entry[1] for entry in reviews.log if entry[0] == "began"} == {"a", "b"}
    assert reviews.count("closed") == 0


async def test_a_burst_of_changes_is_one_review(scheduler, reviews):
    for _ in range(20):
        scheduler.soon("a", 0.05, 0.2)
        await asyncio.sleep(0.005)
    await scheduler.live("a")
    assert [entry for entry in reviews.log if entry[0] == "began"] == [("began", "a", False)]


async def test_typing_puts_off_the_slow_detectors_and_does_not_forget_them(scheduler, reviews):
    scheduler.now("a", thorough=True)
    await asyncio.sleep(0.005)
    for _ in range(3):
        scheduler.soon("a", 0.01, 0.02)
    await scheduler.complete("a")
    scheduler.soon("a", 0.01, 0.02)
    await scheduler.complete("a")
    assert [entry for entry in reviews.log if entry[0] == "began"] == [
        ("began", "a", True),
        ("began", "a", True),
        ("began", "a", False),
    ]


async def test_who_waits_for_an_overtaken_review_gets_the_newer_one(scheduler, reviews):
    scheduler.now("a", thorough=True)
    waiting = asyncio.ensure_future(scheduler.live("a"))
    await asyncio.sleep(0)
    reviews.seconds = 0.05
    scheduler.now("a", thorough=True)
    await asyncio.sleep(0.02)
    assert not waiting.done()
    await waiting
    assert reviews.count("began") >= 1


async def test_the_fast_answers_are_not_held_up_by_the_slow_ones(scheduler, reviews):
    scheduler.now("a", thorough=True)
    await scheduler.live("a")
    assert reviews.count("ended") == 0
    await scheduler.complete("a")


async def test_nobody_waits_for_a_document_that_is_not_reviewed(scheduler):
    await asyncio.wait_for(scheduler.live("a"), 1)
    await asyncio.wait_for(scheduler.complete("a"), 1)


@pytest.mark.parametrize("wait", ["live", "complete"])
async def test_a_review_that_fails_lets_its_waiters_go_and_the_next_one_runs(scheduler, reviews, wait):
    reviews.error = ValueError("no")
    scheduler.now("a", thorough=True)
    await asyncio.wait_for(getattr(scheduler, wait)("a"), 1)
    reviews.error = None
    scheduler.now("a", thorough=True)
    await asyncio.wait_for(getattr(scheduler, wait)("a"), 1)


@pytest.mark.parametrize("wait", ["live", "complete"])
async def test_a_closed_document_is_reviewed_no_further_and_nobody_waits_for_it(scheduler, reviews, wait):
    reviews.seconds = 5
    scheduler.now("a", thorough=True)
    waiting = asyncio.ensure_future(getattr(scheduler, wait)("a"))
    await asyncio.sleep(0.01)
    scheduler.forget("a")
    await asyncio.wait_for(waiting, 1)
    assert reviews.count("closed") == 1


def rhythm(gaps, review=0.0):
    """A rhythm after changes with these gaps between them, in seconds."""
    found, now = Rhythm(), 100.0
    for gap in gaps:
        now += gap
        found.changed(now)
    if review:
        found.reviewed(review)
    return found


@pytest.mark.parametrize(
    ("gaps", "review", "expected"),
    [
        ([], 0, 0.075),
        ([5], 0, 0.075),
        ([5, 0.01, 0.01], 0, 0.075),
        ([5, 0.2, 0.2, 0.2], 0, 0.3),
        ([5, 1.5, 1.5], 0, 1.0),
        ([5, 60, 60], 0, 0.075),
        ([5], 0.6, 0.3),
        ([5], 30, 1.0),
        ([5, 0.2, 0.2], 0.1, 0.3),
    ],
)
def test_the_wait_follows_the_typing_and_the_price_of_a_review_within_its_bounds(gaps, review, expected):
    assert rhythm(gaps, review).delay(0.075, 1.0) == pytest.approx(expected)


def test_the_least_wait_holds_where_the_most_is_set_below_it():
    assert rhythm([5, 1, 1]).delay(0.5, 0.1) == pytest.approx(0.5)
