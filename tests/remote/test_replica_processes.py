"""Two processes of ``codetune serve`` on one PostgreSQL, one of which is killed in the middle of a stream."""

import asyncio
import math
import time
from collections import Counter
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import aiohttp
import daemons
import pytest
from api_client import Api
from replicas import WORDING, ran

from codetune_core.access.key_text import new_key
from codetune_core.access.keys import ADMIN_VARIABLE
from codetune_core.domain.execution import ErrorKind, ExecutionRequest, Task
from codetune_core.execution.headers import KEY_HEADER
from codetune_core.execution.remote.connection import ServiceConnection
from codetune_core.execution.remote.executor import RemoteExecutor
from codetune_core.execution.remote.limits import Limits
from codetune_core.service_sections import RemoteSettings

pytestmark = [pytest.mark.postgresql, pytest.mark.slow]
PER_MINUTE = 12
SCRIPT = daemons.SLOW.replace("It adds two numbers.", "it adds")


class Process:
    """One of them, and a client of it."""

    def __init__(self, child, url: str, client: aiohttp.ClientSession, secret: str) -> None:
        self.child, self.url, self.client = child, url, client
        self.api = Api(client, {KEY_HEADER: secret})

    async def run(self, code: str, secret: str = ""):
        return await ran(self.client, code, {KEY_HEADER: secret} if secret else self.api.headers)

    def executor(self) -> RemoteExecutor:
        asked = RemoteSettings(base_url=self.url, key_env="TEST_SERVICE_KEY")
        return RemoteExecutor(ServiceConnection.to_service(asked, Limits(reach=0.2, resume=0.5)))


@asynccontextmanager
async def processes(url, monkeypatch):
    """Two of them, with one administrator's key, and the prompt ``shared``."""
    made = new_key()
    secret = made.text.get_secret_value()
    monkeypatch.setenv(ADMIN_VARIABLE, made.hash)
    monkeypatch.setenv("TEST_SERVICE_KEY", secret)
    with daemons.user(url, monkeypatch) as user:
        user.scripted(SCRIPT, serve={"requests_per_minute": PER_MINUTE})
        children = [user.start("serve", "--tcp", "127.0.0.1:0") for _ in range(2)]
        try:
            async with AsyncExitStack() as stack:
                yield [await _ready(stack, child, secret) for child in children]
        finally:
            for child in children:
                child.kill()
                child.communicate()


async def _ready(stack, child, secret) -> Process:
    address = (await asyncio.to_thread(child.stdout.readline)).split()[-1]
    found = Process(child, address, await stack.enter_async_context(aiohttp.ClientSession(address)), secret)
    async with asyncio.timeout(60):
        while True:
            async with found.client.get("/readyz") as answer:
                if answer.status == 200:
                    return found
            await asyncio.sleep(0.02)


async def recorded(replica, execution_id) -> bool:
    """Whether its beginning is there: it is written beside the generation, which does not wait for it."""
    async with replica.client.get(f"/api/execution/history/{execution_id}", headers=replica.api.headers) as answer:
        return answer.status == 200


async def test_what_two_processes_share_and_what_stays_when_one_is_killed(postgresql_url, monkeypatch):
    async with processes(postgresql_url, monkeypatch) as (one, other):
        wording = WORDING | {"max_tokens": 4000}
        await one.api.check("POST /api/prompts/", 201, {"name": "shared", "wording": wording})

        assert (await one.run("a + b")).text == "it adds"
        assert "from_cache" in (await other.run("a + b")).types

        body = {"scopes": ["execute"], "expires": "1d", "user": "ada"}
        ada = (await one.api.check("POST /api/keys/", 201, body))["key"]
        begun = time.monotonic()
        asked = [each.run(f"x = {number}", ada) for number in range(PER_MINUTE) for each in (one, other)]
        told = Counter(frames.events[-1].get("status", 200) for frames in await asyncio.gather(*asked))
        again = math.ceil(PER_MINUTE * (time.monotonic() - begun) / 60)  # so many the window lets in meanwhile
        assert PER_MINUTE <= told[200] <= PER_MINUTE + again
        assert told[200] + told[429] == 2 * PER_MINUTE

        request = ExecutionRequest(Task.EXPLAIN, "shared", {"code": "SLOW"})
        executor, events = one.executor(), []
        async with aclosing(executor.execute(request)) as stream:
            async for event in stream:
                events.append(event)
                if event.type == "token" and await recorded(other, events[0].execution_id):
                    one.child.kill()
        await executor.aclose()
        assert (events[-1].type, events[-1].kind) == ("failed", ErrorKind.ENGINE_LOST)
        assert one.url in events[-1].message

        assert (await other.run("after it died")).text == "it adds"
        items = await other.api.pages("GET /api/execution/history", user="admin")
        found = Counter(item["id"] for item in items)
        assert set(found.values()) == {1}
        assert found[str(events[0].execution_id)] == 1
        assert [item["success"] for item in items] == [True, None, True, True]
