"""The figures of one service for Prometheus, counted as things happen."""

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from codetune_remote.observe.names import Known
from codetune_remote.streams.figures import Figures

_MOST_MODELS = 100
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_LONG = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600)


class Metrics:
    """Counters and histograms in a registry of their own; labels are bounded.

    ``outcome`` is ``answered``, ``cached`` or the kind of error. Queue, first token and total are seconds since the
    request was let in.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._models = Known(_MOST_MODELS)
        self._engines = Known(_MOST_MODELS)
        ProcessCollector(registry=registry)
        self._queue = Histogram(
            "codetune_queue_seconds",
            "Waiting for a turn",
            ("task", "priority"),
            buckets=_SHORT,
            registry=registry,
        )
        self._first_token = Histogram(
            "codetune_first_token_seconds",
            "Until the first piece of the answer",
            ("task", "model"),
            buckets=_LONG,
            registry=registry,
        )
        self._total = Histogram(
            "codetune_execution_seconds",
            "Until the answer was complete, or failed",
            ("task", "model", "outcome"),
            buckets=_LONG,
            registry=registry,
        )
        self._tokens = Counter(
            "codetune_tokens",
            "Tokens that models read (prompt) and wrote (completion)",
            ("task", "model", "kind"),
            registry=registry,
        )
        self._cost = Counter(
            "codetune_cost_usd",
            "What answers cost, in US dollars, where a price is known",
            ("model", "engine"),
            registry=registry,
        )
        self._hits = Counter("codetune_cache_hits", "Executions answered from memory", ("task",), registry=registry)
        self._errors = Counter("codetune_errors", "Executions that failed", ("kind",), registry=registry)
        self._http = Histogram(
            "codetune_http_request_seconds",
            "Requests, by the route's template; streams to their end",
            ("method", "route", "status"),
            buckets=_SHORT,
            registry=registry,
        )

    def executed(self, figures: Figures) -> None:
        """Count an execution that ended."""
        task, model = figures.task.value, self._models.label(figures.model or "none")
        outcome = figures.error.value if figures.error else "cached" if figures.from_cache else "answered"
        self._queue.labels(task, figures.priority.name.lower()).observe(figures.queue_seconds)
        if figures.first_token_seconds is not None:
            self._first_token.labels(task, model).observe(figures.first_token_seconds)
        self._total.labels(task, model, outcome).observe(figures.total_seconds)
        if figures.from_cache:
            self._hits.labels(task).inc()
        else:
            self._tokens.labels(task, model, "prompt").inc(figures.prompt_tokens)
            self._tokens.labels(task, model, "completion").inc(figures.completion_tokens)
        if figures.cost_usd > 0:
            self._cost.labels(model, self._engines.label(figures.engine or "none")).inc(figures.cost_usd)
        if figures.error:
            self._errors.labels(figures.error.value).inc()

    def requested(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        known = method if method in _METHODS else "other"
        self._http.labels(known, route or "none", str(status)).observe(seconds)
