"""What a request may carry: JSON that every reader understands alike, in limits of size and time."""

import gzip
import json
import tracemalloc
import zlib

import pytest
import pytest_asyncio
from multidict import MultiDict
from pydantic import BaseModel
from raw_http import send_raw
from serving import on_socket, running, settings_on_copy

from codetune_core.http.replies import Cursor
from codetune_remote.limits import Limits
from codetune_remote.problems import Refusal
from codetune_remote.valid import read_parts, read_query

pytestmark = pytest.mark.asyncio(loop_scope="module")
MEGABYTE = 1_000_000
BODY = {"task": "explain", "prompt": "explain-code", "variables": {"code": "secret_code", "language": "python"}}
RAW = json.dumps(BODY).encode()


@pytest.fixture(scope="module")
def socket(tmp_path_factory):
    return tmp_path_factory.mktemp("s") / "s"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(sqlite_template, socket):
    settings = settings_on_copy(sqlite_template, socket.parent, serve={"max_body_megabytes": 1})
    async with running(settings) as service, on_socket(service, socket, Limits(linger_seconds=0.1)) as client:
        yield client


async def check(client, raw, status, kind=None, **headers):
    headers = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
    async with client.post("/api/execute", data=raw, headers=headers) as answer:
        text = await answer.text()
        assert answer.status == status, text
        if status == 200:
            assert text.startswith("id: 1\nevent: ")
            return {}
        problem = json.loads(text)
        assert answer.content_type == "application/problem+json"
        assert problem["type"] == f"/problems/{kind}"
        assert "secret_code" not in text
        return problem


def with_variable(text):
    return RAW.replace(b'"secret_code"', text)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
async def test_bodies_are_json(client, kind):
    await check(client, RAW, 200, Content_Type=kind)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/json; charset=utf-16",
        "",
    ],
)
async def test_what_a_form_of_any_page_can_send_is_no_body(client, kind):
    await check(client, RAW, 415, "unsupported-media-type", Content_Type=kind)


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"nonsense",
        b"\xef\xbb\xbf" + RAW,
        RAW + b"{}",
        with_variable(b"'single'"),
        with_variable(b'"\xff\xfe"'),
        with_variable(b'"\\ud800"'),
        with_variable(b"NaN"),
        with_variable(b"-Infinity"),
        with_variable(b"1e999"),
        with_variable(b"9007199254740992"),
        with_variable(b"-9007199254740992"),
        with_variable(b"9" * 10_000),
        with_variable(b"[" * 150_000 + b"]" * 150_000),
        with_variable(b"[" * 500 + b"]" * 500),
        with_variable(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        with_variable(b'"a", "code": "b"'),
        RAW[:-1] + b', "task": "fix"}',
        RAW[:-1] + b', "t\\u0061sk": "fix"}',
    ],
    ids=range(19),
)
async def test_what_json_readers_understand_differently_is_refused(client, raw):
    await check(client, raw, 400, "malformed")


@pytest.mark.parametrize(
    "raw", [with_variable(b"9007199254740991"), with_variable(b'"\\ud83d\\ude00"'), with_variable(b'"a\\u0000b"')]
)
async def test_what_every_reader_understands_is_taken(client, raw):
    await check(client, raw, 200)


async def test_nesting_within_the_limit_is_answered(client):
    async with client.post("/api/execute", json=json.loads(with_variable(b"[" * 150 + b"]" * 150))) as answer:
        assert answer.status in {200, 422}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"version": "1"}, ["version"]),
        ({"version": 1.0}, ["version"]),
        ({"version": True}, ["version"]),
        ({"fresh": "yes"}, ["fresh"]),
        ({"fresh": 1}, ["fresh"]),
        ({"task": "dance"}, ["task"]),
        ({"prompt": 7}, ["prompt"]),
        ({"prompt": None}, ["prompt"]),
        ({"variables": []}, ["variables"]),
        ({"paths": "src"}, ["paths"]),
        ({"deadline_seconds": 0}, ["deadline_seconds"]),
    ],
)
async def test_values_are_of_the_types_that_the_document_says(client, change, where):
    problem = await check(client, json.dumps({**BODY, **change}).encode(), 422, "invalid")
    assert problem["errors"][0]["loc"] == where
    assert where[0] in problem["detail"]


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b'"x"', b"1"])
async def test_a_body_of_another_shape_is_told_what_is_missing(client, raw):
    await check(client, raw, 422, "invalid")


async def test_what_a_newer_client_adds_is_ignored(client):
    await check(client, json.dumps({**BODY, "mood": "good"}).encode(), 200)


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_a_compressed_body_is_read(client, encoding, compress):
    await check(client, compress(RAW), 200, Content_Encoding=encoding)


