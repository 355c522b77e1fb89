"""Several replicas on one PostgreSQL: what holds for all of them together, and what belongs to one alone."""

import asyncio
from collections import Counter
from decimal import Decimal

import pytest
from replicas import ADMIN, SAYS, WORDING, at_once, replicas
from running import Gate, text, types
from streams import eventually
from tcp_proxy import proxied

from codetune_core.access.keys import REMEMBERED_SECONDS
from codetune_core.domain.clock import utc_now
from codetune_core.domain.execution import ErrorKind, ExecutionRequest, Task
from codetune_core.execution.remote.connection import ServiceConnection
from codetune_core.execution.remote.executor import RemoteExecutor
from codetune_core.execution.remote.limits import Limits
from codetune_core.service_sections import RemoteSettings

pytestmark = pytest.mark.postgresql
PRICE = {"model": "*", "engine": "scripted", "prompt": "0", "completion": "1000000"}
"""One dollar for each token that is written."""


async def test_an_answer_that_one_remembers_is_given_by_the_other(postgresql_url, tmp_path):
    async with replicas(postgresql_url, tmp_path) as (one, other):
        assert (await one.run("a + b")).text == SAYS
        again = await other.run("a + b")
        assert again.types[:2] == ["started", "from_cache"]
        assert again.events[-1]["output"] == SAYS
        assert (one.engine.started, other.engine.started) == (1, 0)
        assert await one.service.core.answers.clear() == 1
        assert "from_cache" not in (await other.run("a + b")).types


async def test_a_budget_holds_exactly_over_both_however_many_ask_at_once(postgresql_url, tmp_path):
    budget = {"per_user_per_day_usd": "20", "prices": [PRICE]}
    async with replicas(postgresql_url, tmp_path, "ada", "bob", budget=budget) as both:
        asked = [both[number % 2].run(f"x = {number}", "ada") for number in range(30)]
        asked += [both[number % 2].run(f"y = {number}", "bob") for number in range(4)]
        told = await at_once(asked)
        outcomes = Counter(frames.events[-1].get("kind", "answered") for frames in told[:30])
        assert outcomes == {"answered": 10, "budget_spent": 20}
        assert [frames.types[-1] for frames in told[30:]] == ["finished"] * 4
        for replica in both:
            assert await replica.service.core.history.spent(utc_now(), "ada") == Decimal(20)
        assert sum(replica.engine.started for replica in both) == 14


async def test_what_is_deployed_or_rolled_back_on_one_runs_at_once_on_the_other(postgresql_url, tmp_path):
    async with replicas(postgresql_url, tmp_path) as (one, other):
        second = {"wording": WORDING | {"system_prompt": "Be short."}}
        await one.api().check("POST /api/prompts/shared/versions", 201, second)
        for act, by, at, version in (
            ("deploy", one, other, 2),
            ("rollback", other, one, 1),
            ("deploy", other, one, 2),
        ):
            assert (await at.run(f"{act} {version}")).events[0]["version"] != version
            await by.api().check(f"POST /api/prompts/shared/{act}", body={"version": version})
            assert (await at.run(f"then {act} {version}")).events[0]["version"] == version


async def test_of_two_who_deploy_at_once_having_seen_the_same_one_wins(postgresql_url, tmp_path):
    async with replicas(postgresql_url, tmp_path) as both:
        for number in range(2):
            wording = {"wording": WORDING | {"system_prompt": f"Be short {number}."}}
            await both[0].api().check("POST /api/prompts/shared/versions", 201, wording)
        for _ in range(5):
            state = (await both[0].service.core.prompts.states("shared"))["production"]
            versions = sorted({1, 2, 3} - {state.stands.number})
            seen = state.last.sequence
            statuses = await asyncio.gather(
                *(_deployed(replica, version, seen) for replica, version in zip(both, versions, strict=True))
            )
            assert sorted(statuses) == [200, 409]
            won = versions[statuses.index(200)]
            for replica in both:
                assert (await replica.run("which one")).events[0]["version"] == won


async def _deployed(replica, version, after) -> int:
    body = {"version": version, "after": after}
    path = "/api/prompts/shared/deploy"
    async with replica.client.post(path, json=body, headers=replica.api().headers) as answer:
        return answer.status


async def test_the_history_of_both_is_one_and_read_page_by_page_from_either(postgresql_url, tmp_path):
    async with replicas(postgresql_url, tmp_path, "ada") as both:
        ran = [(await both[number % 2].run(f"z = {number}", "ada")).events[0]["execution_id"] for number in range(6)]
        await both[0].run("somebody else's")
        page, ids = {"next": ""}, []
        for number in range(6):
            asked = {"limit": 1} | ({"cursor": page["next"]} if page["next"] else {})
            page = await both[number % 2].api("ada").check("GET /api/execution/history", **asked)
            ids += [item["id"] for item in page["items"]]
        assert ids == ran[::-1]
        await both[0].api().check(f"DELETE /api/execution/history/{ran[0]}")
        await both[1].api("ada").check(f"GET /api/execution/history/{ran[0]}", 404)


