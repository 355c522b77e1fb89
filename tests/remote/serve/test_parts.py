"""Parts of a service's life: signals, idleness, systemd, and answers before it is ready."""

import asyncio
import os
import signal
import socket
import tempfile

import aiohttp
import pytest
from aiohttp import web

from codetune_remote.serve.early import answering_early
from codetune_remote.serve.idle import unused
from codetune_remote.serve.notify import notify
from codetune_remote.serve.sockets import tcp_socket, where
from codetune_remote.serve.stopping import Stop


async def _forever():
    await asyncio.Event().wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_signal_drains_and_the_second_ends_at_once(number):
    stop = Stop()
    stop.listen()
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
    assert await stop.unless_asked(_forever()) is None
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
    assert await stop.unless_at_once(_forever()) is None
    assert not asyncio.get_running_loop().remove_signal_handler(number)  # a third one is the system's


async def test_work_that_is_done_first_gives_what_it_returns_or_raises():
    stop = Stop()

    async def fails():
        raise ValueError("mine")

    assert await stop.unless_asked(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(ValueError, match="mine"):
        await stop.unless_asked(fails())
    stop.ask()
    assert await stop.unless_at_once(asyncio.sleep(0, "drained")) == "drained"


async def test_work_is_cancelled_with_who_waits_for_it():
    stop, seen = Stop(), []

    async def work():
        try:
            await _forever()
        finally:
            seen.append("cleaned up")

    waiting = asyncio.create_task(stop.unless_asked(work()))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert seen == ["cleaned up"]


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_where_it_asks(monkeypatch, abstract):
    notify("READY=1")  # nobody asked
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        name = f"{'@' if abstract else ''}{folder}/notify"
        manager.bind(name.replace("@", "\0"))
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        notify("READY=1")
        assert manager.recv(100) == b"READY=1"


async def test_before_it_is_ready_it_lives_and_says_when_to_come_again():
    with tcp_socket("127.0.0.1", 0) as listener:
        async with answering_early(listener, None), aiohttp.ClientSession(where(listener)) as client:
            async with client.get("/healthz") as answer:
                assert (answer.status, await answer.json()) == (200, {"status": "alive"})
            for path in ("/readyz", "/api/prompts/", "/nowhere"):
                async with client.get(path) as answer:
                    assert answer.status == 503
                    assert answer.content_type == "application/problem+json"
                    assert answer.headers["Retry-After"] == "1"
                    assert answer.headers["Connection"] == "close"
                    assert "starting" in (await answer.json())["detail"]
            for sent, kept in (("abc-1", True), ("<script>", False)):
                async with client.get("/readyz", headers={"X-Request-Id": sent}) as answer:
                    assert (answer.headers["X-Request-Id"] == sent) is kept
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(b"GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n")
            said = await reader.read()
            writer.close()
            assert b" 400 " in said.partition(b"\r\n")[0]
            assert b"application/problem+json" in said
        # Who connects now is answered by who listens next.
        async with aiohttp.ClientSession(where(listener)) as client:
            waiting = asyncio.create_task(client.get("/healthz"))
            runner = web.ServerRunner(web.Server(lambda _: _text("next")))
            await runner.setup()
            await web.SockSite(runner, listener.dup()).start()
            assert await (await waiting).text() == "next"
            await runner.cleanup()


async def _text(text):
    return web.Response(text=text)


async def test_a_service_is_unused_when_nobody_is_connected_and_nobody_asked():
    server = web.Server(lambda _: _text("yes"))
    runner = web.ServerRunner(server)
    await runner.setup()
    with tcp_socket("127.0.0.1", 0) as listener:
        await web.SockSite(runner, listener.dup()).start()
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        waiting = asyncio.create_task(unused(server, 0.1))
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"yes" in await reader.readuntil(b"yes")
            await asyncio.sleep(0.1)
            assert not waiting.done()  # it is still connected
        writer.close()
        await waiting
        await runner.cleanup()
