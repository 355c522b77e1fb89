"""What a model process answers, asked here in the tests' own process, frame by frame."""

import asyncio
import tempfile
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import counting_model
import pytest
from model_processes import count_to, counting_plan

from codetune_core.engines.transformers.frames import Frames, encode
from codetune_core.engines.transformers.process import peer
from codetune_core.engines.transformers.process.server import Server
from codetune_core.engines.transformers.wire import (
    TELLING,
    AskStatus,
    Cancel,
    Failed,
    Finished,
    LoadFailed,
    Piece,
    Ready,
    Status,
    Unload,
    Unloaded,
)
from codetune_core.models.load_times import LoadTimes


class Asker:
    """A connection that sends frames and reads them."""

    def __init__(self, reader, writer):
        self.reader, self.writer, self._frames, self._told = reader, writer, Frames(), []

    def send(self, *frames):
        self.writer.write(b"".join(encode(frame) for frame in frames))

    async def next(self, *kinds):
        """The next frame of one of these kinds; None at the end of the stream."""
        while True:
            while self._told:
                frame = self._told.pop(0)
                if isinstance(frame, kinds):
                    return frame
            data = await self.reader.read(1 << 16)
            if not data:
                return None
            self._told += [TELLING.validate_json(frame) for frame in self._frames.feed(data)]


@asynccontextmanager
async def serving(name="counting", **plan):
    """A server, how to reach it, and how it ends."""
    with tempfile.TemporaryDirectory(prefix="ct") as folder:
        planned = counting_plan(name, **plan)
        server = Server(planned, partial(counting_model.load, planned))
        ended = asyncio.create_task(server.serve(Path(folder) / "socket"))
        askers = []

        async def ask():
            while not (Path(folder) / "socket").exists():
                await asyncio.sleep(0)
            askers.append(Asker(*await asyncio.open_unix_connection(Path(folder) / "socket")))
            return askers[-1]

        try:
            yield ask, ended
        finally:
            server.end()
            await ended
            for asker in askers:
                asker.writer.close()
                with suppress(OSError):
                    await asker.writer.wait_closed()


async def test_a_request_gets_pieces_and_one_end():
    async with serving() as (ask, _):
        asker = await ask()
        asker.send(count_to(3, id=7))
        frames = [await asker.next(Piece, Finished, Failed) for _ in range(4)]
    assert [frame.text for frame in frames[:3]] == ["0 ", "1 ", "2 "]
    assert (frames[3].type, frames[3].id) == ("finished", 7)


async def test_how_long_loading_took_is_said_and_remembered_for_the_next_time():
    async with serving() as (ask, _):
        asker = await ask()
        ready = await asker.next(Ready)
        asker.send(AskStatus(id=1))
        status = await asker.next(Status)
    assert status.loading_seconds == ready.load_seconds > 0
    assert LoadTimes().expected(status.model, status.quantization, status.device) is not None


async def test_a_cancelled_request_ends_as_cancelled_and_holds_nothing():
    async with serving() as (ask, _):
        asker = await ask()
        asker.send(count_to("forever", id=1))
        await asker.next(Piece)
        asker.send(Cancel(id=1))
        assert (await asker.next(Failed, Finished)).kind == "cancelled"
        asker.send(AskStatus(id=2))
        status = await asker.next(Status)
        assert (status.running, status.waiting, status.kv_tokens_held) == (0, 0, 0)


async def test_what_is_cancelled_before_the_model_is_loaded_never_runs(tmp_path):
    async with serving("slow", folder=str(tmp_path)) as (ask, _):
        asker = await ask()
        asker.send(count_to(3, id=1), Cancel(id=1), Cancel(id=99), AskStatus(id=2))
        status = await asker.next(Status)
        assert (status.loaded, status.waiting) == (False, 1)
        (tmp_path / "go").touch()
        assert isinstance(await asker.next(Ready), Ready)
        failed = await asker.next(Piece, Failed)
        assert (failed.id, failed.kind) == (1, "cancelled")


async def test_a_reader_that_takes_nothing_holds_up_nobody_and_is_hung_up_on(monkeypatch):
    monkeypatch.setattr(peer, "_LARGEST_BACKLOG", 100_000)
    async with serving() as (ask, _):
        idle, asker = await ask(), await ask()
        idle.reader._transport.pause_reading()
        idle.send(count_to("forever", id=1))
        await idle.writer.drain()
        for number in range(1, 4):
            asker.send(count_to(100, id=number))
            assert (await asker.next(Finished, Failed)).type == "finished"
        running = 1
        while running:
            asker.send(AskStatus(id=50))
            running = (await asker.next(Status)).running


@pytest.mark.parametrize("sent", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02{}", b"\x00\x00\x00\x01["])
async def test_what_is_no_frame_ends_its_connection_and_no_other(sent):
    async with serving() as (ask, _):
        wrong, right = await ask(), await ask()
        wrong.writer.write(sent)
        with suppress(ConnectionResetError):
            assert await wrong.next(Failed) is None
        right.send(count_to(1, id=1))
        assert (await right.next(Finished, Failed)).type == "finished"


async def test_an_id_in_use_ends_the_connection():
    async with serving() as (ask, _):
        asker = await ask()
        asker.send(count_to("forever", id=1), count_to(1, id=1))
        with suppress(ConnectionResetError):
            assert await asker.next(Finished) is None


async def test_unloading_fails_what_runs_and_says_goodbye():
    async with serving() as (ask, ended):
        asker = await ask()
        asker.send(count_to("forever", id=1))
        await asker.next(Piece)
        asker.send(Unload())
        failed = await asker.next(Failed)
        assert (failed.kind, failed.message) == ("engine_lost", "counting was unloaded")
        assert isinstance(await asker.next(Unloaded), Unloaded)
        assert await ended == 0


async def test_unloading_if_idle_spares_what_runs():
    async with serving() as (ask, ended):
        asker = await ask()
        asker.send(count_to("forever", id=1))
        await asker.next(Piece)
        asker.send(Unload(if_idle=True), AskStatus(id=2))
        assert (await asker.next(Status, Unloaded)).running == 1
        asker.send(Cancel(id=1))
        await asker.next(Failed)
        asker.send(Unload(if_idle=True))
        assert isinstance(await asker.next(Unloaded), Unloaded)
        assert await ended == 0


async def test_who_comes_after_a_load_has_failed_hears_why():
    async with serving("fails") as (ask, ended):
        asker = await ask()
        assert (await asker.next(LoadFailed)).message == "no such weights: pull them"
        assert await ended == 1
