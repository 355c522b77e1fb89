"""Writes all figures of a service as Prometheus reads them."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from codetune_core.domain.execution import Priority
from codetune_core.domain.own_version import own_version
from codetune_remote.observe.build import commit
from codetune_remote.observe.state import State, look
from codetune_remote.service import Service

_MODEL = ("model", "quantization", "device")


async def scrape(service: Service, accept: str) -> tuple[bytes, str]:
    """Return the figures, and their content type: OpenMetrics for who accepts it, else Prometheus' own text."""
    state = await look(service.core)
    now = CollectorRegistry()
    now.register(_Now(service, state))
    encode, content_type = choose_encoder(accept)
    counted, current = encode(service.metrics.registry), encode(now)
    return counted.removesuffix(b"# EOF\n") + current, content_type


class _Now(Collector):
    """Figures of this moment."""

    def __init__(self, service: Service, state: State) -> None:
        self._service = service
        self._state = state

    def collect(self) -> Iterable[Metric]:
        yield InfoMetricFamily("codetune_build", "What runs", {"version": own_version(), "commit": commit()})
        yield from self._work()
        yield from self._models()
        yield from self._memory()
        yield from self._spent()

    def _work(self) -> Iterable[Metric]:
        gate, hub = self._service.admission.gate, self._service.hub
        waiting = GaugeMetricFamily("codetune_waiting", "Requests that wait for their turn", labels=("priority",))
        for priority in Priority:
            waiting.add_metric((priority.name.lower(),), gate.waiting_at(priority))
        yield waiting
        yield GaugeMetricFamily("codetune_running", "Requests that have their turn", gate.running)
        yield GaugeMetricFamily("codetune_readers", "Connections that read events", hub.readers)
        yield GaugeMetricFamily("codetune_draining", "1 while no new work is taken", self._service.draining)

    def _models(self) -> Iterable[Metric]:
        statuses = self._state.models or ()
        for name, text, field in (
            ("codetune_model_loaded", "1 once a model can answer, 0 while it loads", "loaded"),
            ("codetune_model_load_seconds", "What loading took, or has taken by now", "loading_seconds"),
            ("codetune_model_running", "Requests that a model process answers", "running"),
            ("codetune_model_waiting", "Requests that wait in a model process", "waiting"),
            ("codetune_model_weights_bytes", "Of a model's weights", "weights_bytes"),
            ("codetune_model_device_bytes", "Memory of the graphics processor that a model holds", "device_bytes"),
            ("codetune_model_memory_bytes", "Main memory that a model process holds", "rss_bytes"),
            ("codetune_model_kv_tokens_used", "Tokens in a model's key-value cache", "kv_tokens_used"),
        ):
            family = GaugeMetricFamily(name, text, labels=_MODEL)
            for label, value in {
                tuple(getattr(status, part) for part in _MODEL): getattr(status, field) for status in statuses
            }.items():
                family.add_metric(label, value)
            yield family

    def _memory(self) -> Iterable[Metric]:
        total = GaugeMetricFamily("codetune_gpu_memory_bytes", "Memory of a graphics processor", labels=("gpu", "name"))
        free = GaugeMetricFamily("codetune_gpu_memory_free_bytes", "What of it is free", labels=("gpu", "name"))
        for card in self._state.gpus or ():
            total.add_metric((str(card.index), card.name), card.total)
            free.add_metric((str(card.index), card.name), card.free)
        yield from (total, free)

    def _spent(self) -> Iterable[Metric]:
        text = "Estimated cost of today (UTC), by all replicas that share the database"
        spent = GaugeMetricFamily("codetune_cost_today_usd", text, labels=("model",))
        for group in sorted(self._state.today or (), key=lambda each: -each.cost_usd)[:100]:
            spent.add_metric((group.key or "none",), float(group.cost_usd))
        yield spent
