"""Names, pages and versions under which the service may be asked."""

import pytest
import pytest_asyncio
from raw_http import send_raw, send_raw_tcp
from serving import on_socket, on_tcp, running, settings_on_copy

from codetune_core.execution.headers import EXECUTION_HEADER, KEY_HEADER, WIRE_HEADER, WIRE_VERSION
from codetune_remote.middlewares.guard import _plain, host_name

pytestmark = pytest.mark.asyncio(loop_scope="module")
ALLOWED = {"allowed_hosts": ["team.example"], "allowed_origins": ["https://ide.example"]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(sqlite_template, tmp_path_factory):
    settings = settings_on_copy(sqlite_template, tmp_path_factory.mktemp("open"), serve=ALLOWED)
    async with running(settings) as service, on_tcp(service) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closed(sqlite_template, tmp_path_factory):
    settings = settings_on_copy(sqlite_template, tmp_path_factory.mktemp("closed"))
    async with running(settings) as service, on_tcp(service) as client:
        yield client


async def check(client, status, headers, *, path="/healthz", method="GET", kind=None):
    async with client.request(method, path, headers=headers) as answer:
        assert answer.status == status, await answer.text()
        if kind:
            assert answer.content_type == "application/problem+json"
            assert (await answer.json())["type"] == f"/problems/{kind}"
        return answer


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:1", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1:7860", "127.8.8.8", "[::1]:80"],
)
async def test_names_of_this_machine_are_its_own(closed, host):
    await check(closed, 200, {"Host": host})


@pytest.mark.parametrize("host", ["team.example", "TEAM.example:443"])
async def test_names_that_the_settings_list_are_its_own(client, host):
    await check(client, 200, {"Host": host})


@pytest.mark.parametrize(
    "host",
    ["evil.example", "team.example", "127.0.0.1.evil.example", "localhost.evil.example", "8.8.8.8", "notlocalhost"],
)
async def test_a_name_that_was_rebound_to_this_machine_is_refused(closed, host):
    await check(closed, 421, {"Host": host}, kind="wrong-host")


@pytest.mark.parametrize("host", ["", "a@localhost", "localhost/x", "localhost:port", "localhost:99999", "[::1", "a b"])
async def test_what_is_no_host_is_refused(closed, host):
    port = closed._base_url.port
    answer = await send_raw_tcp(port, b"GET /healthz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host.encode())
    assert answer.status == 400
    assert answer.problem["type"] == "/problems/malformed"


async def test_an_address_in_the_request_line_counts_as_much_as_the_header(closed):
    request = b"GET http://%s/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert (await send_raw_tcp(closed._base_url.port, request % b"evil.example")).status == 421
    assert (await send_raw_tcp(closed._base_url.port, request % b"localhost")).status == 200


async def test_any_name_is_right_over_the_socket_that_no_browser_reaches(sqlite_template, tmp_path):
    settings = settings_on_copy(sqlite_template, tmp_path)
    async with running(settings) as service, on_socket(service, tmp_path / "s") as client:
        await check(client, 200, {"Host": "codetune", "Origin": "https://evil.example"})
        answer = await send_raw(tmp_path / "s", b"GET /healthz HTTP/1.0\r\n\r\n")
        assert answer.status == 200


@pytest.mark.parametrize("name", ["a.example", "a.example:80", "A.Example."])
async def test_a_host_is_read_without_its_port(name):
    assert host_name(name) == "a.example"


@pytest.mark.parametrize(
    ("written", "plain"),
    [("::ffff:192.0.2.7", "192.0.2.7"), ("192.0.2.7", "192.0.2.7"), ("2001:db8::1", "2001:db8::1")],
)
async def test_an_address_is_compared_as_people_write_it(written, plain):
    assert _plain(written) == plain


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost:1", "https://ide.example", "", "http://[", "//]", "http://"],
)
async def test_pages_of_other_sites_are_refused_by_default(closed, origin):
    await check(closed, 403, {"Origin": origin}, kind="wrong-origin")


async def test_pages_of_its_own_may_ask(closed):
    host = closed._base_url.authority
    answer = await check(closed, 200, {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_what_another_page_embeds_is_refused_and_what_a_person_opens_is_not(closed, site):
    embedded = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    opened = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    await check(closed, 403, embedded, kind="wrong-origin")
    await check(closed, 200, opened, path="/api/")
    await check(closed, 403, opened, path="/api/execute", method="POST", kind="wrong-origin")


@pytest.mark.parametrize("site", ["none", "same-origin"])
async def test_what_comes_from_no_other_site_is_let_through(closed, site):
    await check(closed, 200, {"Sec-Fetch-Site": site})


async def test_a_listed_origin_asks_first_and_then_reads_the_answer(client):
    asks = {"Origin": "https://ide.example", "Access-Control-Request-Method": "POST"}
    answer = await check(client, 204, asks, path="/api/execute", method="OPTIONS")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://ide.example"
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    for name in (KEY_HEADER, WIRE_HEADER, EXECUTION_HEADER, "Last-Event-ID", "Content-Type"):
        assert name in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in answer.headers["Vary"]
    answer = await check(client, 401, {"Origin": "https://ide.example"}, path="/api/execute", method="POST")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://ide.example"
    assert EXECUTION_HEADER in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    ("path", "origin", "status"),
    [
        ("/api/execute", "https://evil.example", 403),
        ("/api/execute", "https://ide.example.evil.example", 403),
        ("/nowhere", "https://ide.example", 404),
    ],
)
async def test_no_other_question_of_a_browser_is_answered(client, path, origin, status):
    asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = await check(client, status, asks, path=path, method="OPTIONS")
    assert "Access-Control-Allow-Methods" not in answer.headers


async def test_options_are_for_browsers_only(client):
    answer = await check(client, 405, {}, path="/api/execute", method="OPTIONS", kind="method-not-allowed")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("sent", "status", "side"),
    [
        (None, 200, None),
        (str(WIRE_VERSION), 200, None),
        (str(WIRE_VERSION + 1), 400, "service"),
        (str(WIRE_VERSION - 1), 400, "client"),
        ("one", 400, None),
        ("-1", 400, None),
        ("9" * 5000, 400, None),
        ("\u0661", 400, None),
    ],
)
async def test_a_client_of_another_version_is_told_which_side_to_upgrade(closed, sent, status, side):
    async with closed.get("/api/openapi.json", headers={} if sent is None else {WIRE_HEADER: sent}) as answer:
        assert answer.status == status
        assert answer.headers[WIRE_HEADER] == str(WIRE_VERSION)
        if status == 400:
            problem = await answer.json()
            assert (problem["type"], problem["wire"]) == ("/problems/wire-version", WIRE_VERSION)
            assert problem.get("upgrade") == side
            assert side is None or problem["detail"].endswith(f"upgrade CodeTune of the {side}")


async def test_every_client_may_ask_which_version_answers(closed):
    await check(closed, 200, {WIRE_HEADER: "999"}, path="/version")
