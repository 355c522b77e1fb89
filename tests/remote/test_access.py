"""Who may ask what: every endpoint of the table, without a key, with a bad one, and with one for something else."""

import asyncio
import datetime as dt
import logging
import os
import sys
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest
from serving import on_socket, on_tcp, running, settings_for
from sqlalchemy import text as sql

from codetune_core.access.key_text import new_key
from codetune_core.access.keys import ADMIN_VARIABLE
from codetune_core.domain.service_key import Scope
from codetune_core.execution.headers import KEY_HEADER
from codetune_remote.routes import ROUTES

CLOSED = [route for route in ROUTES if route.scope is not None]
OPEN = [route for route in ROUTES if route.scope is None and not route.parts.model_fields]


@pytest.fixture
def settings(sqlite_url, tmp_path):
    return settings_for(tmp_path, sqlite_url)


@pytest.fixture
async def service(settings):
    async with running(settings) as service:
        yield service


def name(route):
    return f"{route.method} {route.path}"


def address(route):
    return route.path.format(**{part: str(uuid4()) for part in route.parts.model_fields})


async def key(service, *scopes, **values):
    issued, made = await service.core.keys.create("ada", scopes, **{"expires": "1d", **values})
    return issued, made.text.get_secret_value()


async def answers(client, routes, *headers):
    """Status and body of every route, asked with these headers and no body."""
    found = {}
    for route in routes:
        async with client.request(route.method, address(route), headers=list(headers), json={}) as answer:
            found[name(route)] = (answer.status, dict(answer.headers), await answer.text())
    return found


def others(found, status):
    """The routes that answered something else."""
    return {route: answer for route, answer in found.items() if answer[0] != status}


async def no_key(_service):
    return []


async def malformed(_service):
    return [(KEY_HEADER, "ctk_0123456789_secret")]


async def unknown(_service):
    return [(KEY_HEADER, new_key().text.get_secret_value())]


async def empty(_service):
    return [(KEY_HEADER, "")]


async def expired(service):
    issued, text = await key(service, Scope.ADMIN)
    async with service.core.database.write() as session:
        past = dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(days=2)
        await session.execute(
            sql("UPDATE service_key SET expires_at = :past WHERE id = :id"), {"past": str(past), "id": issued.id}
        )
    return [(KEY_HEADER, text)]


async def revoked(service):
    issued, text = await key(service, Scope.ADMIN)
    await service.core.keys.verify(text)
    await service.core.keys.revoke(issued.id)
    return [(KEY_HEADER, text)]


async def mistyped(service):
    _, text = await key(service, Scope.ADMIN)
    return [(KEY_HEADER, text[:-1])]


async def two(service):
    _, text = await key(service, Scope.ADMIN)
    return [(KEY_HEADER, text), (KEY_HEADER, text)]


async def elsewhere(service):
    _, text = await key(service, Scope.ADMIN)
    return [("Authorization", f"Bearer {text}"), ("Cookie", f"{KEY_HEADER}={text}"), ("X-Api-Key", text)]


BAD = [no_key, malformed, unknown, empty, expired, revoked, mistyped, two, elsewhere]


async def test_no_endpoint_answers_over_tcp_without_a_good_key(service):
    service.attempts.count = lambda _: 0.0  # how many is another test's
    found = {}
    async with on_tcp(service) as client:
        for bad in BAD:
            asked = await answers(client, CLOSED, *(await bad(service)))
            found |= {f"{bad.__name__}: {route}": answer for route, answer in asked.items()}
    assert len(found) == len(BAD) * len(CLOSED)
    assert others(found, 401) == {}
    assert {answer[1]["WWW-Authenticate"] for answer in found.values()} == {'CodeTune-Key realm="codetune"'}
    assert {answer[1]["Content-Type"].partition(";")[0] for answer in found.values()} == {"application/problem+json"}