async def test_a_key_that_was_revoked_on_one_is_refused_by_the_other_within_its_time(postgresql_url, tmp_path):
    async with replicas(postgresql_url, tmp_path, "ada") as (one, other):
        now = 0.0
        remembered = other.service.core.keys._verified
        remembered._clock = lambda: now
        assert (await other.run("a", "ada")).types[-1] == "finished"
        issued = await one.api().check("GET /api/keys/")
        [ada] = [item["id"] for item in issued["items"] if item["user"] == "ada"]
        await one.api().check(f"DELETE /api/keys/{ada}")
        assert (await one.run("b", "ada")).events[0]["status"] == 401
        now = REMEMBERED_SECONDS
        refused = (await other.run("b", "ada")).events[0]
        assert refused["status"] == 401
        assert "revoked" in refused["detail"]
        assert (await other.run("b", ADMIN)).types[-1] == "finished"


@pytest.fixture
def asked_through(monkeypatch):
    """An executor of whatever stands behind a proxy."""

    def executor(proxy, replica, **limits) -> RemoteExecutor:
        monkeypatch.setenv("TEST_SERVICE_KEY", replica.keys["ada"])
        limits = Limits(first_event=20, gap=20, reach=5, patience=5, resume=5, **limits)
        asked = RemoteSettings(base_url=proxy.url, key_env="TEST_SERVICE_KEY")
        return RemoteExecutor(ServiceConnection.to_service(asked, limits))

    return executor


REQUEST = ExecutionRequest(Task.EXPLAIN, "shared", {"code": "a + b"}, fresh=True)


async def test_a_resume_that_comes_to_the_wrong_replica_is_said_and_nothing_runs_again(
    postgresql_url, tmp_path, asked_through
):
    resume = {"serve": {"resume_seconds": 0.05}}
    async with replicas(postgresql_url, tmp_path, "ada", **resume) as (one, other), proxied(one.url) as proxy:
        one.engine.gate = gate = Gate(1)
        executor, events = asked_through(proxy, one), []

        async def read() -> None:
            async for event in executor.execute(REQUEST):
                events.append(event)  # noqa: PERF401 - they are looked at meanwhile

        reading = asyncio.create_task(read())
        await gate.reached.wait()
        await eventually(lambda: "token" in types(events), what="it writes")
        proxy.lead_to(other.url)
        proxy.cut()
        await reading
        await executor.aclose()
        assert (events[-1].type, events[-1].kind) == ("failed", ErrorKind.ENGINE_LOST)
        assert "404" in events[-1].message
        assert str(events[0].execution_id) in events[-1].message
        assert text(events) == "it"
        await eventually(lambda: one.engine.cancelled, what="nobody came back")
        assert other.engine.started == 0
        await eventually(lambda: not one.service.hub.running, what="it is recorded")
        [recorded] = (await other.api("ada").check("GET /api/execution/history"))["items"]
        assert (recorded["id"], recorded["success"]) == (str(events[0].execution_id), False)


async def test_a_problem_of_a_resume_at_the_wrong_replica_says_what_it_misses(postgresql_url, tmp_path):
    async with replicas(postgresql_url, tmp_path, "ada") as (one, other):
        execution = (await one.run("a", "ada")).events[0]["execution_id"]
        for asked in (f"GET /api/execution/{execution}/events", f"DELETE /api/execution/{execution}"):
            problem = await other.api("ada").check(asked, 404)
            assert execution in problem["detail"]


async def test_a_request_that_comes_again_at_the_other_replica_is_not_run_to_its_end_twice(
    postgresql_url, tmp_path, asked_through
):
    async with replicas(postgresql_url, tmp_path, "ada") as (one, other), proxied(one.url) as proxy:
        one.engine.gate, other.engine.gate = gates = Gate(1), Gate(1)
        proxy.buffers = True  # the client never hears that it was taken
        asking = asyncio.create_task(_events(executor := asked_through(proxy, one)))
        await gates[0].reached.wait()
        while not (items := (await one.api("ada").check("GET /api/execution/history"))["items"]):
            await asyncio.sleep(0.005)
        proxy.buffers = False
        proxy.lead_to(other.url)
        proxy.cut()
        last = (await asking)[-1]
        await executor.aclose()
        assert (last.type, last.kind) == ("failed", ErrorKind.INVALID_INPUT)
        assert f"there is an execution {items[0]['id']} already" in last.message
        assert (other.engine.started, other.engine.cancelled) == (1, 1)
        gates[0].open.set()
        await eventually(lambda: one.engine.finished, what="the first one ends")
        await eventually(lambda: not one.service.hub.running, what="it is recorded")
        [recorded] = (await other.api("ada").check("GET /api/execution/history"))["items"]
        assert (recorded["id"], recorded["success"]) == (items[0]["id"], True)


async def _events(executor) -> list:
    return [event async for event in executor.execute(REQUEST)]
