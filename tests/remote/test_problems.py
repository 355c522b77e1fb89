"""Errors: one shape for all of them, and each kind says what it means."""

import ast
import datetime as dt
import logging
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from serving import on_socket, running, settings_on_copy

import codetune_remote
from codetune_core import errors
from codetune_core.errors import CodeTuneError
from codetune_core.execution.headers import REQUEST_HEADER, WIRE_HEADER
from codetune_remote.problem_kinds import KINDS
from codetune_remote.refusals import refusal_of, refusal_of_http

ERRORS = [
    (errors.PromptNotFound("x"), 404, "not-found"),
    (errors.NameTaken("x"), 409, "name-taken"),
    (errors.IdenticalVersion("x", 7), 409, "identical-version"),
    (errors.LedgerMoved("x"), 409, "ledger-moved"),
    (errors.RenderError("x"), 422, "render"),
    (errors.PromptFileError("x"), 422, "prompt-file"),
    (errors.InvalidInput("x"), 422, "invalid-input"),
    (errors.ContextTooLong("x"), 422, "context-too-long"),
    (errors.DatabaseUnreachable("x"), 503, "storage"),
    (errors.SchemaMismatch("x"), 503, "storage"),
    (errors.BudgetSpent("x"), 429, "budget-spent"),
    (errors.EngineOverloaded("x", 3.2), 503, "overloaded"),
    (errors.EngineOverloaded("x"), 503, "overloaded"),
    (errors.EngineTimeout("x"), 504, "engine-timeout"),
    (errors.EngineLost("x"), 502, "engine-lost"),
    (errors.EngineRefused("x"), 422, "refused"),
    (errors.EngineUnusable("x"), 502, "engine-unusable"),
    (errors.InvalidOutput("x"), 502, "invalid-output"),
    (errors.SettingsError("x"), 503, "settings"),
    (errors.NoSuchPlugin("x"), 503, "settings"),
    (CodeTuneError("x"), 500, "failed"),
]


def every_error(kind=CodeTuneError):
    return [kind, *(found for below in kind.__subclasses__() for found in every_error(below))]


@pytest.mark.parametrize(("error", "status", "kind"), ERRORS)
def test_each_error_has_its_status_and_keeps_its_words(error, status, kind):
    refusal = refusal_of(error)
    assert (refusal.status, refusal.kind, refusal.detail) == (status, kind, "x")
    assert refusal.extra.get("kind") == getattr(error, "kind", None)
    assert refusal.extra.get("number") == getattr(error, "number", None)


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_no_error_of_the_tree_is_forgotten(kind):
    error = kind.__new__(kind)
    Exception.__init__(error, "x")
    error.number, error.retry_after = 1, None
    refusal = refusal_of(error)
    assert 400 <= refusal.status < 600
    assert refusal.kind in KINDS


def test_who_is_to_come_back_is_told_when():
    assert refusal_of(errors.EngineOverloaded("x", 3.2)).headers == {"Retry-After": "4"}
    assert int(refusal_of(errors.DatabaseUnreachable("x")).headers["Retry-After"]) > 0
    assert refusal_of(errors.SchemaMismatch("x")).headers == {}
    left = int(refusal_of(errors.BudgetSpent("x")).headers["Retry-After"])
    midnight = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=left)
    assert midnight.hour == 0 or left <= 1
    assert 0 < left <= 86_400


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (web.HTTPNotFound(), 404, "not-found"),
        (web.HTTPMethodNotAllowed("PUT", ["GET", "POST"]), 405, "method-not-allowed"),
        (web.HTTPRequestEntityTooLarge(10, 20), 413, "too-large"),
        (web.HTTPExpectationFailed(), 417, "expectation-failed"),
        (web.HTTPBadRequest(), 400, "malformed"),
        (web.HTTPInternalServerError(), 500, "internal"),
    ],
)
def test_errors_of_the_framework_have_the_same_shape(error, status, kind):
    refusal = refusal_of_http(error)
    assert (refusal.status, refusal.kind) == (status, kind)
    assert refusal.detail


