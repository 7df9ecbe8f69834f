"""What a studio's monitoring reads: requests, errors, latency, queue and memory, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """Counters of both endpoints. Labels come from the served models only, never from clients."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "understudy_requests",
            "Requests answered, by outcome: ok, refused, failed, gone",
            ["door", "model", "outcome"],
            registry=self.registry,
        )
        self.latency = Histogram(
            "understudy_latency_seconds",
            "From the last byte of a request to the answer being ready",
            ["door", "model"],
            registry=self.registry,
            buckets=BUCKETS,
        )
        self.connections = Gauge(
            "understudy_connections", "Connections open now", ["door"], registry=self.registry
        )
        self.memory = Gauge(
            "understudy_request_memory_bytes", "Memory held by requests in work", registry=self.registry
        )
        self.memory_waiting = Gauge(
            "understudy_requests_waiting_for_memory", "Requests that wait to be read", registry=self.registry
        )

    def watch(
        self, memory: Callable[[], int], waiting: Callable[[], int], queue: Callable[[], dict[str, int]]
    ) -> None:
        """Read these at every scrape."""
        self.memory.set_function(memory)
        self.memory_waiting.set_function(waiting)
        self.registry.register(_QueueCollector(queue))

    def observe(self, endpoint: str, model: str, outcome: str, seconds: float | None = None) -> None:
        self.requests.labels(endpoint, model, outcome).inc()
        if seconds is not None:
            self.latency.labels(endpoint, model).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _QueueCollector(Collector):
    """Executors come and go, so their queue lengths are asked for at each scrape."""

    def __init__(self, queue: Callable[[], dict[str, int]]) -> None:
        self._queue = queue

    def collect(self) -> Iterable[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "understudy_queue_length", "Requests that wait for a device", labels=["lane"]
        )
        for executor, length in self._queue().items():
            family.add_metric([executor], length)
        yield family
