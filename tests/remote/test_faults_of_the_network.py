"""What a network does to an execution on a service: nothing is generated twice or lost, and each end is said."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from conformance import key_for, listen, served, to_tcp
from running import SAYS, Gate, Running, request, running, script, text, types
from tcp_proxy import TcpProxy, proxied

from codetune_core.domain.execution import ErrorKind, ModelIdentity
from codetune_core.engines.scripted import ScriptedEngine
from codetune_core.execution.remote import answer
from codetune_core.execution.remote.executor import RemoteExecutor
from codetune_core.execution.remote.limits import Limits
from codetune_remote.service import Service
from codetune_remote.streams.hub import Hub

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LIMITS = Limits(first_event=20, gap=20, reach=5, patience=5, resume=10)


@dataclass
class Line:
    executor: RemoteExecutor
    core: Running
    service: Service
    proxy: TcpProxy

    @property
    def engine(self):
        return self.core.engine

    async def run(self, **changes) -> list:
        return [event async for event in self.executor.execute(request(**changes))]

    async def recorded(self) -> list:
        async with asyncio.timeout(20):
            while True:
                rows = await self.core.recorded()
                if rows and all(row.success is not None for row in rows):
                    return rows
                await asyncio.sleep(0.005)


@pytest.fixture
def line(database, monkeypatch, tmp_path):
    """``async with line(engine, limits) as there``: a service behind a proxy, asked with a key."""

    @asynccontextmanager
    async def opened(engine=None, limits=LIMITS, prompt=None, **sections):
        async with (
            running(database, engine, prompt=prompt, **sections) as parts,
            served(parts, tmp_path, **sections) as (service, runner),
            proxied(await listen(runner)) as proxy,
        ):
            executor = to_tcp(proxy.url, monkeypatch, await key_for(service), limits)
            try:
                yield Line(executor, parts, service, proxy)
            finally:
                await executor.aclose()

    return opened


async def reads_until(there, kind: str) -> tuple[list, asyncio.Task, asyncio.Event]:
    """Begin an execution; return its events so far, the task that reads it, once an event of this kind came."""
    events, came = [], asyncio.Event()

    async def read() -> None:
        async for event in there.executor.execute(request()):
            events.append(event)
            if event.type == kind:
                came.set()

    task = asyncio.create_task(read())
    async with asyncio.timeout(20):
        await came.wait()
    return events, task, came


def whole(events) -> bool:
    """Whether nothing is missing, and nothing is there twice."""
    seen = [event for event in events if event.type != "waiting"]
    kinds = types(seen)
    return kinds[0] == "started" and kinds.count("finished") == 1 and text(seen) == seen[-1].output == SAYS


async def test_executions_one_after_the_other_use_one_connection(line, monkeypatch):
    monkeypatch.setattr(answer, "_DRAIN_SECONDS", 20)  # it ends when it is recorded, late on a busy machine
    async with line() as there:
        for number in range(3):
            assert whole(await there.run(code=f"x = {number}"))
        assert there.proxy.connections == 1


async def test_a_slow_network_changes_nothing(line):
    async with line() as there:
        there.proxy.latency = 0.02
        assert whole(await there.run())
        assert there.engine.started == 1


async def test_wherever_a_connection_breaks_the_answer_is_whole_and_generated_once(line):
    async with line() as there:
        for number, after in enumerate([0, 1, *range(100, 1200, 113)]):
            there.proxy.cut()
            there.proxy.cut_after = after
            assert whole(await there.run(code=f"x = {number}")), after
            assert there.engine.started == number + 1, after
        rows = await there.recorded()
    assert all(row.success for row in rows)
    assert len(rows) == there.engine.started


async def test_a_connection_that_is_cut_between_tokens_is_picked_up(line):
    gate = Gate(3)
    async with line(ScriptedEngine(script(), gate)) as there:
        events, task, _ = await reads_until(there, "token")
        await gate.reached.wait()
        there.proxy.cut()
        gate.open.set()
        await task
        [row] = await there.recorded()
    assert whole(events)
    assert row.success
    assert there.engine.started == 1
    assert there.proxy.connections == 2


async def test_a_connection_that_went_dead_is_noticed_and_picked_up(line):
    gate = Gate(3)
    limits = Limits(first_event=20, gap=20, silence=0.3, resume=10)
    async with line(ScriptedEngine(script(), gate), limits) as there:
        events, task, _ = await reads_until(there, "token")
        await gate.reached.wait()
        there.proxy.freeze()
        gate.open.set()
        await task
    assert whole(events)
    assert there.engine.started == 1


async def test_a_connection_that_is_reset_before_the_request_arrives_is_tried_again(line):
    async with line() as there:
        there.proxy.reset_before = 2
        assert whole(await there.run())
        assert there.engine.started == 1


@pytest.mark.parametrize("held", [False, True], ids=["the answer is over", "the answer is being written"])
async def test_a_request_whose_answer_was_lost_is_joined_and_not_run_again(line, held):
    gate = Gate(1)
    async with line(ScriptedEngine(script(), gate if held else None)) as there:
        there.proxy.reset_after_request = 1
        task = asyncio.create_task(there.run())
        if held:
            async with asyncio.timeout(20):
                await gate.reached.wait()
            gate.open.set()
        assert whole(await task)
        [row] = await there.recorded()
    assert row.success
    assert there.engine.started == 1


async def test_a_request_that_arrives_twice_runs_once(line):
    async with line() as there:
        there.proxy.doubles = True
        assert whole(await there.run())
        assert len(await there.recorded()) == 1
    assert there.engine.started == 1


async def test_a_proxy_that_holds_answers_back_only_delays_them(line):
    async with line() as there:
        there.proxy.buffers = True
        assert whole(await there.run())


async def test_who_reads_slowly_gets_all_of_it(line):
    answer = tuple(f"{number} {'x' * 1000}\n" for number in range(1500))
    models = (ModelIdentity("tiny", "scripted", 4_000_000),)
    async with line(script(answer, models=models), prompt={"max_tokens": 2000}) as there:
        events = []
        async for event in there.executor.execute(request()):
            events.append(event)
            await asyncio.sleep(0.001)
    assert text(events).split() == events[-1].output.split() == "".join(answer).split()


async def test_a_service_that_does_not_come_back_is_given_up(line):
    gate = Gate(3)
    limits = Limits(first_event=20, gap=20, resume=0.3)
    async with line(ScriptedEngine(script(), gate), limits, serve={"resume_seconds": 0.5}) as there:
        events, task, _ = await reads_until(there, "token")
        await gate.reached.wait()
        there.proxy.refuses = True
        there.proxy.cut()
        await task
        [row] = await there.recorded()
    assert events[-1].kind is ErrorKind.ENGINE_LOST
    assert "could not be picked up again within 0.3 seconds" in events[-1].message
    assert not events[-1].unavailable
    assert row.error_kind is ErrorKind.CANCELLED
    assert there.engine.started == there.engine.cancelled == 1


async def test_a_service_that_was_restarted_has_lost_the_execution_and_it_is_not_run_again(line):
    gate = Gate(3)
    async with line(ScriptedEngine(script(), gate)) as there:
        events, task, _ = await reads_until(there, "token")
        await gate.reached.wait()
        there.proxy.refuses = True
        there.proxy.cut()
        before, there.service.hub = there.service.hub, Hub(lambda: there.core.executor, there.service.settings)
        there.proxy.refuses = False
        await task
        gate.open.set()
        await before.aclose()
    assert events[-1].kind is ErrorKind.ENGINE_LOST
    assert "answered 404" in events[-1].message
    assert there.engine.started == 1


async def test_who_leaves_while_the_connection_is_broken_has_cancelled(line):
    gate = Gate(3)
    async with line(ScriptedEngine(script(), gate)) as there:
        _, task, _ = await reads_until(there, "token")
        await gate.reached.wait()
        there.proxy.freeze()
        task.cancel()
        await asyncio.wait({task})
        [row] = await there.recorded()
    assert row.error_kind is ErrorKind.CANCELLED
    assert there.engine.cancelled == 1


async def test_a_service_that_cannot_be_reached_is_said_to_be_unavailable(line):
    async with line(limits=Limits(reach=0.2)) as there:
        there.proxy.refuses = True
        events = await there.run()
    assert events[-1].kind is ErrorKind.ENGINE_LOST
    assert events[-1].unavailable
    assert there.engine.started == 0
