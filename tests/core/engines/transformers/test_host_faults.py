"""Model processes die, hang, and run out of memory; only what ran in them is lost."""

import asyncio
import os
import signal
import sys
from contextlib import aclosing, suppress

import pytest
from model_processes import answer, count_to, counting_plan, hosts, pid_of, runtime
from processes import await_line, end, start

from codetune_core.errors import EngineLost, EngineOverloaded, EngineRefused, EngineTimeout, ExecutionError
from codetune_core.runtime.folder import Files, held, take

COUNTING = counting_plan()


async def check_survives(found, plan=COUNTING):
    """The next request is answered."""
    assert (await answer(found, plan, count_to(3)))[0] == "0 1 2 "


@pytest.mark.parametrize(
    ("number", "said"),
    [(signal.SIGKILL, r"killed by signal 9 \(SIGKILL\), perhaps because memory ran out"), (signal.SIGSEGV, "SIGSEGV")],
)
async def test_a_process_killed_in_the_middle_of_an_answer_is_replaced(number, said):
    async with hosts() as found:
        async with aclosing(found.generate(COUNTING, count_to("forever"))) as items:
            await anext(items)
            first = await pid_of(found)
            os.kill(first, number)
            with pytest.raises(EngineLost, match=said):
                async for _ in items:
                    pass
        await check_survives(found)
        assert await pid_of(found) != first


async def test_all_that_ran_in_a_killed_process_fails():
    async with hosts() as found:
        await check_survives(found)
        running = [asyncio.create_task(answer(found, COUNTING, count_to("forever"))) for _ in range(8)]
        while not any(status.running == 8 for status in (await found.loaded()).values()):
            await asyncio.sleep(0)
        os.kill(await pid_of(found), signal.SIGKILL)
        outcomes = await asyncio.gather(*running, return_exceptions=True)
        assert [type(one) for one in outcomes] == [EngineLost] * 8


async def test_a_program_that_did_not_start_the_process_learns_of_its_death():
    async with runtime() as folder, hosts(folder=folder) as starter, hosts(folder=folder) as other:
        await check_survives(starter)
        with pytest.raises(EngineLost, match="the model process of counting ended"):
            await answer(other, COUNTING, count_to("die"))
        await check_survives(other)


async def test_who_started_the_process_before_learns_of_the_death_of_anothers():
    async with runtime() as folder, hosts(folder=folder) as starter, hosts(folder=folder) as other:
        await check_survives(starter)
        await starter.unload("counting")
        await check_survives(other)
        with pytest.raises(EngineLost, match=r"the model process of counting ended(?! with)"):
            await answer(starter, COUNTING, count_to("die"))


async def test_a_process_killed_while_it_loads_is_replaced(tmp_path):
    plan = counting_plan("slow", folder=str(tmp_path))
    async with hosts() as found:
        loading = asyncio.Event()
        waiting = asyncio.create_task(found.connect(plan, lambda _: loading.set()))
        await loading.wait()
        os.kill(await pid_of(found, "slow"), signal.SIGKILL)
        with pytest.raises(EngineLost, match="killed by signal 9"):
            await waiting
        (tmp_path / "go").touch()
        await check_survives(found, plan)


async def test_a_process_that_ends_itself_says_its_exit_code_and_last_words():
    async with hosts() as found:
        with pytest.raises(EngineLost, match=r"ended with exit code 3: free\(\): invalid pointer"):
            await answer(found, counting_plan("dies"), count_to(1))


async def test_a_model_that_kills_its_process_each_time_is_left_alone_for_a_while():
    plan = counting_plan("dies")
    async with hosts() as found:
        for _ in range(3):
            with pytest.raises(EngineLost, match="exit code 3"):
                await answer(found, plan, count_to(1))
        with pytest.raises(EngineLost, match=r"could not be loaded 3 times in a row, and is tried again in \d+ s"):
            await answer(found, plan, count_to(1))
        await check_survives(found)


async def test_requests_that_wait_for_one_load_count_one_failure():
    plan = counting_plan("dies")
    async with hosts() as found:
        outcomes = await asyncio.gather(*(answer(found, plan, count_to(1)) for _ in range(8)), return_exceptions=True)
        assert not [one for one in outcomes if "times in a row" in str(one)]


async def test_memory_that_runs_out_while_loading_is_said_in_words():
    async with hosts() as found:
        with pytest.raises(EngineRefused, match=r"memory ran out while memory was loaded, which needs about 3\.0 GB"):
            await answer(found, counting_plan("memory", bytes_needed=3 * 10**9), count_to(1))


