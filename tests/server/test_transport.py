"""Listening on TCP: every editor has a server of its own, and only this machine is listened to."""

import asyncio
import contextlib
import json
import subprocess
import sys

import pytest

from codetune_server.language_server import CodeTuneServer
from codetune_server.transport import AddressRefused, serve_tcp

CREATED = []


def create():
    server = CodeTuneServer()
    number = len(CREATED)
    CREATED.append(server)

    @server.feature("test/who")
    async def who(_):
        await asyncio.sleep(0.01)
        return number

    @server.feature("test/wait")
    async def wait(_):
        await asyncio.sleep(60)

    return server


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    def send(self, **message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    async def receive(self):
        header = await self.reader.readuntil(b"\r\n\r\n")
        return json.loads(await self.reader.readexactly(int(header.split(b":")[1])))

    async def ask(self, method, params=None, number=1):
        self.send(id=number, method=method, params=params)
        answer = await self.receive()
        assert answer["id"] == number
        return answer["result"]

    async def initialize(self):
        return await self.ask("initialize", {"processId": 1, "rootUri": None, "capabilities": {}})

    async def ended(self):
        return await asyncio.wait_for(self.reader.read(), 5) == b""


@pytest.fixture
async def connect():
    """Starts a listener and gives a function that connects to it."""
    CREATED.clear()
    listening = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve_tcp(create, "127.0.0.1", 0, listening.set_result))
    host, _, port = (await listening).rpartition(":")
    clients = []

    async def connect():
        clients.append(Client(*await asyncio.open_connection(host, int(port))))
        return clients[-1]

    yield connect
    for client in clients:
        client.writer.close()
        with contextlib.suppress(ConnectionError):
            await client.writer.wait_closed()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    await asyncio.sleep(0.05)


async def test_every_connection_is_answered_by_its_own_server(connect):
    one, two = await connect(), await connect()
    await one.initialize()
    await two.initialize()
    assert await asyncio.gather(
        one.ask("test/who"),
        two.ask("test/who"),
    ) == [0, 1]


async def test_the_end_of_one_connection_leaves_the_other_alone(connect):
    one, two = await connect(), await connect()
    await one.initialize()
    await two.initialize()
    one.send(method="exit")
    assert await one.ended()
    assert await two.ask("test/who") == 1


async def test_a_connection_that_breaks_off_ends_its_server(connect):
    client = await connect()
    await client.initialize()
    client.send(id=7, method="test/wait")
    await client.writer.drain()
    client.writer.transport.abort()
    await asyncio.wait_for(CREATED[0].stopping.wait(), 5)


async def test_a_web_page_cannot_smuggle_a_message_in_behind_its_request(connect):
    client = await connect()
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
    await client.writer.drain()
    client.send(id=1, method="initialize", params={"processId": None, "capabilities": {}})
    await asyncio.sleep(0)
    client.send(id=2, method="test/who")
    assert await client.ended()


async def test_a_web_page_that_posts_a_message_is_hung_up_on(connect):
    client = await connect()
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}})
    client.writer.write(f"POST / HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    assert await client.ended()


async def test_a_port_that_is_taken_cannot_be_listened_on(connect):
    taken = (await connect()).writer.get_extra_info("peername")[1]
    with pytest.raises(OSError, match="in use"):
        await serve_tcp(create, "127.0.0.1", taken, print)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1"])
async def test_an_address_that_others_can_reach_is_refused_with_the_reason(host):
    with pytest.raises(AddressRefused, match="no passwords"):
        await serve_tcp(create, host, 0, print)


async def test_a_host_without_an_address_is_refused():
    with pytest.raises(AddressRefused, match="not known"):
        await serve_tcp(create, "no-such-host.invalid", 0, print)


def run(*arguments):
    command = [sys.executable, "-m", "codetune_server", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tcp", "0.0.0.0:0"], "ssh -L"),
        (["--tcp", "localhost"], "has no port"),
        (["--tcp", "localhost:99999"], "has no port"),
        (["--stdio", "--tcp", "127.0.0.1:0"], "one of --stdio and --tcp"),
        (["--log-file", "no/such/folder/log"], "cannot be written"),
    ],
)
def test_wrong_options_are_refused_in_words(arguments, message):
    done = run(*arguments)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_chosen_port_is_printed():
    command = [sys.executable, "-m", "codetune_server", "--tcp", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        line = process.stderr.readline()
        process.kill()
    assert line.startswith("codetune lsp listens on 127.0.0.1:")
    assert int(line.rpartition(":")[2]) > 0


def test_help_explains_and_imports_nothing_heavy():
    code = (
        "import sys; from codetune_server.app import lsp\n"
        "try: lsp(['--help'])\nexcept SystemExit: pass\n"
        "assert not {'pygls', 'lsprotocol', 'asyncio'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert "codetune lsp --tcp 127.0.0.1:2087" in done.stdout
