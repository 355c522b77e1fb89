"""Who reads slowly, or not at all: never in the way of others, dropped in time, and welcome to come back."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import pytest
from serving import on_socket, running, settings_for
from streams import body, engine_of, eventually, quiet, stream

from codetune_core.execution.headers import EXECUTION_HEADER, RESUMABLE_HEADER
from codetune_remote.streams.send import Pace

PIECE, PIECES = "x" * 4000, 300
SCRIPT = json.dumps({"default": {"answers": [[PIECE] * PIECES]}})
"""An answer that fits no buffer of a connection."""
CHOSEN = {EXECUTION_HEADER: "01890a5d-ac96-774b-bcce-b302099a8057", RESUMABLE_HEADER: "1"}


@pytest.fixture
async def service(sqlite_url, tmp_path):
    async with running(settings_for(tmp_path, sqlite_url, SCRIPT)) as service:
        yield service
        await quiet(service)


@pytest.fixture
async def client(service, tmp_path):
    async with on_socket(service, tmp_path / "s") as client:
        yield client


@asynccontextmanager
async def not_reading(path):
    """A connection that asks, and reads nothing."""
    content = json.dumps(body()).encode()
    sent = {**CHOSEN, "Host": "localhost", "Content-Type": "application/json", "Content-Length": len(content)}
    fields = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(0)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, str(path))
        await loop.sock_sendall(connection, f"POST /api/execute HTTP/1.1\r\n{fields}\r\n".encode() + content)
        yield connection


async def test_a_reader_that_takes_nothing_holds_up_nobody(client, service, tmp_path):
    async with not_reading(tmp_path / "s"):
        await eventually(lambda: service.hub.readers == 1, what="it is connected")
        async with stream(client, headers=CHOSEN) as asked:
            assert len((await asked.rest()).text) == len(PIECE) * PIECES
        async with stream(client, **body("another one")) as other:
            assert (await other.rest()).types[-1] == "finished"
        assert service.hub.readers == 1
        service.hub.pace = Pace()
    assert engine_of(service).finished == 2


async def test_it_is_dropped_after_a_while_and_can_pick_up_what_it_missed(client, service, tmp_path):
    service.hub.pace = Pace(stalled=0.05)
    async with not_reading(tmp_path / "s") as connection:
        await eventually(lambda: len(service.hub) == 1, what="it is connected")
        await eventually(lambda: not service.hub.readers, what="it is dropped")
        taken = b""
        while piece := await asyncio.get_running_loop().sock_recv(connection, 1_000_000):
            taken += piece
    assert 0 < len(taken) < len(PIECE) * PIECES
    whole = service.hub.get(next(iter(service.hub._known)))
    service.hub.pace = Pace()
    async with stream(client, f"/api/execution/{whole.id}/events", "GET", {"Last-Event-ID": "2"}) as asked:
        frames = await asked.rest()
    assert frames.numbers[0] == 3
    assert frames.types[-1] == "finished"


async def test_a_reader_that_is_slow_but_reads_is_not_dropped(client, service):
    service.hub.pace = Pace(stalled=5)
    async with stream(client) as asked:
        while line := await asked.line():
            asked.frames.add(line)
            await asyncio.sleep(0)
    assert len(asked.frames.text) == len(PIECE) * PIECES