@pytest.mark.parametrize(
    ("word", "error", "said"),
    [
        ("memory", EngineOverloaded, "not enough memory for this request"),
        ("raise", ExecutionError, "ValueError: a bug"),
    ],
)
async def test_a_step_that_fails_costs_its_requests_and_not_the_process(word, error, said):
    async with hosts() as found:
        await check_survives(found)
        pid = await pid_of(found)
        with pytest.raises(error, match=said):
            await answer(found, COUNTING, count_to(word))
        await check_survives(found)
        assert await pid_of(found) == pid


async def test_a_runner_that_fails_at_each_step_is_replaced():
    async with hosts() as found:
        with pytest.raises(ExecutionError, match="the device is gone"):
            await answer(found, COUNTING, count_to("broken"))
        await check_survives(found)


async def test_a_stream_that_stalls_is_given_up_and_its_process_replaced_where_it_hangs():
    async with hosts(gap=0.2, status=0.5) as found:
        async with aclosing(found.generate(counting_plan("counting-steady"), count_to("forever"))) as items:
            await anext(items)
            pid = await pid_of(found, "counting-steady")
            os.kill(pid, signal.SIGSTOP)
            with pytest.raises(EngineTimeout, match="hung and was killed"):
                async for _ in items:
                    pass
        await check_survives(found, counting_plan("counting-steady"))
        assert await pid_of(found, "counting-steady") != pid


async def test_a_process_stuck_in_one_step_is_killed_though_it_says_its_status():
    async with hosts(first_token=0.3) as found:
        with pytest.raises(EngineTimeout, match="stuck for"):
            await answer(found, COUNTING, count_to("hang"))
        await check_survives(found)


async def test_a_slow_answer_is_given_up_and_the_process_kept():
    async with hosts() as found:
        await check_survives(found)
        connection = await found.connect(COUNTING)
        connection._patience = type(connection._patience)(first_token=10, gap=0)
        with pytest.raises(EngineTimeout, match="counting gave no token for 0 seconds"):
            await answer(found, COUNTING, count_to("forever"))
        pid = await pid_of(found)
        while any(status.running for status in (await found.loaded()).values()):
            await asyncio.sleep(0)
        assert await pid_of(found) == pid


async def test_sockets_of_dead_processes_are_removed():
    async with hosts() as found:
        await check_survives(found)
        await (await found.connect(COUNTING)).aclose()
        os.kill(await pid_of(found), signal.SIGKILL)
        while Files(found.folder, COUNTING.key).socket.exists():
            assert await found.loaded() == {}


async def test_a_model_that_hangs_does_not_keep_another_from_being_loaded():
    async with hosts(status=0.5) as found:
        await check_survives(found)
        os.kill(await pid_of(found), signal.SIGSTOP)
        await check_survives(found, counting_plan("other"))


async def test_a_peer_that_speaks_another_language_is_hung_up_on():
    async with hosts() as found:
        await check_survives(found)
        reader, writer = await asyncio.open_unix_connection(Files(found.folder, COUNTING.key).socket)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        with suppress(ConnectionResetError):
            while await reader.read(1000):
                pass
        writer.close()
        await check_survives(found)


async def test_a_process_that_never_listens_is_killed():
    async with hosts((sys.executable, "-c", "import time; time.sleep(3600)"), start=0.2) as found:
        with pytest.raises(EngineLost, match="killed by signal 9"):
            await answer(found, COUNTING, count_to(1))


async def test_a_program_that_cannot_be_started_is_said():
    async with hosts(("/no/such/python",)) as found:
        with pytest.raises(EngineOverloaded, match=r"no process can be started for counting: .*/no/such/python"):
            await answer(found, COUNTING, count_to(1))


async def test_a_program_that_starts_a_model_for_too_long_is_not_waited_for():
    async with hosts(start=0.05) as found:
        with held(take(found.folder / "starting.lock")), pytest.raises(EngineTimeout, match="another program has been"):
            await answer(found, COUNTING, count_to(1))


async def test_a_program_that_hangs_before_it_listens_is_replaced():
    async with hosts(start=0.2) as found:
        files = Files(found.folder, COUNTING.key)
        script = f"import fcntl, time; f = open({str(files.lock)!r}, 'a'); fcntl.flock(f, 2)\nimport os\n"
        script += "f.write(str(os.getpid())); f.flush(); print('locked', flush=True); time.sleep(3600)"
        hanging = start(script)
        assert await asyncio.to_thread(await_line, hanging) == "locked"
        with suppress(EngineLost):  # where this machine takes longer than that to start Python
            await check_survives(found)
        assert await asyncio.to_thread(end, hanging) == -signal.SIGKILL
