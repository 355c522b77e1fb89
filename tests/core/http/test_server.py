"""The connections to a server: kept, trusted, through a proxy, in time, and the key nowhere else."""

import asyncio
import socket
from contextlib import asynccontextmanager

import keyring
import pytest
from aiohttp import web
from file_keyring import FileKeyring
from http_peer import Peer, blocks, frame, in_turn, serving, silence, told

from codetune_core.errors import EngineLost, EngineTimeout, EngineUnusable, SettingsError
from codetune_core.http.refusals import BadStatus
from codetune_core.http.server import HttpServer
from codetune_core.sections import EngineSettings

KEY = "sk-very-secret-key"
NOBODY = "http://127.0.0.1:1/v1"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def connected(base_url: str, **settings):
    asked = EngineSettings(name="openai", base_url=base_url, **settings)
    http = HttpServer(asked, lambda key: {"Authorization": f"Bearer {key}"})
    try:
        yield http
    finally:
        await http.aclose()


async def get(base_url: str, path: str = "/models", **settings):
    async with connected(base_url, **settings) as http:
        return await http.get(http.address.base_url + path)


async def events(http: HttpServer, path: str = "/stream") -> list[str]:
    heard = []
    async with http.stream(http.address.base_url + path, {}) as stream:
        async for event in stream.events():
            stream.piece_came()
            heard.append(event.data)
    return heard


