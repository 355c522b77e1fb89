"""Group commit: what comes during one transaction is written in the next, each with its own outcome."""

import asyncio
import functools
import operator
from collections.abc import Sequence

import pytest

from codetune_core.storage.group_commit import GroupCommit


class Paper:
    """Where things are written: in transactions, which end when they are let; a negative number cannot be written."""

    def __init__(self) -> None:
        self.transactions: list[list[int]] = []
        self.let = asyncio.Event()
        self.let.set()
        self.begun = asyncio.Event()

    async def together(self, items: Sequence[int]) -> None:
        self.begun.set()
        await self.let.wait()
        if wrong := [item for item in items if item < 0]:
            raise ValueError(f"{wrong[0]} is negative")
        self.transactions.append(list(items))

    async def alone(self, item: int) -> None:
        await self.together([item])


def queue_of(paper: Paper) -> GroupCommit[int]:
    return GroupCommit(paper.together, paper.alone)


async def test_what_comes_while_one_is_written_makes_up_the_next_transaction() -> None:
    paper = Paper()
    queue = queue_of(paper)
    paper.let.clear()
    first = asyncio.create_task(queue.write(0))
    await paper.begun.wait()
    others = [asyncio.create_task(queue.write(number)) for number in range(1, 10)]
    await asyncio.sleep(0)
    paper.let.set()
    await asyncio.gather(first, *others)
    assert paper.transactions == [[0], list(range(1, 10))]


async def test_nobody_waits_for_company() -> None:
    paper = Paper()
    await queue_of(paper).write(7)
    assert paper.transactions == [[7]]


async def test_one_that_cannot_be_written_gets_its_error_and_the_others_are_written() -> None:
    paper = Paper()
    queue = queue_of(paper)
    outcomes = await asyncio.gather(*(queue.write(number) for number in (1, -2, 3, -4)), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["None", "-2 is negative", "None", "-4 is negative"]
    assert sorted(functools.reduce(operator.iadd, paper.transactions, [])) == [1, 3]


async def test_who_is_cancelled_takes_nothing_back() -> None:
    paper = Paper()
    queue = queue_of(paper)
    paper.let.clear()
    impatient = asyncio.create_task(queue.write(1))
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    paper.let.set()
    await queue.flush()
    assert paper.transactions == [[1]]


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 1000])
async def test_all_of_many_are_written_once_in_order_and_a_flush_waits_for_them(count: int) -> None:
    paper = Paper()
    queue = queue_of(paper)
    writing = [asyncio.create_task(queue.write(number)) for number in range(count)]
    await asyncio.sleep(0)
    await queue.flush()
    assert functools.reduce(operator.iadd, paper.transactions, []) == list(range(count))
    assert all(len(transaction) <= 200 for transaction in paper.transactions)
    await asyncio.gather(*writing)
