"""What is no HTTP, or HTTP that two readers could understand differently, is refused and runs nothing."""

import json

import pytest
import pytest_asyncio
from raw_http import send_raw
from serving import on_socket, running, settings_on_copy

from codetune_core.execution.headers import WIRE_HEADER
from codetune_core.history.protocol import Filter
from codetune_remote.limits import Limits

pytestmark = pytest.mark.asyncio(loop_scope="module")
BODY = json.dumps({"task": "explain", "prompt": "explain-code", "variables": {"code": "a", "language": "c"}}).encode()
INNER = (
    b"POST /api/execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(BODY), BODY)
)


def post(*headers: bytes, rest: bytes = b"") -> bytes:
    return b"\r\n".join([b"POST /api/execute HTTP/1.1", b"Host: localhost", *headers, b"", b""]) + rest


def get(*headers: bytes) -> bytes:
    return b"\r\n".join([b"GET /healthz HTTP/1.1", b"Host: localhost", b"Connection: close", *headers, b"", b""])


@pytest.fixture(scope="module")
def socket(tmp_path_factory):
    return tmp_path_factory.mktemp("s") / "s"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(sqlite_template, socket):
    settings, limits = settings_on_copy(sqlite_template, socket.parent), Limits(linger_seconds=0.2)
    async with running(settings) as service, on_socket(service, socket, limits):
        yield service


SMUGGLED = {
    "length and chunks": post(b"Content-Length: 5", b"Transfer-Encoding: chunked", rest=b"0\r\n\r\n" + INNER),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: %d" % len(INNER), rest=INNER),
    "two equal lengths": post(b"Content-Length: 0", b"Content-Length: 0", rest=INNER),
    "a list of lengths": post(b"Content-Length: 0, 0", rest=INNER),
    "a length with a sign": post(b"Content-Length: +0", rest=INNER),
    "a length below zero": post(b"Content-Length: -1", rest=INNER),
    "a length in hexadecimal": post(b"Content-Length: 0x0", rest=INNER),
    "an unknown coding": post(b"Transfer-Encoding: xchunked", rest=b"0\r\n\r\n" + INNER),
    "chunked not last": post(b"Transfer-Encoding: chunked, identity", rest=b"0\r\n\r\n" + INNER),
    "chunked twice": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", rest=b"0\r\n\r\n" + INNER),
    "chunks below zero": post(b"Transfer-Encoding: chunked", rest=b"-1\r\n\r\n" + INNER),
    "a chunk longer than said": post(b"Transfer-Encoding: chunked", rest=b"1\r\nabc\r\n0\r\n\r\n" + INNER),
    "a bare line feed in a chunk": post(b"Transfer-Encoding: chunked", rest=b"1;\na\r\n0\r\n\r\n" + INNER),
    "a space before the colon": post(b"Content-Length : 0", rest=INNER),
    "a folded header": post(b"X-Folded: a\r\n b", rest=INNER),
    "bare line feeds": INNER.replace(b"\r\n", b"\n"),
    "chunks of HTTP/1.0": post(b"Transfer-Encoding: chunked", rest=b"0\r\n\r\n" + INNER).replace(b"1.1", b"1.0", 1),
    "NUL in a header": post(b"X-Nul: a\0b", rest=INNER),
    "two hosts": post(b"Host: localhost", rest=INNER),
}


@pytest.mark.parametrize("sent", SMUGGLED.values(), ids=SMUGGLED)
async def test_what_could_hide_a_second_request_is_refused_once_and_runs_nothing(service, socket, sent):
    ran = await service.core.history.page(Filter())
    answer = await send_raw(socket, sent)
    assert (answer.count, answer.status) == (1, 400)
    assert answer.problem["type"] == "/problems/malformed"
    assert await service.core.history.page(Filter()) == ran


@pytest.mark.parametrize(
    ("sent", "status", "kind"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "malformed"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed"),
        (b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n", 400, "malformed"),
        (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "malformed"),
        (b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "malformed"),
        (b"BREW /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "malformed"),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400, "malformed"),
        (get(*[b"X-Many: 1"] * 200), 400, "malformed"),
        (get(b"X-Long: " + b"a" * 20_000), 431, "header-too-large"),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431, "header-too-large"),
        (get(b"Expect: bananas"), 417, "expectation-failed"),
        (get(b"Expect: bananas").replace(b"/healthz", b"/nowhere"), 417, "expectation-failed"),
        (post(b"Content-Length: 2", b"Connection: close", rest=b"{}"), 415, "unsupported-media-type"),
    ],
)
async def test_broken_requests_get_a_problem_like_all_others(service, socket, sent, status, kind):
    answer = await send_raw(socket, sent)
    assert (answer.count, answer.status, answer.problem["type"]) == (1, status, f"/problems/{kind}")
    assert answer.problem["instance"]
    assert f"x-request-id: {answer.problem['instance']}" in answer.head.lower()
    assert f"{WIRE_HEADER}: 1" in answer.head
    assert "x-content-type-options: nosniff" in answer.head.lower()
    assert "server: codetune\r\n" in f"{answer.head}\r\n".lower()


async def test_what_a_broken_request_says_is_not_in_the_log(service, socket, caplog):
    caplog.set_level("DEBUG")
    await send_raw(socket, get(b"X-CodeTune-Key : ctk_secret"))
    assert "no HTTP" in caplog.text
    assert "secret" not in caplog.text


async def test_a_client_that_waits_to_be_told_is_told_to_go_on(service, socket):
    waiting = INNER.replace(b"Connection: close", b"Expect: 100-continue\r\nConnection: close")
    answer = await send_raw(socket, waiting)
    assert answer.raw.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


async def test_requests_behind_each_other_are_answered_one_by_one(service, socket):
    answer = await send_raw(socket, get().replace(b"Connection: close\r\n", b"") * 3 + get())
    assert answer.raw.count(b"HTTP/1.1 200 OK") == 4
