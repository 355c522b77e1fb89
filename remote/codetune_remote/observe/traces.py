"""Traces of requests, executions and generations, where the settings say whither and OpenTelemetry is installed."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Self
from uuid import UUID

from codetune_core.domain.execution import ExecutionRequest, Feedback
from codetune_core.errors import SettingsError
from codetune_core.execution.events import Event, Failed, Finished, FromCache, Started, Token, UsageCounted
from codetune_core.execution.protocol import Executor
from codetune_core.settings import Settings
from codetune_remote.observe import gen_ai

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span

_SERVER_ERROR = 500


class Traces:
    """Makes spans with a provider of its own; close it when done, which sends what was not sent yet.

    ``engine`` is the name of who generates.
    """

    def __init__(self, processor: "SpanProcessor", engine: str) -> None:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra, and only who traces waits for it
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

        self._provider = TracerProvider(resource=Resource.create({"service.name": "codetune"}))
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("codetune")
        self._engine = engine

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """Return what sends to ``serve.traces_endpoint``; None where that is empty. Raises SettingsError."""
        endpoint = settings.serve.traces_endpoint
        if not endpoint:
            return None
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        except ImportError as error:
            raise SettingsError('serve.traces_endpoint needs an extra: pip install "codetune[traces]"') from error
        return cls(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)), settings.engine.name)

    @contextmanager
    def request(self, method: str, route: str, scheme: str, headers: Mapping[str, str]) -> Iterator["Span"]:
        """Span of a request; part of the trace that its ``traceparent`` (W3C Trace Context) names, if there is one."""
        from opentelemetry.trace import SpanKind  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        lower = {name.lower(): value for name, value in headers.items()}
        with self._tracer.start_as_current_span(
            gen_ai.request_name(method, route),
            TraceContextTextMapPropagator().extract(lower),
            SpanKind.SERVER,
            gen_ai.request_attributes(method, route, scheme),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    def answered(self, span: "Span", status: int) -> None:
        """Note in a request's span how it ended."""
        span.set_attributes(gen_ai.response_attributes(status))
        if status >= _SERVER_ERROR:
            _mark_failed(span)

    def of(self, executor: Executor) -> Executor:
        """Return an executor whose executions are traced."""
        return _TracedExecutor(executor, self)

    def close(self) -> None:
        """Send what was not sent yet; takes up to some seconds."""
        self._provider.shutdown()

    def execution(self, request: ExecutionRequest) -> "Span":
        """Begin the span of an execution, a child of the request's."""
        return self._tracer.start_span(f"execute {request.task.value}", attributes=gen_ai.execution_attributes(request))

    def generation(self, model: str, parent: "Span") -> "Span":
        """Begin the span of what a model does."""
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415

        return self._tracer.start_span(
            gen_ai.generation_name(model),
            set_span_in_context(parent),
            SpanKind.CLIENT,
            gen_ai.generation_attributes(self._engine, model),
        )


class _TracedExecutor:
    """Spans of an execution and of its generation, which a remembered answer has none of."""

    def __init__(self, executor: Executor, traces: Traces) -> None:
        self._executor = executor
        self._traces = traces

    async def execute(self, request: ExecutionRequest) -> AsyncGenerator[Event]:
        span = self._traces.execution(request)
        noted = _Noted(self._traces, span)
        try:
            async with aclosing(self._executor.execute(request)) as events:
                async for event in events:
                    noted.note(event)
                    yield event
        finally:
            noted.end()
            span.end()

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        return await self._executor.rate(execution_id, feedback)


class _Noted:
    """Turns the events of one execution into what its spans say."""

    def __init__(self, traces: Traces, span: "Span") -> None:
        self._traces = traces
        self._span = span
        self._generation: Span | None = None
        self._started: Started | None = None
        self._first = True

    def note(self, event: Event) -> None:
        """Learn from an event, as it comes."""
        match event:
            case Started():
                self._started = event
                self._generation = self._traces.generation(event.model, self._span)
            case FromCache():
                self._generation = None  # what never ends is never sent
                self._span.set_attribute("codetune.from_cache", value=True)
            case Token() if self._first and self._generation:
                self._first = False
                self._generation.add_event("gen_ai.first_token")
            case UsageCounted() if self._generation:
                self._generation.set_attributes(gen_ai.usage_attributes(event))
            case Finished() if self._generation and self._started:
                self._generation.set_attributes(gen_ai.finished_attributes(event, self._started.model))
            case Failed():
                for span in filter(None, (self._generation, self._span)):
                    span.set_attributes(gen_ai.failed_attributes(event))
                    _mark_failed(span)

    def end(self) -> None:
        """End the generation's span."""
        if self._generation:
            self._generation.end()


def _mark_failed(span: "Span") -> None:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415

    span.set_status(StatusCode.ERROR)
