"""What the service says of itself: figures for Prometheus, the version, and one line of log for each request."""

import asyncio
import io
import json
import logging
import re
import tempfile
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from http_peer import serving
from openai_server import server
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus
from serving import on_socket, on_tcp, running, settings_for

from codetune_core.domain.execution import ErrorKind, Priority, Task
from codetune_core.domain.service_key import Scope
from codetune_core.engines.transformers.wire import Status
from codetune_core.execution.headers import KEY_HEADER, REQUEST_HEADER
from codetune_core.history.protocol import Filter
from codetune_core.models.hardware import Gpu
from codetune_core.sections import EngineSettings
from codetune_core.storage.database import Database
from codetune_remote.observe import build
from codetune_remote.observe.logs import logging_as, watch
from codetune_remote.observe.metrics import Metrics
from codetune_remote.streams.figures import Figures

MARKER = "zebra_marker_4711"
BODY = {"task": "explain", "prompt": "explain-code", "variables": {"code": f"{MARKER} = 1", "language": "python"}}
FAILING = f"default: {{answers: [a], fault: {{kind: engine_lost, message: 'it choked on {MARKER}'}}}}\n"


@pytest.fixture
def settings(sqlite_url, tmp_path):
    return settings_for(tmp_path, sqlite_url, cache={"sampled": True})


@pytest.fixture
def socket():
    with tempfile.TemporaryDirectory(prefix="cts") as folder:
        yield Path(folder) / "s"


async def ask(client, body=BODY, **headers):
    async with client.post("/api/execute", json=body, headers=headers) as answer:
        return answer.status, await answer.text()


async def figures(client, accept=""):
    async with client.get("/metrics", headers={"Accept": accept}) as answer:
        assert answer.status == 200
        text = await answer.text()
    families = (openmetrics if "openmetrics" in accept else prometheus)(text)
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value for family in families for sample in family.samples
    }


def value(found, name, /, **labels):
    """The only sample of a name that has these labels."""
    [number] = [
        number for (each, *own), number in found.items() if each == name and labels.items() <= dict(own).items()
    ]
    return number


async def test_what_answers_cost_is_counted_by_model_and_engine(sqlite_url, tmp_path, socket):
    price = {"model": "scripted", "prompt": "1000000", "completion": "2000000", "source": "a list of 2026-01-01"}
    settings = settings_for(tmp_path, sqlite_url, cache={"sampled": True}, budget={"prices": [price]})
    async with running(settings) as service, on_socket(service, socket) as client:
        await ask(client)
        cost = value(await figures(client), "codetune_cost_usd_total", model="scripted", engine="scripted")
        await ask(client)  # what is remembered costs nothing
        found = await figures(client)
        [_, first] = await service.core.history.page(Filter())
    assert value(found, "codetune_cost_usd_total", model="scripted") == cost == float(first.estimated_cost_usd) > 0


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
async def test_an_execution_its_cache_hit_and_a_failure_are_counted(settings, socket, accept):
    async with running(settings) as service, on_socket(service, socket) as client:
        for body in (BODY, BODY, {**BODY, "prompt": "nobodys"}):
            await ask(client, body)
        async with client.get("/nobodys-path") as answer:
            assert answer.status == 404
        found = await figures(client, accept)
    assert value(found, "codetune_execution_seconds_count", outcome="answered", task="explain") == 1
    assert value(found, "codetune_execution_seconds_count", outcome="cached", task="explain") == 1
    assert value(found, "codetune_execution_seconds_count", outcome="invalid_input", model="none") == 1
    assert value(found, "codetune_cache_hits_total", task="explain") == 1
    assert value(found, "codetune_errors_total", kind="invalid_input") == 1
    assert value(found, "codetune_first_token_seconds_count", task="explain") == 2
    assert value(found, "codetune_queue_seconds_count", priority="explicit", task="explain") == 3
    assert value(found, "codetune_tokens_total", kind="prompt", model="scripted") > 0
    assert value(found, "codetune_http_request_seconds_count", route="/api/execute", status="200") == 3
    assert value(found, "codetune_http_request_seconds_count", route="none", status="404") == 1
    assert value(found, "codetune_running") == 0
    assert value(found, "codetune_build_info", commit="") == 1
    assert MARKER not in str(found)