@pytest.fixture
def keyed(monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    return {"key_env": "MY_KEY"}


async def test_connections_are_kept_and_used_again():
    peer = Peer({"/v1/models": told({"data": []}), "/v1/stream": blocks(frame("a"), frame("b"))})
    async with serving(peer), connected(peer.base_url) as http:
        for _ in range(5):
            await http.get(f"{peer.base_url}/models")
            assert await events(http) == ["a", "b"]
    assert len(peer.asked) == 10
    assert len(peer.connections) == 1


async def test_a_refusal_does_not_cost_the_connection():
    peer = Peer({"/v1/models": told({"error": "no"}, 400)})
    async with serving(peer), connected(peer.base_url) as http:
        for _ in range(3):
            with pytest.raises(BadStatus):
                await http.get(f"{peer.base_url}/models")
    assert len(peer.connections) == 1


async def test_a_connection_that_the_server_had_closed_is_opened_anew():
    async def leaves(request, body):
        request.transport.close()
        await asyncio.Event().wait()

    peer = Peer({"/v1/models": in_turn(told({}), leaves, told({"data": ["there"]}))})
    async with serving(peer), connected(peer.base_url) as http:
        await http.post(f"{peer.base_url}/models", {})
        assert await http.post(f"{peer.base_url}/models", {}) == {"data": ["there"]}
    assert len(peer.connections) == 2


async def test_a_server_that_hangs_up_on_a_new_connection_is_not_asked_twice():
    async def leaves(request, body):
        request.transport.close()
        await asyncio.Event().wait()

    peer = Peer({"/v1/models": leaves})
    async with serving(peer), connected(peer.base_url) as http:
        with pytest.raises(EngineLost, match="hung up"):
            await http.post(f"{peer.base_url}/models", {})
    assert len(peer.asked) == 1


async def test_leaving_a_stream_closes_its_connection_at_once():
    peer = Peer({"/v1/stream": blocks(frame("a"), then="silence")})
    async with serving(peer), connected(peer.base_url) as http:
        async with http.stream(f"{peer.base_url}/stream", {}) as stream:
            async for event in stream.events():
                assert event.data == "a"
                break
        await asyncio.wait_for(peer.hung_up.wait(), 10)


@pytest.mark.parametrize("answer", [silence, blocks(then="silence")])
async def test_cancelling_who_waits_for_a_stream_closes_its_connection(answer):
    peer = Peer({"/v1/stream": answer})
    async with serving(peer), connected(peer.base_url) as http:
        waiting = asyncio.create_task(events(http))
        while not peer.asked:
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait_for(peer.hung_up.wait(), 10)
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_key_is_sent_to_its_server(keyed):
    peer = Peer({"/v1/models": told({})})
    async with serving(peer):
        await get(peer.base_url, **keyed)
    assert peer.asked[0].headers["Authorization"] == f"Bearer {KEY}"


class Ring(FileKeyring):
    """A keyring that has one key for every server, and counts how often it is asked."""

    key: str | None = KEY
    times = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.times += 1
        return self.key


@pytest.fixture
def ring(tmp_path):
    before = keyring.get_keyring()
    ring = Ring(tmp_path / "keyring.json")
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


async def test_a_server_that_wants_no_key_is_sent_none_and_the_keyring_is_left_alone(ring):
    peer = Peer({"/v1/models": told({})})
    async with serving(peer):
        await get(peer.base_url)
    assert "Authorization" not in peer.asked[0].headers
    assert ring.times == 0


def wants_key(status: int):
    async def answer(request, body):
        signed = request.headers.get("Authorization") == f"Bearer {KEY}"
        return await (told({}) if signed else told({"error": "no key"}, status))(request, body)

    return answer


@pytest.mark.parametrize("status", [401, 403])
async def test_a_server_that_wants_a_key_is_sent_that_of_the_keyring(ring, status):
    peer = Peer({"/v1/models": wants_key(status)})
    async with serving(peer), connected(peer.base_url) as http:
        await asyncio.gather(*(http.get(f"{peer.base_url}/models") for _ in range(4)))
        await http.get(f"{peer.base_url}/models")
    assert ring.times == 1
    assert "Authorization" in peer.asked[-1].headers


@pytest.mark.parametrize("key", [None, "sk-another"])
async def test_a_server_that_wants_another_key_is_asked_no_third_time(ring, key):
    ring.key = key
    peer = Peer({"/v1/models": wants_key(401)})
    async with serving(peer):
        with pytest.raises(BadStatus):
            await get(peer.base_url)
    assert len(peer.asked) == (2 if key else 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_said(keyed, status):
    elsewhere = Peer({"/v1/models": told({})})
    async with serving(elsewhere):
        peer = Peer({"/v1/models": told({}, status, {"Location": f"{elsewhere.base_url}/models"})})
        async with serving(peer), connected(peer.base_url, **keyed) as http:
            with pytest.raises(BadStatus) as refused:
                await http.get(f"{peer.base_url}/models")
            said = str(http.meaning(refused.value))
    assert elsewhere.asked == []
    assert elsewhere.base_url in said
    assert "set engine.base_url" in said


async def test_a_key_is_not_sent_to_another_origin(keyed):
    elsewhere = Peer({"/v1/models": told({})})
    async with serving(elsewhere), serving(Peer()) as peer, connected(peer.base_url, **keyed) as http:
        with pytest.raises(EngineUnusable, match="is not sent to"):
            await http.get(f"{elsewhere.base_url}/models")
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("base_url", "proxy"), [("http://vllm.example.com/v1", ""), ("http://127.0.0.1:8000/v1", "http://127.0.0.1:1")]
)
async def test_a_key_does_not_travel_in_clear(keyed, base_url, proxy):
    with pytest.raises(EngineUnusable, match="unencrypted: use https"):
        await get(base_url, proxy=proxy, **keyed)


async def test_a_key_that_the_server_repeats_is_not_shown(keyed):
    peer = Peer({"/v1/models": told({"error": {"message": f"Incorrect API key provided: {KEY}."}}, 401)})
    async with serving(peer), connected(peer.base_url, **keyed) as http:
        with pytest.raises(BadStatus) as refused:
            await http.get(f"{peer.base_url}/models")
        said = str(http.meaning(refused.value))
    assert KEY not in said
    assert "***" in said
    assert "codetune keys list" in said


async def test_a_key_that_was_refused_is_looked_for_anew(keyed, monkeypatch):
    peer = Peer({"/v1/models": in_turn(told({}, 401), told({}))})
    async with serving(peer), connected(peer.base_url, **keyed) as http:
        with pytest.raises(BadStatus):
            await http.get(f"{peer.base_url}/models")
        monkeypatch.setenv("MY_KEY", "sk-new")
        await http.get(f"{peer.base_url}/models")
    assert [asked.headers["Authorization"] for asked in peer.asked] == [f"Bearer {KEY}", "Bearer sk-new"]


async def test_where_nobody_listens_is_said():
    with pytest.raises(EngineLost, match=r"nothing listens at http://127\.0\.0\.1:1/v1/models: start the server"):
        await get(NOBODY)


async def test_a_name_that_nobody_has_is_said(monkeypatch):
    def unknown(*_: object, **__: object):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(EngineLost, match="no machine has the name"):
        await get("http://nobody.invalid/v1")


async def test_a_server_that_does_not_accept_is_given_up_after_the_time_to_connect():
    with socket.create_server(("127.0.0.1", 0)) as listening:  # nobody answers there, so that the handshake never ends
        port = listening.getsockname()[1]
        with pytest.raises(EngineTimeout, match=r"not reached within 0\.1 seconds \(engine\.connect_seconds\)"):
            await get(f"https://127.0.0.1:{port}/v1", connect_seconds=0.1)


@pytest.mark.parametrize("answer", [silence, blocks(then="silence")])
async def test_no_first_piece_in_time_is_said(answer):
    peer = Peer({"/v1/stream": answer})
    async with serving(peer), connected(peer.base_url, first_token_seconds=0.1, gap_seconds=60) as http:
        with pytest.raises(EngineTimeout, match=r"gave nothing within 0\.1 seconds \(engine\.first_token_seconds\)"):
            await events(http)


async def test_a_gap_that_is_too_long_is_said():
    peer = Peer({"/v1/stream": blocks(frame("a"), then="silence")})
    async with serving(peer), connected(peer.base_url, first_token_seconds=60, gap_seconds=0.1) as http:
        with pytest.raises(EngineTimeout, match=r"has fallen silent: nothing within 0\.1 seconds \(engine\.gap_sec"):
            await events(http)


async def test_what_only_keeps_the_connection_open_is_no_piece():
    async def pings(request, body):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await response.write(b": ping\n\n")
            await asyncio.sleep(0.01)

    peer = Peer({"/v1/stream": pings})
    async with serving(peer), connected(peer.base_url, first_token_seconds=0.2) as http:
        with pytest.raises(EngineTimeout, match="first_token_seconds"):
            await events(http)


@pytest.mark.parametrize("answer", [silence, blocks(b"{", then="silence")])
async def test_an_answer_that_is_not_streamed_is_bounded_as_well(answer):
    peer = Peer({"/v1/models": answer})
    async with serving(peer):
        with pytest.raises(EngineTimeout, match="first_token_seconds"):
            await get(peer.base_url, first_token_seconds=0.1)


async def test_a_refusal_that_never_ends_is_bounded():
    async def half(request, body):
        response = web.StreamResponse(status=500)
        await response.prepare(request)
        await asyncio.Event().wait()

    peer = Peer({"/v1/stream": half})
    async with serving(peer), connected(peer.base_url, first_token_seconds=0.1) as http:
        with pytest.raises(EngineTimeout):
            await events(http)


@pytest.mark.parametrize("answer", [blocks(b"<html>hi</html>"), blocks(b"")])
async def test_what_is_not_json_is_said(answer):
    peer = Peer({"/v1/models": answer})
    async with serving(peer):
        with pytest.raises(EngineLost, match="did not answer in JSON"):
            await get(peer.base_url)


async def test_half_a_stream_is_lost():
    peer = Peer({"/v1/stream": blocks(frame("a"), then="cut")})
    async with serving(peer), connected(peer.base_url) as http:
        with pytest.raises(EngineLost, match="hung up in the middle"):
            await events(http)


async def test_a_stream_in_one_json_answer_is_one_event():
    peer = Peer({"/v1/stream": told({"choices": []})})
    async with serving(peer), connected(peer.base_url) as http:
        assert await events(http) == ['{"choices": []}']


@pytest.fixture
def ca_file(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


async def test_an_own_authority_is_trusted_where_it_is_named(tls, ca_file, keyed):
    async with serving(Peer({"/v1/models": told({"data": []})}), tls) as peer:
        assert await get(peer.base_url, ca_file=ca_file, **keyed) == {"data": []}
    assert peer.asked[0].headers["Authorization"] == f"Bearer {KEY}"


async def test_an_authority_that_nobody_knows_is_refused(tls, keyed):
    async with serving(Peer({"/v1/models": told({})}), tls) as peer:
        with pytest.raises(EngineUnusable, match=r"is not trusted: .*set engine\.ca_file"):
            await get(peer.base_url, **keyed)
    assert peer.asked == []


async def test_a_certificate_for_another_name_is_refused(tls, ca_file):
    async with serving(Peer({"/v1/models": told({})}), tls) as peer:
        with pytest.raises(EngineUnusable, match="is not trusted"):
            await get(peer.base_url.replace("localhost", "127.0.0.1"), ca_file=ca_file)


async def test_a_file_without_a_certificate_is_said(tmp_path):
    path = tmp_path / "ca.pem"
    with pytest.raises(SettingsError, match=r"engine\.ca_file: there is no file"):
        await get(NOBODY, ca_file=path)
    path.write_text("nothing")
    with pytest.raises(EngineUnusable, match="holds no certificate in PEM"):
        await get(NOBODY, ca_file=path)


@asynccontextmanager
async def proxy(status: bytes = b"200 Connection established"):
    """A proxy that tunnels what it is asked to connect, and passes on the rest; the list tells what it was asked."""
    seen: list[str] = []

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while block := await source.read(65536):
            sink.write(block)
            await sink.drain()
        sink.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head.decode())
        method, target, _ = head.decode().split(" ", 2)
        if not status.startswith(b"200"):
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            writer.close()
            return
        host, _, port = target.removeprefix("http://").partition("/")[0].partition(":")
        upstream, sink = await asyncio.open_connection(host, int(port))
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
        else:
            sink.write(head)
        await asyncio.gather(copy(reader, sink), copy(upstream, writer))

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listening:
        yield f"http://user:pass@127.0.0.1:{listening.sockets[0].getsockname()[1]}", seen


async def test_an_encrypted_server_is_reached_through_a_proxy_that_learns_no_key(tls, ca_file, keyed):
    async with serving(Peer({"/v1/models": told({"data": []})}), tls) as peer, proxy() as (address, seen):
        assert await get(peer.base_url, ca_file=ca_file, proxy=address, **keyed) == {"data": []}
    assert seen[0].startswith("CONNECT localhost:")
    assert "Proxy-Authorization: Basic" in seen[0]
    assert KEY not in seen[0]


async def test_a_proxy_that_wants_another_password_is_said(tls, keyed):
    async with serving(Peer(), tls) as peer, proxy(b"407 Proxy Authentication Required") as (address, _):
        with pytest.raises(EngineUnusable, match=r"answered 407.*http://user:password@host:port") as caught:
            await get(peer.base_url, proxy=address, **keyed)
    assert "pass@" not in str(caught.value).replace("password@host", "")


async def test_a_proxy_that_is_not_there_is_said():
    with pytest.raises(EngineLost, match="the proxy to"):
        await get("https://api.example.com/v1", proxy="http://127.0.0.1:1")