def written_kinds():
    for path in Path(codetune_remote.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal" and len(node.args) > 1:
                for constant in ast.walk(node.args[1]):
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                        yield constant.value, path.name


def test_every_kind_that_the_code_names_says_what_it_means():
    found = set(written_kinds())
    assert len(found) > 10
    assert {(kind, path) for kind, path in found if kind not in KINDS} == set()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(sqlite_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("s")
    settings = settings_on_copy(sqlite_template, folder)
    async with running(settings) as service, on_socket(service, folder / "s") as client:
        client.service = service
        yield client


async def check(client, method, path, status, kind, **sent):
    async with client.request(method, path, **sent) as answer:
        problem = await answer.json(content_type=None)
        assert (answer.status, answer.content_type) == (status, "application/problem+json")
        assert (problem["type"], problem["status"]) == (f"/problems/{kind}", status)
        assert problem["instance"] == answer.headers[REQUEST_HEADER]
        assert answer.headers[WIRE_HEADER] == "1"
        return answer, problem


IN_MODULE = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("path", ["/nowhere", "/api", "/api/../etc/passwd", "/api/prompts/%2e%2e%2f", "/api/keys/x/y"])
@IN_MODULE
async def test_an_unknown_address_is_a_problem(client, path):
    await check(client, "GET", path, 404, "not-found")


@IN_MODULE
async def test_a_wrong_method_is_told_the_right_ones(client):
    answer, _ = await check(client, "DELETE", "/healthz", 405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, HEAD"


@IN_MODULE
async def test_each_problem_leads_to_what_it_means(client):
    _, problem = await check(client, "GET", "/nowhere", 404, "not-found")
    async with client.get(problem["type"]) as answer:
        assert (await answer.json())["meaning"] == KINDS["not-found"]
    await check(client, "GET", "/problems/none", 404, "not-found")


@pytest.mark.parametrize("sent", ["abc-1", "0190f5fe-0000-7000-8000-000000000000", "a" * 128])
@IN_MODULE
async def test_a_sane_request_id_of_the_client_is_kept(client, sent, caplog):
    caplog.set_level(logging.INFO)
    answer, _ = await check(client, "GET", "/nowhere", 404, "not-found", headers={REQUEST_HEADER: sent})
    assert answer.headers[REQUEST_HEADER] == sent
    [record] = [record for record in caplog.records if record.name.startswith("codetune")]
    assert (record.request_id, record.status, record.problem) == (sent, 404, "not-found")


@pytest.mark.parametrize("sent", ["", "a b", "a" * 129, "<script>", "-x", "é"])
@IN_MODULE
async def test_any_other_request_id_is_replaced(client, sent):
    async with client.get("/healthz", headers={REQUEST_HEADER: sent}) as answer:
        assert answer.headers[REQUEST_HEADER] not in {sent, ""}


@IN_MODULE
async def test_an_unexpected_error_is_said_without_its_words_and_found_in_the_log(client, monkeypatch, caplog):
    words = "the user's code"

    async def broken(*_):
        raise LookupError(words)

    monkeypatch.setattr(type(client.service.core.keys), "page", broken)
    _, problem = await check(client, "GET", "/api/keys/", 500, "internal")
    assert f"request {problem['instance']} failed: LookupError" in caplog.text
    assert words not in caplog.text + str(problem)


@IN_MODULE
async def test_a_database_that_is_away_is_a_problem_with_its_words(client, monkeypatch):
    async def away(*_):
        raise errors.DatabaseUnreachable("start it again")

    monkeypatch.setattr(type(client.service.core.keys), "page", away)
    answer, problem = await check(client, "GET", "/api/keys/", 503, "storage")
    assert problem["detail"] == "start it again"
    assert answer.headers["Retry-After"] == "5"


@IN_MODULE
async def test_a_limit_of_time_is_a_problem(client, monkeypatch):
    async def late(*_):
        raise TimeoutError

    monkeypatch.setattr(type(client.service.core.keys), "page", late)
    await check(client, "GET", "/api/keys/", 504, "timeout")