async def test_who_goes_away_before_the_end_is_counted_as_that(sqlite_url, tmp_path, socket):
    settings = settings_for(tmp_path, sqlite_url, "default: {answers: [a], delay_ms: 600000}\n")
    async with running(settings) as service, on_socket(service, socket) as client:
        async with client.post("/api/execute", json=BODY) as answer:
            await answer.content.readany()
            answer.close()
        gone = ("codetune_errors_total", ("kind", "cancelled"))
        async with asyncio.timeout(60):
            while gone not in (found := await figures(client)):
                await asyncio.sleep(0)
        while not [
            key for key in found if key[0] == "codetune_http_request_seconds_count" and "/api/execute" in str(key)
        ]:
            found = await figures(client)
    assert value(found, "codetune_http_request_seconds_count", route="/api/execute", status="499") == 1
    assert value(found, "codetune_execution_seconds_count", outcome="cancelled") == 1


async def test_figures_over_tcp_need_the_scope_read(settings):
    async with running(settings) as service, on_tcp(service) as client:
        for scope, status in ((Scope.EXECUTE, 403), (Scope.READ, 200), (None, 401)):
            headers = {}
            if scope:
                _, made = await service.core.keys.create("ada", [scope], expires="1d")
                headers = {KEY_HEADER: made.text.get_secret_value()}
            async with client.get("/metrics", headers=headers) as answer:
                assert answer.status == status


async def test_figures_are_given_without_those_that_the_database_does_not_give(settings, socket, monkeypatch):
    async with running(settings) as service, on_socket(service, socket) as client:
        assert ("codetune_cost_today_usd", ("model", "scripted")) not in await figures(client)
        await ask(client)
        await service.core.history.flush()
        assert ("codetune_cost_today_usd", ("model", "scripted")) in await figures(client)

        def away(_):
            raise TimeoutError

        monkeypatch.setattr(Database, "read", away)
        found = await figures(client)
    assert not [name for name, *_ in found if name == "codetune_cost_today_usd"]
    assert value(found, "codetune_execution_seconds_count", outcome="answered") == 1


async def test_models_and_graphics_processors_are_shown_as_they_are(settings, socket, monkeypatch):
    own = {"quantization": "nf4", "device": "cuda:0"}

    async def loaded():
        return [
            Status(id=1, model="big", loaded=True, device_bytes=20 * 10**9, running=3, loading_seconds=42, **own),
            Status(id=1, model="next", loaded=False, loading_seconds=7, **own),
        ]

    monkeypatch.setattr("codetune_remote.observe.state.gpus", lambda: (Gpu(0, "A100", 80 * 10**9, 55 * 10**9),))
    async with running(settings) as service, on_socket(service, socket) as client:
        monkeypatch.setattr(service.core.loads, "loaded", loaded)
        found = await figures(client)
    assert value(found, "codetune_gpu_memory_bytes", gpu="0", name="A100") == 80e9
    assert value(found, "codetune_gpu_memory_free_bytes", gpu="0") == 55e9
    assert value(found, "codetune_model_device_bytes", model="big", **own) == 20e9
    assert [value(found, "codetune_model_loaded", model=model) for model in ("big", "next")] == [1, 0]
    assert [value(found, "codetune_model_load_seconds", model=model) for model in ("big", "next")] == [42, 7]
    assert value(found, "codetune_model_running", model="big") == 3


@pytest.mark.parametrize(
    ("noted", "commit"),
    [
        ('{"url": "https://example.com/x.git", "vcs_info": {"vcs": "git", "commit_id": "def456"}}', "def456"),
        ('{"dir_info": {"editable": true}}', ""),
        (None, ""),
        ("{", ""),
    ],
)
def test_the_commit_is_the_one_that_pip_noted_where_no_variable_says_it(monkeypatch, noted, commit):
    build._installed_from.cache_clear()
    monkeypatch.setattr(build, "distribution", lambda _: SimpleNamespace(read_text=lambda _: noted))
    assert build.commit() == commit
    build._installed_from.cache_clear()


