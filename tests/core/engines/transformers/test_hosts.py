"""Model processes are found, shared, and ended; their models count instead of computing."""

import asyncio
from contextlib import aclosing

import pytest
from model_processes import answer, count_to, counting_plan, hosts, pid_of, runtime

from codetune_core.engines.transformers.wire import Loading, Score
from codetune_core.errors import EngineLost, EngineOverloaded, EngineRefused
from codetune_core.runtime.folder import Files

COUNTING = counting_plan()


async def gone(folder, plan):
    while Files(folder, plan.key).socket.exists():
        await asyncio.sleep(0.01)


async def test_an_answer_is_streamed_to_its_end():
    async with hosts() as found:
        text, end = await answer(found, COUNTING, count_to(5))
    assert text == "0 1 2 3 4 "
    assert (end.prompt_tokens, end.completion_tokens, end.finish_reason) == (7, 5, "stop")


async def test_answers_that_run_at_once_do_not_mix():
    async with hosts() as found:
        answers = await asyncio.gather(*(answer(found, COUNTING, count_to(number)) for number in range(20)))
    assert [text.split() for text, _ in answers] == [[str(n) for n in range(number)] for number in range(20)]


async def test_scores_come_on_the_same_connection():
    async with hosts() as found:
        scored = await found.score(COUNTING, Score(id=0, query="q", texts=("a", "bbb")))
    assert scored.scores == (1, 3)


async def test_windows_and_terminals_share_one_process():
    async with runtime() as folder, hosts(folder=folder) as first, hosts(folder=folder) as second:
        await asyncio.gather(*(answer(one, COUNTING, count_to(3)) for one in (first, second) for _ in range(4)))
        assert len(await first.loaded()) == 1
        assert await pid_of(first) == await pid_of(second)


async def test_a_process_outlives_who_started_it():
    async with runtime() as folder:
        async with hosts(folder=folder) as first:
            await answer(first, COUNTING, count_to(1))
            pid = await pid_of(first)
        async with hosts(folder=folder) as second:
            await answer(second, COUNTING, count_to(1))
            assert await pid_of(second) == pid


async def test_a_process_ends_when_nobody_used_it_for_a_while():
    async with hosts() as found:
        plan = counting_plan(idle_seconds=0.05)
        await answer(found, plan, count_to(1))
        await gone(found.folder, plan)
        assert await found.loaded() == {}


async def test_a_process_in_use_does_not_end():
    async with hosts() as found:
        plan = counting_plan("counting-steady", idle_seconds=0.05)
        text, _ = await answer(found, plan, count_to(200))
    assert len(text.split()) == 200


async def test_who_asks_while_a_process_ends_is_answered_by_the_next():
    async with hosts() as found:
        plan = counting_plan(idle_seconds=0.1)
        for milliseconds in range(96, 104):
            assert (await answer(found, plan, count_to(2)))[0] == "0 1 "
            await asyncio.sleep(milliseconds / 1000)


async def test_progress_is_told_while_a_model_loads(tmp_path):
    plan, heard = counting_plan("slow", folder=str(tmp_path)), asyncio.Event()
    stages = []

    def on_progress(loading: Loading) -> None:
        stages.append((loading.stage, loading.part))
        if loading.stage == "weights":
            heard.set()

    async with hosts() as found:
        waiting = asyncio.create_task(found.connect(plan, on_progress))
        await heard.wait()
        (status,) = (await found.loaded()).values()
        assert (status.loaded, status.model) == (False, "slow")
        (tmp_path / "go").touch()
        ready = await (await waiting).ready()
    assert stages[-1] == ("weights", 0.5)
    assert (ready.context_tokens, ready.weights_bytes) == (4096, 1000)


async def test_who_gives_up_while_a_model_loads_does_not_end_the_load(tmp_path):
    plan = counting_plan("slow", folder=str(tmp_path))
    async with hosts() as found:
        loading = asyncio.Event()
        connecting = asyncio.create_task(found.connect(plan, lambda _: loading.set()))
        await loading.wait()
        asking = asyncio.create_task(answer(found, plan, count_to(3)))
        pid = await pid_of(found, "slow")
        for given_up in (connecting, asking):
            given_up.cancel()
        await asyncio.wait([connecting, asking])
        (status,) = (await found.loaded()).values()
        assert not status.loaded
        (tmp_path / "go").touch()
        assert (await answer(found, plan, count_to(2)))[0] == "0 1 "
        assert await pid_of(found, "slow") == pid


async def test_unloading_fails_what_runs():
    async with hosts() as found, aclosing(found.generate(COUNTING, count_to("forever"))) as items:
        await anext(items)
        assert await found.unload("counting") == 1
        with pytest.raises(EngineLost, match="counting was unloaded"):
            async for _ in items:
                pass
        assert await found.loaded() == {}


async def test_a_model_that_cannot_be_loaded_says_why():
    async with hosts() as found:
        with pytest.raises(EngineRefused, match="no such weights: pull them"):
            await answer(found, counting_plan("fails"), count_to(1))


async def test_the_model_used_least_recently_makes_room():
    async with hosts(capacity=25) as found:
        # The second use of "a" takes long, so that it ends clearly later than that of "b", however busy the machine is.
        for name, number in (("a", 1), ("b", 1), ("a", 3000), ("c", 1)):
            await answer(found, counting_plan(name, bytes_needed=10), count_to(number))
        assert {status.model for status in (await found.loaded()).values()} == {"a", "c"}


async def test_a_model_in_use_is_not_unloaded():
    first, second = counting_plan("a", bytes_needed=10), counting_plan("b", bytes_needed=10)
    async with hosts(capacity=15) as found, aclosing(found.generate(first, count_to("forever"))) as items:
        await anext(items)
        with pytest.raises(EngineOverloaded, match=r"b needs 0\.0 GB .* in use: a"):
            await answer(found, second, count_to(1))
        await anext(items)


async def test_memory_of_models_on_other_devices_does_not_count():
    async with hosts(capacity=15) as found:
        await answer(found, counting_plan("a", bytes_needed=10), count_to(1))
        await answer(found, counting_plan("b", bytes_needed=10, device="cuda:0"), count_to(1))
        assert len(await found.loaded()) == 2


async def test_two_programs_that_start_models_at_once_do_not_count_on_the_same_memory():
    plans = [counting_plan(name, bytes_needed=10) for name in ("a", "b")]
    async with runtime() as folder, hosts(folder=folder, capacity=15) as a, hosts(folder=folder, capacity=15) as b:
        asked = [answer(found, plan, count_to(1)) for found, plan in zip((a, b), plans, strict=True)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(one, tuple | EngineOverloaded) for one in outcomes)
        assert any(isinstance(one, tuple) for one in outcomes)
        assert len(await a.loaded()) == 1
