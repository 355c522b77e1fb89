"""The shipped configuration of the proxy, with three replicas: all of one execution comes to the one that runs it."""

import asyncio
import re
import socket
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from programs import output_of, program

from codetune_core.domain.identifiers import new_id

CONFIGURATION = (Path(__file__).parents[3] / "remote" / "deploy" / "kubernetes" / "haproxy.cfg").read_text()


def replica(name: str) -> web.Application:
    """What stands for the service: it says who it is, for every path."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=name)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    return application


def configuration(folder: Path, port: int, addresses: list[str]) -> Path:
    """The shipped file with these replicas in place of those that the cluster's names lead to."""
    servers = "\n".join(f"    server replica{number} {address}" for number, address in enumerate(addresses))
    text, changed = re.subn(r"    server-template .*", servers, CONFIGURATION)
    assert changed == 1
    text = (
        re.sub(r"resolvers cluster\n(    .*\n)+", "", text)
        .replace("bind :8080", f"bind 127.0.0.1:{port}")
        .replace("maxconn 20000", "maxconn 100")
    )
    if program_version() == "2.":
        text = text.replace(" hash-key addr-port", "")  # of 3.0; several proxies need it
    path = folder / "haproxy.cfg"
    path.write_text(text.replace("inter 2s fall 2", "inter 100ms fall 1"))
    return path


def program_version() -> str:
    return output_of("haproxy", "-v").split()[2][:2]


@pytest.fixture
async def cluster(tmp_path):
    """The proxy, and three replicas behind it by name."""
    async with AsyncExitStack() as stack:
        runners = {name: web.AppRunner(replica(name)) for name in "abc"}
        addresses = []
        for runner in runners.values():
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            addresses.append("{}:{}".format(*runner.addresses[0]))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        path = configuration(tmp_path, port, addresses)
        process = await asyncio.create_subprocess_exec(
            program("haproxy"), "-f", path, stdout=asyncio.subprocess.DEVNULL
        )
        client = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{port}"))
        try:
            await asyncio.wait_for(alive(client, process), 30)
            yield client, runners
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def alive(client, process):
    while process.returncode is None:
        try:
            async with client.get("/healthz") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.02)
    raise AssertionError("the proxy does not take its configuration")


async def who(client, method, path, **headers) -> str:
    async with client.request(method, path, headers=headers) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_start_resume_and_cancel_of_an_execution_come_to_one_replica(cluster):
    client, _ = cluster
    met = Counter()
    for _number in range(60):
        execution = str(new_id())
        first = await who(client, "POST", "/api/execute", **{"X-CodeTune-Execution": execution})
        met[first] += 1
        assert await who(client, "GET", f"/api/execution/{execution}/events") == first
        assert await who(client, "GET", f"/api/execution/{execution.upper()}/events") == first
        assert await who(client, "DELETE", f"/api/execution/{execution}") == first
        prompt = await who(client, "POST", "/api/prompts/x/execute", **{"X-CodeTune-Execution": execution})
        assert prompt == first
    assert set(met) == {"a", "b", "c"}
    assert min(met.values()) >= 5


@pytest.mark.parametrize("path", ["/api/execute", "/api/execution/history", "/api/prompts/"])
async def test_what_is_of_no_execution_goes_to_all_in_turn(cluster, path):
    client, _ = cluster
    met = Counter([await who(client, "GET", path) for _number in range(30)])
    assert set(met) == {"a", "b", "c"}


async def test_a_replica_that_goes_moves_only_its_own(cluster):
    client, runners = cluster
    ids = [str(new_id()) for _number in range(60)]
    before = {one: await who(client, "GET", f"/api/execution/{one}/events") for one in ids}
    await runners["b"].cleanup()
    after = {}
    for one in ids:  # a connection that fails is made elsewhere, at once
        async with asyncio.timeout(30):
            after[one] = await settled(client, one)
    assert {after[one] for one in ids} == {"a", "c"}
    assert all(after[one] == before[one] for one in ids if before[one] != "b")


async def settled(client, one) -> str:
    while True:
        async with client.get(f"/api/execution/{one}/events") as answer:
            if answer.status == 200:
                return await answer.text()
        await asyncio.sleep(0.02)


async def test_figures_are_not_for_who_comes_from_outside(cluster):
    client, _ = cluster
    async with client.get("/metrics") as answer:
        assert answer.status == 403
