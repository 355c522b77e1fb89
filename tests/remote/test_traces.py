"""Spans of a request, its execution and its generation, in the words of OpenTelemetry's conventions."""

import builtins
import tempfile
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from serving import on_socket, on_tcp, running, settings_for

from codetune_core.bootstrap.core import open_core
from codetune_core.errors import SettingsError
from codetune_remote.observe.traces import Traces
from codetune_remote.service import Service

MARKER = "zebra_marker_4711"
BODY = {"task": "explain", "prompt": "explain-code", "variables": {"code": f"{MARKER} = 1", "language": "python"}}
FAILING = f"default: {{answers: [a], fault: {{kind: engine_lost, message: 'it choked on {MARKER}'}}}}\n"
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def socket():
    with tempfile.TemporaryDirectory(prefix="cts") as folder:
        yield Path(folder) / "s"


async def traced(settings, socket, *asked, **headers):
    """The spans of executions that are asked one after the other, by name, the latest winning."""
    exporter = InMemorySpanExporter()
    async with open_core(settings) as core:
        service = Service(core, traces=Traces(SimpleSpanProcessor(exporter), "scripted"))
        async with on_socket(service, socket) as client:
            for body in asked:
                async with client.post("/api/execute", json=body, headers=headers) as answer:
                    await answer.read()
    return {span.name: span for span in exporter.get_finished_spans()}


async def test_a_generation_is_part_of_an_execution_that_is_part_of_the_request_and_of_its_trace(
    sqlite_url, tmp_path, socket
):
    spans = await traced(settings_for(tmp_path, sqlite_url), socket, BODY, traceparent=PARENT)
    request, execution, generation = (spans[name] for name in ("POST /api/execute", "execute explain", "chat scripted"))
    assert {f"{span.context.trace_id:032x}" for span in spans.values()} == {PARENT.split("-")[1]}
    assert f"{request.parent.span_id:016x}" == PARENT.split("-")[2]
    assert execution.parent.span_id == request.context.span_id
    assert generation.parent.span_id == execution.context.span_id
    assert request.kind is SpanKind.SERVER
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["http.route"] == "/api/execute"
    assert generation.kind is SpanKind.CLIENT
    said = dict(generation.attributes)
    assert said.pop("gen_ai.usage.input_tokens") > 0
    assert said.pop("gen_ai.usage.output_tokens") > 0
    assert said == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted",
        "gen_ai.request.model": "scripted",
        "gen_ai.response.model": "scripted",
        "gen_ai.response.finish_reasons": ("stop",),
    }
    assert execution.attributes["codetune.prompt"] == "explain-code"
    assert MARKER not in "".join(span.to_json() for span in spans.values())


async def test_an_answer_from_memory_has_no_generation(sqlite_url, tmp_path, socket):
    settings = settings_for(tmp_path, sqlite_url, cache={"sampled": True})
    first = await traced(settings, socket, BODY)
    again = await traced(settings, socket, BODY)
    assert set(first) - set(again) == {"chat scripted"}
    assert again["execute explain"].attributes["codetune.from_cache"] is True


async def test_a_failure_is_marked_by_its_kind_and_not_by_its_words(sqlite_url, tmp_path, socket):
    spans = await traced(settings_for(tmp_path, sqlite_url, FAILING), socket, BODY)
    for name in ("execute explain", "chat scripted"):
        assert spans[name].status.status_code is StatusCode.ERROR
        assert spans[name].attributes["error.type"] == "engine_lost"
        assert not spans[name].events or MARKER not in str(spans[name].events)
    assert MARKER not in "".join(span.to_json() for span in spans.values())


async def test_a_request_that_is_refused_has_a_span_with_its_status(sqlite_url, tmp_path):
    exporter = InMemorySpanExporter()
    async with open_core(settings_for(tmp_path, sqlite_url)) as core:
        service = Service(core, traces=Traces(SimpleSpanProcessor(exporter), "scripted"))
        async with on_tcp(service) as client:
            for method, path in (("POST", "/api/execute"), ("GET", f"/{MARKER}")):
                async with client.request(method, path, json=BODY):
                    pass
    found = {span.name: span for span in exporter.get_finished_spans()}
    assert {name: span.attributes["http.response.status_code"] for name, span in found.items()} == {
        "POST /api/execute": 401,
        "GET": 404,
    }


async def test_without_an_endpoint_nothing_is_traced(sqlite_url, tmp_path):
    async with running(settings_for(tmp_path, sqlite_url)) as service:
        assert service.traces is None


def test_an_endpoint_without_the_extra_is_said(sqlite_url, tmp_path, monkeypatch):
    settings = settings_for(tmp_path, sqlite_url, serve={"traces_endpoint": "http://127.0.0.1:1/v1/traces"})
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError, match=r"codetune\[traces\]"):
        Traces.from_settings(settings)


def test_traces_go_to_the_endpoint_that_the_settings_name(sqlite_url, tmp_path):
    settings = settings_for(tmp_path, sqlite_url, serve={"traces_endpoint": "http://127.0.0.1:1/v1/traces"})
    traces = Traces.from_settings(settings)
    assert traces is not None
    traces.close()