@pytest.mark.parametrize(
    ("encoding", "raw", "status", "kind"),
    [
        ("gzip", gzip.compress(RAW)[:-20], 400, "malformed"),
        ("gzip", RAW, 400, "malformed"),
        ("deflate", b"\x00" * 50, 400, "malformed"),
        ("gzip, gzip", gzip.compress(gzip.compress(RAW)), 415, "unsupported-media-type"),
        ("rot13", RAW, 415, "unsupported-media-type"),
    ],
    ids=["cut", "uncompressed", "zeros", "twice", "unknown"],  # what gzip makes has the time in it
)
async def test_broken_compression_is_refused(client, encoding, raw, status, kind):
    await check(client, raw, status, kind, Content_Encoding=encoding)


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_a_bomb_is_refused_before_it_is_unpacked(client, encoding, compress):
    bomb = compress(b'"' + b" " * (60 * MEGABYTE))
    assert len(bomb) < MEGABYTE
    tracemalloc.start()
    try:
        await check(client, bomb, 413, "too-large", Content_Encoding=encoding)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 15 * MEGABYTE


async def test_a_body_that_says_that_it_is_too_large_is_not_read(client, socket):
    head = b"POST /api/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000001\r\n\r\n"
    answer = await send_raw(socket, head)
    assert (answer.status, answer.problem["type"]) == (413, "/problems/too-large")


async def test_chunks_without_end_are_cut_off_at_the_limit(client):
    async def endless():
        for _ in range(10_000):
            yield b" " * 65_536

    async with client.post("/api/execute", data=endless(), headers={"Content-Type": "application/json"}) as answer:
        assert answer.status == 413
        assert (await answer.json(content_type=None))["type"] == "/problems/too-large"


async def test_the_largest_body_is_taken(client):
    await check(client, RAW + b" " * (MEGABYTE - len(RAW)), 200)


@pytest.mark.parametrize("sent", [b"", b"{", b'{"task": "explain"'])
async def test_a_body_that_does_not_arrive_in_time_is_refused(sqlite_template, tmp_path, sent):
    head = b"POST /api/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    limits = Limits(body_seconds=0.05, linger_seconds=0.05)
    settings = settings_on_copy(sqlite_template, tmp_path)
    async with running(settings) as service, on_socket(service, tmp_path / "s", limits):
        answer = await send_raw(tmp_path / "s", head, sent)
    assert (answer.status, answer.problem["type"]) == (408, "/problems/request-timeout")


@pytest.mark.parametrize("sent", [b"", b"GET", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_a_connection_without_a_whole_request_is_closed(sqlite_template, tmp_path, sent):
    settings = settings_on_copy(sqlite_template, tmp_path)
    async with running(settings) as service, on_socket(service, tmp_path / "s", Limits(idle_seconds=0.1)):
        answer = await send_raw(tmp_path / "s", sent)
    assert answer.raw == b""


class Wanted(BaseModel):
    """All that a query can hold."""

    number: int = 0
    ratio: float = 0
    yes: bool = False
    many: list[str] = []
    text: str = ""


def query(*pairs):
    return read_query(MultiDict(pairs), Wanted)


async def test_text_of_a_query_becomes_what_its_types_say():
    found = query(("number", "7"), ("ratio", "0.5"), ("yes", "true"), ("many", "a"), ("many", "b"), ("text", "7"))
    assert found == Wanted(number=7, ratio=0.5, yes=True, many=["a", "b"], text="7")
    assert query(("many", "a")).many == ["a"]


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("numbr", "1")], "did you mean number"),
        ([("zzz", "1")], "known here: many, number"),
        ([("number", "1"), ("number", "2")], "twice"),
        ([("number", "one")], "number"),
        ([("number", "9" * 30)], "2^53"),
        ([("number", "9" * 9999)], "number"),
        ([("text", "a\0b")], "NUL"),
        ([("a" * 5000, "x")], "not known"),
    ],
)
async def test_a_query_that_does_not_fit_is_refused_with_a_hint(pairs, said):
    with pytest.raises(Refusal) as caught:
        query(*pairs)
    assert (caught.value.status, caught.value.kind) == (422, "invalid")
    assert said in caught.value.detail
    assert len(caught.value.detail) < 300
    assert caught.value.extra["errors"]


async def test_an_unknown_name_in_an_address_is_refused_by_the_service_too(client):
    async with client.get("/api/keys/", params={"limt": 3}) as answer:
        assert answer.status == 422
        assert "did you mean limit" in (await answer.json(content_type=None))["detail"]
    async with client.get("/healthz", params={"x": 1}) as answer:
        assert answer.status == 422


class ByNumber(BaseModel):
    """A path with a number."""

    number: int


@pytest.mark.parametrize("sent", ["x", "", "1.5", "9" * 20, "9" * 9999])
async def test_a_path_that_does_not_fit_leads_nowhere(sent):
    with pytest.raises(Refusal) as caught:
        read_parts({"number": sent}, ByNumber)
    assert (caught.value.status, caught.value.kind) == (404, "not-found")


async def test_pages_have_a_sane_size():
    assert read_query(MultiDict(), Cursor) == Cursor(cursor="", limit=50)
    with pytest.raises(Refusal):
        read_query(MultiDict(limit="0"), Cursor)
