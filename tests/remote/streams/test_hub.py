"""Executions and their connections: joined, resumed, cancelled, kept for a while, and nothing left behind."""

import asyncio
import gc
import random
import time
import weakref
from dataclasses import replace
from uuid import uuid4

import pytest
from serving import on_socket, running, settings_for
from streams import SCRIPT, WORDS, body, engine_of, eventually, hold, quiet, sse, stream, users

from codetune_core.domain.execution import ErrorKind, Priority
from codetune_core.execution.headers import EXECUTION_HEADER, RESUMABLE_HEADER
from codetune_remote.streams.send import Pace

RESUMABLE = {RESUMABLE_HEADER: "1"}
SLOW = f"default: {{answers: ['{WORDS}'], token_delay_ms: 2}}\n"


@pytest.fixture
def serve(sqlite_url, tmp_path):
    """An open service with settings of its own."""
    return lambda script=SCRIPT, **serve: running(settings_for(tmp_path, sqlite_url, script, serve=serve))


@pytest.fixture
async def service(serve):
    async with serve() as service:
        yield service
        await quiet(service)


@pytest.fixture
async def client(service, tmp_path):
    async with on_socket(service, tmp_path / "s") as client:
        yield client


def chosen():
    return {EXECUTION_HEADER: str(uuid4())}


async def recorded(service, execution_id):
    """The record, once it is there."""
    while (found := await service.core.history.get(execution_id)) is None or found.success is None:
        await asyncio.sleep(0.005)
    return found


async def test_asking_again_with_the_same_id_joins_what_runs(client, service):
    gate, headers = hold(service, 2), chosen()
    async with stream(client, headers=headers) as first:
        await gate.reached.wait()
        async with stream(client, headers=headers, deadline_seconds=3) as second:
            gate.open.set()
            frames = [await first.rest(), await second.rest()]
    assert frames[0] == frames[1]
    assert frames[0].text == WORDS
    assert engine_of(service).started == 1


@pytest.mark.parametrize("form", ["stream", "json"])
async def test_who_asks_twice_at_once_has_one_execution(client, service, form):
    headers = {**chosen(), "Accept": "application/json" if form == "json" else "text/event-stream"}

    async def ask():
        async with client.post("/api/execute", json=body(), headers=headers) as answer:
            return answer.status, await answer.text()

    answers = await asyncio.gather(*[ask() for _ in range(10)])
    served = [text for status, text in answers if status == 200]
    assert served
    assert {status for status, _ in answers} <= {200, 409}  # 409 for who came when it was over
    assert len(set(served)) == 1
    assert engine_of(service).started == 1


async def test_the_id_of_another_request_is_a_conflict(client, service):
    gate, headers = hold(service, 1), chosen()
    async with stream(client, headers=headers) as first:
        await gate.reached.wait()
        async with client.post("/api/execute", json=body("c - d"), headers=headers) as answer:
            assert answer.status == 409
        gate.open.set()
        await first.rest()
    async with client.post("/api/execute", json=body(), headers=headers) as answer:
        assert answer.status == 409
        assert "is over" in (await answer.json())["detail"]


@pytest.mark.parametrize("after", [0, 1, 3, 99])
async def test_events_can_be_picked_up_from_any_number(client, service, after):
    async with stream(client) as asked:
        whole = await asked.rest()
    path, number = f"/api/execution/{asked.id}/events", min(after, len(whole.events) - 1)
    async with stream(client, path, "GET", {"Last-Event-ID": str(number)}) as again:
        frames = await again.rest()
    assert frames.events == whole.events[number:]
    assert frames.numbers == whole.numbers[number:]


async def test_where_nothing_follows_any_more_there_is_no_content(client, service):
    async with stream(client) as asked:
        whole = await asked.rest()
    headers = {"Last-Event-ID": str(len(whole.events))}
    async with client.get(f"/api/execution/{asked.id}/events", headers=headers) as answer:
        assert (answer.status, await answer.read()) == (204, b"")


async def test_a_resumed_stream_goes_on_while_the_execution_does(client, service):
    gate = hold(service, 3)
    async with stream(client, headers=RESUMABLE) as asked:
        await asked.until("token")
        await gate.reached.wait()
        asked.hang_up()
    await eventually(lambda: not service.hub.readers, what="its reader has gone")
    number = asked.frames.numbers[-1]
    async with stream(client, f"/api/execution/{asked.id}/events", "GET", {"Last-Event-ID": str(number)}) as again:
        gate.open.set()
        frames = await again.rest()
    assert asked.frames.text + frames.text == WORDS
    assert asked.frames.numbers + frames.numbers == list(range(1, len(asked.frames.events + frames.events) + 1))
    assert engine_of(service).cancelled == 0


