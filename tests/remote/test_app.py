"""What every answer of the service has in common."""

import asyncio
import json

import aiohttp
import pytest
import pytest_asyncio
import structlog
from aiohttp import web
from serving import on_tcp, running, settings_on_copy

from codetune_core.execution.headers import REQUEST_HEADER, WIRE_HEADER, WIRE_VERSION
from codetune_remote import app
from codetune_remote.openapi import Document
from codetune_remote.page import PAGE_POLICY
from codetune_remote.route import Route
from codetune_remote.routes import ROUTES

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def breaks_early(_call):
    """Fail before anything is sent."""
    raise LookupError("early")


async def breaks_late(call):
    """Fail in the middle of the answer."""
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(call.request)
    await response.write(b"half")
    raise LookupError("late")


async def tells_its_id(_call):
    """Return what is bound to the log of this request."""
    await asyncio.sleep(0)
    return structlog.contextvars.get_contextvars()


MADE = (
    Route("GET", "/early", breaks_early, None, "Fail early", reply=str),
    Route("GET", "/late", breaks_late, None, "Fail late", media=("text/plain",)),
    Route("GET", "/bound", tells_its_id, None, "Bound", reply=dict[str, str]),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(sqlite_template, tmp_path_factory):
    settings = settings_on_copy(sqlite_template, tmp_path_factory.mktemp("app"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(app, "ROUTES", (*ROUTES, *MADE))
        async with running(settings) as service, on_tcp(service) as client:
            yield client


def check_headers(answer):
    headers = answer.headers
    assert headers[WIRE_HEADER] == str(WIRE_VERSION)
    assert headers[REQUEST_HEADER]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Server"] == "CodeTune"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/api/", 200),
        ("GET", "/nowhere", 404),
        ("PUT", "/healthz", 405),
        ("POST", "/api/execute", 401),
        ("GET", "/early", 500),
    ],
)
async def test_every_answer_has_the_same_headers(client, method, path, status):
    async with client.request(method, path) as answer:
        assert answer.status == status
        check_headers(answer)


@pytest.mark.parametrize(
    "path", sorted({route.path for route in ROUTES if route.method == "GET" and not route.parts.model_fields})
)
async def test_what_can_be_read_can_be_asked_for_its_headers_only(client, path):
    async with client.get(path) as answer, client.head(path) as head:
        assert head.status == answer.status
        assert head.content_type == answer.content_type
        assert await head.read() == b""


async def test_the_document_and_its_page_are_open_to_anybody(client):
    async with client.get("/api/openapi.json") as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        assert json.loads(await answer.read()) == Document((*ROUTES, *MADE)).content
    async with client.get("/api/") as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert answer.headers["Content-Security-Policy"] == PAGE_POLICY
        assert "/api/execute" in await answer.text()


async def test_an_answer_that_breaks_off_is_cut_and_not_followed_by_another(client, caplog):
    async with client.get("/late") as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    assert caplog.text.count("failed: LookupError") == 1
    async with client.get("/healthz") as answer:
        assert answer.status == 200


async def test_what_is_logged_meanwhile_carries_the_id_of_the_request(client):
    async with client.get("/bound", headers={REQUEST_HEADER: "mine"}) as answer:
        assert (await answer.json())["request_id"] == "mine"
    assert "request_id" not in structlog.contextvars.get_contextvars()


async def test_many_requests_at_once_keep_their_own_ids(client):
    async def ask(number):
        async with client.get("/bound", headers={REQUEST_HEADER: f"r{number}"}) as answer:
            return (await answer.json())["request_id"], answer.headers[REQUEST_HEADER]

    found = await asyncio.gather(*(ask(number) for number in range(50)))
    assert found == [(f"r{number}", f"r{number}") for number in range(50)]
