"""Several services on one database, each as its own process would be: what one of them knows, it knows for itself."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from api_client import Api
from serving import running, settings_for
from streams import Frames, engine_of, sse

from codetune_core.domain.service_key import Scope
from codetune_core.engines.scripted import ScriptedEngine
from codetune_core.execution.headers import EXECUTION_HEADER, KEY_HEADER
from codetune_remote.app import make_runner
from codetune_remote.service import Service

ADMIN = "olga"
WORDING = {
    "user_prompt_template": "{{ code }}",
    "variables": [{"name": "code", "type": "code"}],
    "temperature": 0,
    "max_tokens": 2,
}
SAYS = "it adds"
SCRIPT = f"default: {{answers: ['{SAYS}']}}\n"


@dataclass
class Replica:
    """One of the services, and a client that asks it with the key of whoever is named."""

    service: Service
    url: str
    client: aiohttp.ClientSession
    keys: dict[str, str]

    @property
    def engine(self) -> ScriptedEngine:
        return engine_of(self.service)

    def api(self, user: str = ADMIN) -> Api:
        return Api(self.client, {KEY_HEADER: self.keys[user]})

    async def run(self, code: str, user: str = ADMIN, **headers: str) -> Frames:
        """The events of an execution."""
        return await ran(self.client, code, {KEY_HEADER: self.keys[user], **headers})


async def ran(client: aiohttp.ClientSession, code: str, headers: dict[str, str]) -> Frames:
    """The events of an execution of the prompt ``shared``; of a request that was refused, its status and problem."""
    body = {"task": "explain", "prompt": "shared", "variables": {"code": code}}
    async with client.post("/api/execute", json=body, headers=headers) as answer:
        text = await answer.text()
        if answer.status != 200:
            return Frames(events=[{"type": "refused", "status": answer.status, **json.loads(text)}])
        return sse(text)


@asynccontextmanager
async def replicas(
    url: str, folder: Path, *users: str, script: str = SCRIPT, **sections
) -> AsyncIterator[list[Replica]]:
    """Two of them, with the prompt ``shared``; an administrator and ``users`` have keys, which hold on both."""
    settings = settings_for(folder, url, SCRIPT, **sections)
    async with AsyncExitStack() as stack:
        services = [await stack.enter_async_context(running(settings)) for _ in range(2)]
        keys = {ADMIN: await key(services[0], ADMIN, Scope.ADMIN)}
        keys |= {user: await key(services[0], user, Scope.EXECUTE, Scope.READ) for user in users}
        found = [Replica(service, *(await _listening(stack, service)), keys) for service in services]
        await found[0].api().check("POST /api/prompts/", 201, {"name": "shared", "wording": WORDING})
        yield found


async def key(service: Service, user: str, *scopes: Scope) -> str:
    _, made = await service.core.keys.create(user, scopes, expires="1d")
    return made.text.get_secret_value()


async def _listening(stack: AsyncExitStack, service: Service) -> tuple[str, aiohttp.ClientSession]:
    runner = make_runner(service)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = "http://{}:{}".format(*runner.addresses[0])
    connector = aiohttp.TCPConnector(limit=0)
    return url, await stack.enter_async_context(aiohttp.ClientSession(url, connector=connector))


async def at_once(asked) -> list[Frames]:
    """All of them at the same time."""
    return await asyncio.gather(*asked)


def of_id(execution_id: object) -> dict[str, str]:
    return {EXECUTION_HEADER: str(execution_id)}