def test_labels_are_bounded_whatever_models_people_name():
    metrics = Metrics()
    for number in range(500):
        metrics.executed(Figures(Task.ASK, Priority.TYPING, model=f"m{number}", error=ErrorKind.REFUSED))
    metrics.requested("BREW", "/api/execute", 405, 0.1)
    labels = {
        sample.labels["model"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if "model" in sample.labels
    }
    assert len(labels) == 101
    assert "other" in labels


@pytest.mark.parametrize(("scheme", "settings_said"), [("socket", True), ("tcp", False)])
async def test_the_version_says_the_commit_and_to_the_user_which_settings(
    settings, socket, monkeypatch, scheme, settings_said
):
    monkeypatch.setenv("CODETUNE_COMMIT", "abc123")
    async with running(settings) as service:
        there = on_socket(service, socket) if scheme == "socket" else on_tcp(service)
        async with there as client, client.get("/version") as answer:
            said = await answer.json()
    assert (said["commit"], said["wire"], bool(said["settings"])) == ("abc123", 1, settings_said)


def _breaks(code):
    raise RuntimeError(code)


async def logged(settings, socket, work, log_format="json"):
    """What is logged while ``work`` asks a service."""
    written = io.StringIO()
    with logging_as(log_format, written):
        watch(asyncio.get_running_loop())
        async with running(settings) as service, on_socket(service, socket) as client:
            await work(service, client)
    return written.getvalue()


async def test_each_request_is_one_line_with_its_id_and_nothing_that_was_sent(settings, socket):
    async def work(service, client):
        _, made = await service.core.keys.create("ada", [Scope.READ], expires="1d")
        async with client.get(
            "/api/prompts/", params={"cursor": MARKER}, headers={KEY_HEADER: made.text.get_secret_value()}
        ):
            pass
        async with client.get(f"/api/execution/history/{uuid4()}", headers={REQUEST_HEADER: "mine-1"}):
            pass
        async with client.get("/healthz"):
            pass

    text = await logged(settings, socket, work)
    lines = [line for line in map(json.loads, text.splitlines()) if line["event"] == "request"]
    assert [(line["route"], line["status"], line["method"]) for line in lines[1:]] == [
        ("/api/execution/history/{id}", 404, "GET")
    ]
    assert lines[0]["user"] == "ada"
    assert lines[1]["request_id"] == "mine-1"
    assert lines[1]["ms"] > 0
    assert MARKER not in text
    assert "ctk_" not in text


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_no_code_stands_in_the_log_of_an_execution_that_fails(
    tmp_path, sqlite_url, socket, monkeypatch, log_format
):
    settings = settings_for(tmp_path, sqlite_url, FAILING)

    async def work(service, client):
        status, text = await ask(client, **{REQUEST_HEADER: "mine-2"})
        assert (status, MARKER in text) == (200, True)  # who asked may know

        async def broken(*_, **__):
            raise RuntimeError(f"unexpected: {MARKER}")

        monkeypatch.setattr(service.core.prompts, "choose", broken)
        await ask(client, **{REQUEST_HEADER: "mine-3"})
        monkeypatch.setattr(service.core.history, "page", broken)
        async with client.get("/api/execution/history", headers={REQUEST_HEADER: "mine-4"}) as answer:
            assert answer.status == 500
            assert MARKER not in await answer.text()
        asyncio.get_running_loop().call_soon(_breaks, MARKER)
        await asyncio.sleep(0)

    text = await logged(settings, socket, work, log_format)
    assert MARKER not in text
    assert "RuntimeError" in text
    for request in ("mine-2", "mine-3", "mine-4"):
        assert request in text


async def test_what_the_executor_logs_bears_the_request_s_id(settings, socket, monkeypatch):
    async def work(service, client):
        async def broken(*_, **__):
            raise RuntimeError

        monkeypatch.setattr(service.core.prompts, "choose", broken)
        await ask(client, **{REQUEST_HEADER: "mine-5"})

    lines = [json.loads(line) for line in (await logged(settings, socket, work)).splitlines()]
    own = [line for line in lines if line["logger"].startswith("codetune_core")]
    assert own
    assert {line["request_id"] for line in own} == {"mine-5"}


async def test_the_engine_s_server_is_told_the_request_s_id(settings, socket):
    async with serving(server()) as peer:
        engine = {"name": "openai", "base_url": peer.base_url, "model": "coder"}
        asking = settings.model_copy(update={"engine": EngineSettings(**engine)})
        async with running(asking) as service, on_socket(service, socket) as client:
            _, text = await ask(client, **{REQUEST_HEADER: "mine-6"})
    assert "Hello there" in text
    [asked] = [asked for asked in peer.asked if asked.path.endswith("/chat/completions")]
    assert asked.headers["X-Request-ID"] == "mine-6"


def test_keys_are_hidden_should_one_come_into_the_log():
    written = io.StringIO()
    with logging_as("json", written):
        logging.getLogger("someone").warning("ctk_0123456789_abcdefgh and Bearer abc.def and hf_%s", "a" * 20)
    assert re.findall(r"ctk_|abc\.def|hf_", written.getvalue()) == []
    assert json.loads(written.getvalue())["event"] == "*** and *** and ***"
