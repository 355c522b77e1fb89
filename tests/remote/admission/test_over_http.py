"""Admission as clients meet it: what is too much is refused before a stream begins, what waits is told so in time."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from serving import on_socket, running, settings_for
from streams import SCRIPT, WORDS, body, engine_of, eventually, hold, quiet, stream, users

from codetune_core.errors import SettingsError

PROBLEM = "application/problem+json"


@pytest.fixture
def serve(sqlite_url, tmp_path):
    """An open service with settings of its own."""
    return lambda **serve: running(settings_for(tmp_path, sqlite_url, SCRIPT, serve=serve))


async def refused(client, code="too many", **changes):
    """Status, headers and problem of a request that is not let in."""
    async with client.post("/api/execute", json=body(code, **changes)) as answer:
        assert answer.content_type == PROBLEM
        return answer.status, answer.headers, await answer.json()


async def test_beyond_the_queue_there_is_429_with_an_estimate(serve, tmp_path):
    async with (
        serve(concurrent=1, queue=2) as service,
        on_socket(service, tmp_path / "s") as client,
        AsyncExitStack() as stack,
    ):
        gate = hold(service, 1)
        asked = [await stack.enter_async_context(stream(client, **body(f"a + {number}"))) for number in range(3)]
        status, headers, problem = await refused(client)
        assert status == 429
        assert int(headers["Retry-After"]) >= 1
        assert problem["type"] == "/problems/overloaded"
        assert "2 wait" in problem["detail"]
        gate.open.set()
        assert [(await each.rest()).text for each in asked] == [WORDS] * 3
        await quiet(service)
        assert engine_of(service).started == 3


async def test_one_user_fills_only_their_share(serve):
    async with serve(concurrent=1, queue=10, queue_per_user=2) as service, AsyncExitStack() as stack:
        gate = hold(service, 1)
        ada, bob = await stack.enter_async_context(users(service, "ada", "bob"))
        asked = [await stack.enter_async_context(stream(ada, **body(f"a + {number}"))) for number in range(3)]
        status, _, problem = await refused(ada)
        assert status == 429
        assert "2 of your requests wait" in problem["detail"]
        asked.append(await stack.enter_async_context(stream(bob, **body("b"))))
        gate.open.set()
        assert [(await each.rest()).types[-1] for each in asked] == ["finished"] * 4
        await quiet(service)


async def test_who_types_goes_first_and_each_user_has_their_turn(serve):
    async with serve(concurrent=1) as service, AsyncExitStack() as stack:
        gate = hold(service, 1)
        clients = dict(zip("ab", await stack.enter_async_context(users(service, "a", "b")), strict=True))
        asked = []

        async def ask(user, code, priority):
            asked.append(await stack.enter_async_context(stream(clients[user], **body(f"# {code}", priority=priority))))

        await ask("a", "first", 1)
        await gate.reached.wait()
        for number in range(3):
            await ask("a", f"a{number}", 1)
        await ask("b", "b0", 1)
        await ask("b", "bulk", 2)
        await ask("a", "typed", 0)
        gate.open.set()
        for each in asked:
            assert (await each.rest()).types[-1] == "finished"
        await quiet(service)
        order = [
            next(line for line in generation.messages[-1].content.split("\n") if line.startswith("# ") and " " in line)
            for generation in engine_of(service).asked
        ]
    assert [line.removeprefix("# ") for line in order] == ["first", "typed", "b0", "a0", "a1", "a2", "bulk"]


async def test_what_waits_beyond_its_deadline_is_never_started(serve, tmp_path):
    async with serve(concurrent=1) as service, on_socket(service, tmp_path / "s") as client:
        gate = hold(service, 1)
        async with stream(client) as first:
            await gate.reached.wait()
            async with stream(client, **body("in a hurry", deadline_seconds=0.02)) as hurried:
                (last,) = (await hurried.rest()).events
            assert (last["type"], last["kind"]) == ("failed", "timeout")
            assert "not started" in last["message"]
            gate.open.set()
            await first.rest()
        await quiet(service)
        assert engine_of(service).started == 1
        assert await service.core.history.get(hurried.id) is None


@pytest.mark.parametrize("deadline", [0, -1, "soon"])
async def test_a_deadline_that_makes_no_sense_is_refused(serve, tmp_path, deadline):
    async with serve() as service, on_socket(service, tmp_path / "s") as client:
        assert (await refused(client, deadline_seconds=deadline))[0] == 422


async def test_the_limit_of_requests_is_said_in_every_answer_and_holds_for_each_user(serve):
    async with serve(requests_per_minute=2) as service, users(service, "ada", "bob") as (ada, bob):
        for client in (ada, bob):
            for left in ("1", "0"):
                async with client.post("/api/execute", json=body()) as answer:
                    assert answer.status == 200
                    assert f";r={left};" in answer.headers["RateLimit"]
                    await answer.read()
            status, headers, problem = await refused(client)
            assert (status, problem["type"]) == (429, "/problems/rate-limited")
            assert int(headers["Retry-After"]) >= 1
            assert headers["RateLimit-Policy"] == '"minute";q=2;w=60'
        await quiet(service)


async def test_to_join_or_resume_counts_for_nothing(serve, tmp_path):
    async with serve(requests_per_minute=1) as service, on_socket(service, tmp_path / "s") as client:
        gate = hold(service, 1)
        async with stream(client) as first:
            await gate.reached.wait()
            again = {"X-CodeTune-Execution": str(first.id)}
            async with stream(client, headers=again) as second:
                gate.open.set()
                assert (await first.rest()).text == (await second.rest()).text == WORDS
        async with stream(client, f"/api/execution/{first.id}/events", "GET") as third:
            assert (await third.rest()).text == WORDS


async def test_vectors_pass_the_same_gate(serve, tmp_path):
    async with serve(concurrent=1, queue=0) as service, on_socket(service, tmp_path / "s") as client:
        gate = hold(service, 1)
        async with stream(client) as asked:
            await gate.reached.wait()
            for path, sent in (("embed", {"texts": ["a"]}), ("rerank", {"query": "q", "texts": ["a"]})):
                async with client.post(f"/api/{path}", json=sent) as answer:
                    assert answer.status == 429, await answer.text()
            gate.open.set()
            await asked.rest()


async def test_a_service_that_ends_takes_nothing_new(serve, tmp_path):
    async with serve(drain_seconds=7) as service, on_socket(service, tmp_path / "s") as client:
        service.draining = True
        status, headers, problem = await refused(client)
        assert (status, headers["Retry-After"], problem["type"]) == (503, "7", "/problems/draining")
        assert engine_of(service).started == 0


@pytest.mark.parametrize("codes", [("same", "same"), ("one", "another")])
async def test_who_asks_twice_while_the_database_is_asked_holds_one_place_in_the_end(serve, tmp_path, codes):
    async with serve(requests_per_minute=5) as service, on_socket(service, tmp_path / "s") as client:
        headers = {"X-CodeTune-Execution": "01890a5d-ac96-774b-bcce-b302099a8057", "Accept": "application/json"}
        gate = hold(service, 1)
        async with service.core.database.write():  # nobody else can write meanwhile
            asking = [
                asyncio.create_task(client.post("/api/execute", json=body(each), headers=headers)) for each in codes
            ]
            await eventually(lambda: service.admission.gate.running == 2, what="both have a place")
        readers = 2 if codes[0] == codes[1] else 1
        await eventually(lambda: service.admission.gate.running == 1, what="one place is left")
        await eventually(lambda: service.hub.readers == readers, what="all read that will")
        gate.open.set()
        answers = await asyncio.gather(*asking)
        assert sorted(answer.status for answer in answers) == ([200, 200] if codes[0] == codes[1] else [200, 409])
        for answer in answers:
            answer.release()
        await quiet(service)
        assert engine_of(service).started == 1


async def test_where_nothing_can_run_it_the_place_is_left(serve, tmp_path):
    async with serve() as service, on_socket(service, tmp_path / "s") as client:

        def no_executor():
            raise SettingsError("engine.name: there is no such engine")

        service.hub._executor = no_executor
        assert (await refused(client))[0] == 503
        assert (service.admission.gate.running, len(service.hub)) == (0, 0)


async def test_what_gives_up_while_the_database_is_asked_leaves_its_place(serve, tmp_path):
    async with serve(requests_per_minute=5) as service, on_socket(service, tmp_path / "s") as client:
        async with service.core.database.write():  # nobody else can write meanwhile
            asking = asyncio.create_task(client.post("/api/execute", json=body()))
            await eventually(lambda: service.admission.gate.running == 1, what="it has a place")
            asking.cancel()
            await eventually(lambda: service.admission.gate.running == 0, what="it left")
        await asyncio.wait({asking})
        assert engine_of(service).started == 0