async def test_the_whole_answer_can_be_had_as_json_afterwards(client, service):
    async with stream(client) as asked:
        await asked.rest()
    headers = {"Accept": "application/json"}
    async with client.get(f"/api/execution/{asked.id}/events", headers=headers) as answer:
        assert (await answer.json())["output"] == WORDS


@pytest.mark.parametrize("form", ["stream", "json"])
async def test_a_client_that_goes_away_stops_the_engine(client, service, form):
    gate = hold(service, 1)
    headers = {**chosen(), "Accept": "application/json" if form == "json" else "text/event-stream"}
    asking = asyncio.create_task(client.post("/api/execute", json=body(), headers=headers))
    await gate.reached.wait()
    if form == "stream":
        answer = await asking
        answer.close()
    else:
        asking.cancel()
        await asyncio.wait({asking})
    await eventually(lambda: engine_of(service).cancelled == 1, what="the engine stops")
    await eventually(lambda: not service.admission.gate.running, what="its turn ends")


@pytest.mark.slow
async def test_the_engine_stops_within_50_ms_of_the_disconnect(client, service):
    took = []
    for number in range(20):
        gate = hold(service, 1)
        async with stream(client, **body(f"a + {number}")) as asked:
            await gate.reached.wait()
            before = time.monotonic()
            asked.hang_up()
            while engine_of(service).cancelled == number:
                await asyncio.sleep(0)
            took.append(time.monotonic() - before)
    assert sorted(took)[len(took) // 4] <= 0.05  # the rest is the machine's, which others use too


async def test_it_is_recorded_as_cancelled(client, service):
    gate = hold(service, 1)
    async with stream(client) as asked:
        await gate.reached.wait()
        asked.hang_up()
    assert (await recorded(service, asked.id)).error_kind is ErrorKind.CANCELLED


async def test_it_goes_on_as_long_as_somebody_else_reads_it(client, service):
    gate, headers = hold(service, 2), chosen()
    async with stream(client, headers=headers) as first, stream(client, headers=headers) as second:
        await gate.reached.wait()
        first.hang_up()
        await eventually(lambda: service.hub.readers == 1, what="the first has left")
        gate.open.set()
        assert (await second.rest()).text == WORDS
    assert engine_of(service).cancelled == 0


async def test_an_equal_request_of_another_client_goes_on_with_the_same_generation(client, service):
    prompts = service.core.prompts
    exact = (await prompts.version("explain-code", 1)).wording.model_copy(update={"temperature": 0})
    await prompts.edit("explain-code", exact, by="ada")
    gate = hold(service, 2)
    async with stream(client, version=2) as first:
        await gate.reached.wait()
        async with stream(client, version=2) as second:
            await second.until("from_cache")
            first.hang_up()
            await eventually(lambda: service.hub.readers == 1, what="the first has left")
            gate.open.set()
            assert (await second.rest()).text == WORDS
    assert (engine_of(service).started, engine_of(service).cancelled) == (1, 0)


async def test_who_could_come_back_and_does_not_is_waited_for_so_long(serve, tmp_path):
    async with serve(resume_seconds=0.05) as service, on_socket(service, tmp_path / "s") as client:
        gate = hold(service, 1)
        async with stream(client, headers=RESUMABLE) as asked:
            await gate.reached.wait()
            asked.hang_up()
        await eventually(lambda: engine_of(service).cancelled == 1, what="it is given up")
        assert (await recorded(service, asked.id)).error_kind is ErrorKind.CANCELLED
        await eventually(lambda: len(service.hub) == 0, what="it is forgotten")


async def test_events_are_kept_for_a_while_and_then_gone(serve, tmp_path):
    async with serve(resume_seconds=0.05) as service, on_socket(service, tmp_path / "s") as client:
        async with stream(client) as asked:
            await asked.rest()
        await eventually(lambda: len(service.hub) == 0, what="it is forgotten")
        async with client.get(f"/api/execution/{asked.id}/events") as answer:
            assert answer.status == 404


@pytest.mark.parametrize("limit", ["_most_kept", "_most_kept_bytes"])
async def test_what_is_kept_is_bounded_and_the_oldest_goes_first(client, service, limit):
    ids = []
    for number in range(4):
        async with stream(client, **body(f"a + {number}")) as asked:
            await asked.rest()
        ids.append(asked.id)
        each = 1 if limit == "_most_kept" else service.hub.get(asked.id).log.bytes
        setattr(service.hub, limit, each * 5 // 2)
    await eventually(lambda: not service.hub.running, what="all have ended")
    kept = [service.hub.get(execution_id) is not None for execution_id in ids]
    assert kept == sorted(kept)
    assert kept[-1]
    assert not kept[0]


async def test_delete_stops_it_for_all_who_read(client, service):
    gate, headers = hold(service, 1), chosen()
    async with stream(client, headers=headers) as first, stream(client, headers=headers) as second:
        await gate.reached.wait()
        async with client.delete(f"/api/execution/{first.id}") as answer:
            assert answer.status == 204
        assert (await recorded(service, first.id)).error_kind is ErrorKind.CANCELLED
        for reading in (first, second):
            last = (await reading.rest()).events[-1]
            assert (last["type"], last["kind"]) == ("failed", "cancelled")
    assert engine_of(service).cancelled == 1


async def test_delete_of_what_is_over_changes_nothing(client, service):
    async with stream(client) as asked:
        await asked.rest()
    async with client.delete(f"/api/execution/{asked.id}") as answer:
        assert answer.status == 204
    assert (await recorded(service, asked.id)).success


async def test_what_waits_in_the_queue_can_be_cancelled_and_never_runs(serve, tmp_path):
    async with serve(concurrent=1) as service, on_socket(service, tmp_path / "s") as client:
        gate = hold(service, 1)
        async with stream(client) as first:
            await gate.reached.wait()
            async with stream(client, **body("waits")) as second, stream(client, **body("waits too")) as third:
                assert service.admission.gate.waiting == 2
                async with client.delete(f"/api/execution/{second.id}") as answer:
                    assert answer.status == 204
                third.hang_up()
                await eventually(lambda: service.admission.gate.waiting == 0, what="both left the queue")
                assert (await second.rest()).types == ["failed"]
            gate.open.set()
            assert (await first.rest()).text == WORDS
        await quiet(service)
        assert engine_of(service).started == 1


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
async def test_nobody_else_can_reach_an_execution(service, method):
    gate = hold(service, 1)
    async with users(service, "ada", "bob", "ada") as (ada, bob, ada_elsewhere):  # noqa: SIM117 - it gives the client
        async with stream(ada, headers=chosen()) as asked:
            await gate.reached.wait()
            if method == "POST":
                request = {"json": body(), "headers": {EXECUTION_HEADER: str(asked.id)}}
                path, status = "/api/execute", 409
            else:
                request, status = {}, 404
                path = f"/api/execution/{asked.id}" + ("/events" if method == "GET" else "")
            async with bob.request(method, path, **request) as answer:
                assert answer.status == status
                refused = await answer.text()
            async with bob.request(method, path.replace(str(asked.id), str(uuid4())), **request) as answer:
                assert method == "POST" or answer.status == 404
            assert "ada" not in refused
            assert service.hub.readers == 1
            async with stream(ada_elsewhere, f"/api/execution/{asked.id}/events", "GET") as elsewhere:
                gate.open.set()
                assert (await elsewhere.rest()).text == (await asked.rest()).text == WORDS


async def test_heartbeats_say_that_the_connection_lives(client, service):
    service.hub.pace = Pace(heartbeat=0.01)
    gate = hold(service, 1)
    async with stream(client) as asked:
        await gate.reached.wait()
        while asked.frames.heartbeats < 3:
            asked.frames.add(await asked.line())
        gate.open.set()
        assert (await asked.rest()).text == WORDS


async def test_server_sent_events_have_heartbeats_too(client, service):
    service.hub.pace = Pace(heartbeat=0.01)
    gate = hold(service, 1)
    async with client.post("/api/execute", json=body()) as answer:
        await gate.reached.wait()
        text = ""
        while ": heartbeat" not in text:
            text += (await answer.content.readany()).decode()
        gate.open.set()
        frames = sse(text + await answer.text())
    assert frames.heartbeats
    assert frames.text == WORDS


async def test_an_execution_that_takes_too_long_fails_as_that(serve, tmp_path):
    async with serve(execution_seconds=0.05) as service, on_socket(service, tmp_path / "s") as client:
        hold(service, 1)
        async with stream(client) as asked:
            last = (await asked.rest()).events[-1]
        assert (last["type"], last["kind"]) == ("failed", "timeout")
        assert "0.05 s" in last["message"]
        await quiet(service)
        row = await recorded(service, asked.id)
        assert (row.error_kind, row.error_message) == (ErrorKind.TIMEOUT, last["message"])
        assert engine_of(service).finished == 0


async def test_waiting_counts_as_time_too(serve, tmp_path):
    async with serve(execution_seconds=0.05, concurrent=1) as service, on_socket(service, tmp_path / "s") as client:
        other = service.admission.gate.enter("somebody", Priority.EXPLICIT)
        async with stream(client) as asked:
            (last,) = (await asked.rest()).events
        assert (last["type"], last["kind"]) == ("failed", "timeout")
        other.leave()
        await quiet(service)
        assert engine_of(service).started == 0


async def test_a_service_that_ends_lets_streams_finish(client, service):
    gate = hold(service, 1)
    async with stream(client) as asked:
        await gate.reached.wait()
        service.draining = True
        draining = asyncio.create_task(service.hub.drain(30))
        async with client.post("/api/execute", json=body("new")) as answer:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) >= 1
        gate.open.set()
        assert (await asked.rest()).text == WORDS
    await draining


async def test_what_does_not_finish_in_time_fails_cleanly(client, service):
    gate = hold(service, 1)
    async with stream(client) as asked:
        await gate.reached.wait()
        draining = asyncio.create_task(service.hub.drain(0.01))
        last = (await asked.rest()).events[-1]
        assert (last["type"], last["kind"]) == ("failed", "cancelled")
        assert "about to end" in last["message"]
    await draining
    row = await recorded(service, asked.id)
    assert (row.error_kind, row.error_message) == (ErrorKind.CANCELLED, last["message"])
    assert service.hub.running == service.hub.readers == 0


async def test_observers_are_told_what_it_took(client, service):
    seen = []
    service.hub.observers.append(lambda figures: seen.append(replace(figures)))
    async with stream(client, priority=0) as asked:
        await asked.rest()
    async with stream(client, prompt="nothing-of-that-name") as asked:
        await asked.rest()
    await eventually(lambda: len(seen) == 2, what="both were told")
    good, bad = seen
    assert (good.task, good.priority, good.model, good.error) == ("explain", 0, "scripted", None)
    assert 0 <= good.queue_seconds <= good.first_token_seconds <= good.total_seconds
    assert good.completion_tokens == 6
    assert (bad.error, bad.first_token_seconds) == (ErrorKind.INVALID_INPUT, None)


async def test_hundreds_of_executions_with_random_ends_leave_nothing_behind(serve, tmp_path):
    chance = random.Random(5)  # the same ones are cancelled each time
    async with serve(SLOW, concurrent=8, queue=500, queue_per_user=500, resume_seconds=0.1) as service:
        tasks = asyncio.all_tasks()
        async with on_socket(service, tmp_path / "s") as client:

            async def one(number):
                headers = {**chosen(), **(RESUMABLE if number % 3 == 0 else {})}
                async with stream(client, headers=headers, **body(f"a + {number % 40}", priority=number % 3)) as asked:
                    if chance.random() < 0.4:
                        for _ in range(chance.randrange(6)):
                            await asked.line()
                        return asked.hang_up()
                    if chance.random() < 0.2:
                        async with client.delete(f"/api/execution/{asked.id}") as answer:
                            assert answer.status in {204, 404}  # it may be over and forgotten
                    return await asked.rest()

            found = [frames for frames in await asyncio.gather(*map(one, range(120))) if frames]
            assert {frames.types[-1] for frames in found} == {"finished", "failed"}
            for frames in found:
                assert frames.numbers == list(range(1, len(frames.events) + 1))
                if frames.types[-1] == "finished":
                    assert frames.text == frames.events[-1]["output"] == WORDS
            await quiet(service)
            await eventually(lambda: len(service.hub) == 0, what="all are forgotten")
            assert service.hub._kept_bytes == 0
        waits = {"Event.wait"}  # the upkeep of the database, for its next hour
        left = lambda: {task.get_coro().__qualname__ for task in asyncio.all_tasks() - tasks} - waits  # noqa: E731
        await eventually(lambda: not left(), what="no task is left")


async def test_what_was_stopped_leaves_no_circle_that_only_a_rare_collection_finds(serve, tmp_path):
    async with serve(resume_seconds=0.01) as service, on_socket(service, tmp_path / "s") as client:
        gate = hold(service, 1)
        gc.collect()
        gc.disable()
        try:
            async with stream(client) as asked:
                await gate.reached.wait()
                known = weakref.ref(service.hub.get(asked.id))
            await eventually(lambda: known() is None, what="it is forgotten")
        finally:
            gc.enable()