async def test_a_key_opens_what_its_scope_says_and_nothing_beyond(service):
    for scope in Scope:
        _, text = await key(service, scope)
        async with on_tcp(service, {KEY_HEADER: text}) as client:
            within = [route for route in CLOSED if route.scope is scope and not route.streams]
            beyond = [route for route in CLOSED if route.scope is not scope and scope is not Scope.ADMIN]
            assert not {route for route, answer in (await answers(client, within)).items() if answer[0] in {401, 403}}
            assert others(await answers(client, beyond), 403) == {}


async def test_what_is_open_needs_no_key_and_looks_at_none(service, monkeypatch):
    async def fail(_):
        raise AssertionError("the key was looked at")

    monkeypatch.setattr(service.core.keys, "verify", fail)
    async with on_tcp(service) as client:
        for headers in ([], [(KEY_HEADER, "ctk_wrong")]):
            found = await answers(client, OPEN, *headers)
            assert not {route for route, answer in found.items() if answer[0] in {401, 403}}


async def test_an_unknown_key_and_one_that_was_revoked_are_told_in_words(service):
    async with on_tcp(service) as client:
        said = {}
        for bad in (unknown, malformed, revoked, expired):
            found = await answers(client, CLOSED[:1], *(await bad(service)))
            said[bad.__name__] = next(iter(found.values()))[2]
    assert "not known here" in said["unknown"]
    assert "checksum" in said["malformed"]
    assert "was revoked" in said["revoked"]
    assert "expired on" in said["expired"]


async def test_too_many_failures_are_refused_while_a_good_key_passes(service):
    _, good = await key(service, Scope.ADMIN)
    async with on_tcp(service) as client:

        async def ask(text):
            async with client.get("/api/keys/", headers={KEY_HEADER: text}) as answer:
                return answer.status, answer.headers.get("Retry-After"), await answer.text()

        statuses = [(await ask(new_key().text.get_secret_value()))[0] for _ in range(15)]
        assert statuses == [401] * 10 + [429] * 5
        last = await ask(new_key().text.get_secret_value())
        assert 1 <= int(last[1]) <= 6
        assert "not known" not in last[2]
        assert (await ask(good))[0] == 200
        assert (await ask(new_key().text.get_secret_value()))[0] == 429


@pytest.mark.parametrize(("trusted", "statuses"), [(True, [401] * 15), (False, [401] * 10 + [429] * 5)])
async def test_who_failed_is_known_by_the_one_trusted_proxy(settings, trusted, statuses):
    behind = settings.model_copy(update={"serve": settings.serve.model_copy(update={"trust_proxy": trusted})})
    async with running(behind) as service, on_tcp(service) as client:
        found = []
        for number in range(15):
            said = {KEY_HEADER: "ctk_wrong", "X-Forwarded-For": f"203.0.113.9, 192.0.2.{number}"}
            async with client.get("/api/keys/", headers=said) as answer:
                found.append(answer.status)
    assert found == statuses


async def test_no_key_stands_in_a_log_or_an_answer(service, caplog, capfd):
    _, good = await key(service, Scope.READ)
    bad = new_key().text.get_secret_value()
    with caplog.at_level(logging.DEBUG):
        async with on_tcp(service) as client:
            bodies = []
            for text in (good, bad, bad[:-1], good + "x"):
                found = await answers(client, ROUTES[:8], (KEY_HEADER, text))
                bodies += [body for _, _, body in found.values()]
                async with client.get("/api/keys/", params={"key": text}) as answer:
                    bodies.append(await answer.text())
    out, err = capfd.readouterr()
    for text in (good, bad):
        assert not any(text[15:50] in place for place in (*bodies, caplog.text, out, err))
    assert "a key was refused" in caplog.text


PATHS = [
    "/api/keys/../../etc/passwd",
    "/api/keys/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/api/keys/..%5c..%5cetc",
    "/api/prompts/%00",
    "/api/prompts/..;/keys/",
    "/healthz/../api/keys/",
    "//api/keys/",
    "/api//keys/",
    "/API/KEYS/",
    "/api/keys/%2e",
    "/../../../../etc/passwd",
]


async def test_no_spelling_of_a_path_gets_around_the_key(service):
    found = {}
    async with on_tcp(service) as client:
        port = client._base_url.port
        for path in PATHS:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
            found[path] = (await reader.read()).decode()
            writer.close()
            await writer.wait_closed()
    assert not {path: answer for path, answer in found.items() if answer.split()[1] not in {"400", "401", "404", "405"}}
    assert not any("root:" in answer for answer in found.values())


async def test_the_first_key_of_a_service_comes_from_its_environment(settings, monkeypatch):
    made = new_key()
    monkeypatch.setenv(ADMIN_VARIABLE, made.hash)
    async with running(settings) as service:
        assert await service.core.keys.any_usable()
        async with on_tcp(service, {KEY_HEADER: made.text.get_secret_value()}) as client:
            wanted = {"user": "ada", "scopes": ["read"], "note": "laptop"}
            async with client.post("/api/keys/", json=wanted) as answer:
                assert answer.status == 201
                new = await answer.json()
            async with client.get("/api/keys/", headers={KEY_HEADER: new["key"]}) as answer:
                assert answer.status == 403
            assert (new["issued"]["user"], new["issued"]["created_by"]) == ("ada", "admin")


async def test_keys_are_listed_page_by_page_and_revoked(service):
    issued, text = await key(service, Scope.ADMIN)
    ids = [(await key(service, Scope.READ))[0].id for _ in range(4)]
    async with on_tcp(service, {KEY_HEADER: text}) as client:
        listed, cursor = [], ""
        while True:
            async with client.get("/api/keys/", params={"limit": 2, "cursor": cursor}) as answer:
                raw = await answer.text()
                page = await answer.json()
            assert "ctk_" not in raw
            listed += [item["id"] for item in page["items"]]
            if not (cursor := page["next"]):
                break
        assert sorted(listed) == sorted([issued.id, *ids])
        async with client.delete(f"/api/keys/{ids[0]}") as answer:
            assert (await answer.json())["revoked_at"]
        for wrong in ("nobodys", "a-b", "a%2eb"):
            async with client.delete(f"/api/keys/{wrong}") as answer:
                assert answer.status == 404
        async with client.post("/api/keys/", json={"expires": "soon"}) as answer:
            assert answer.status == 422
            assert "write 90d" in (await answer.json())["detail"]


@pytest.fixture
def socket():
    with tempfile.TemporaryDirectory(prefix="cts") as folder:
        yield Path(folder) / "s"


async def test_the_socket_s_owner_may_do_everything_and_a_key_that_is_sent_counts(service, socket):
    _, text = await key(service, Scope.READ)
    asked = [
        ({}, 200),
        ({KEY_HEADER: text}, 403),
        ({KEY_HEADER: "ctk_wrong"}, 401),
        ({"X-Forwarded-For": "192.0.2.1"}, 401),  # a proxy speaks for somebody else
        ({"Forwarded": "for=192.0.2.1"}, 401),
        ({"Via": "1.1 proxy"}, 401),
    ]
    async with on_socket(service, socket) as client:
        for headers, status in asked:
            async with client.get("/api/keys/", headers=headers) as answer:
                assert answer.status == status, headers


ASK = """
import os, socket, sys
os.setgid(65534)
os.setuid(65534)
with socket.socket(socket.AF_UNIX) as asking:
    asking.connect(sys.argv[1])
    asking.sendall(f"GET {sys.argv[2]} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n".encode())
    print(asking.makefile("rb").readline().decode())
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be somebody else")
async def test_another_user_who_reaches_the_socket_is_refused(service, socket, caplog):
    socket.parent.chmod(0o755)
    async with on_socket(service, socket):
        socket.chmod(0o777)
        for path in ("/api/keys/", "/healthz"):
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", "-c", ASK, str(socket), path, stdout=asyncio.subprocess.PIPE
            )
            output, _ = await child.communicate()
            assert output.split()[1] == b"403"
    assert "another user" in caplog.text
