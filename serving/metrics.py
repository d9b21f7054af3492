"""What Prometheus scrapes: counters of the forecast route, and the age of the data that is served.

With several workers each counts in files of `PROMETHEUS_MULTIPROC_DIR`, which the server sets before they start, and
whichever is scraped tells the sums of all. Ages and generations are the same in every worker.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from serving.clock import Clock
from serving.compress import CODECS, IDENTITY
from serving.health import WITHIN_LIMIT
from serving.rungs import Rung
from serving.stores import Stores
from storage.freshness import age_of

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SHARED = "PROMETHEUS_MULTIPROC_DIR"
# A whole answer takes 1 ms; a request waits for those before it.
BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5)


class Metrics:
    """The counters of one application. `answered` is all that a request pays for: about 1 us."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        disable_created_metrics()
        self._registry = CollectorRegistry()
        self._state = ServedData(stores, clock)
        self._requests = Counter(
            "windlass_requests", "Forecast requests by status", ["status"], registry=self._registry
        )
        self._seconds = Histogram(
            "windlass_request_seconds", "Time to answer a forecast request", registry=self._registry, buckets=BUCKETS
        )
        self._fallbacks = Counter(
            "windlass_fallbacks",
            "Forecasts in which a model stood on a lower rung than its newest run",
            ["model", "rung"],
            registry=self._registry,
        )
        self._sent = Counter(
            "windlass_sent_bytes", "Bytes of answers to forecast requests", ["encoding"], registry=self._registry
        )
        # `labels` costs as much as counting.
        self._of_rung: dict[tuple[str, Rung], Counter] = {}
        self._of_status = {status: self._requests.labels(str(status)) for status in (200, 304, 400, 404, 500, 503)}
        self._of_encoding = {coding: self._sent.labels(coding) for coding in (IDENTITY, *CODECS)}

    def answered(
        self, status: int, seconds: float, rungs: Mapping[str, Rung], coding: str = IDENTITY, sent: int = 0
    ) -> None:
        """Count one answer of the forecast route, `sent` bytes long in its coding."""
        self._of_encoding[coding].inc(sent)
        self._of_status[status].inc()
        self._seconds.observe(seconds)
        for model, rung in rungs.items():
            if rung is not Rung.NEWEST:
                counter = self._of_rung.get((model, rung))
                if counter is None:
                    counter = self._of_rung[model, rung] = self._fallbacks.labels(model, rung.value)
                counter.inc()

    def page(self) -> bytes:
        """The answer to a scrape, in the text format 0.0.4."""
        registry = self._registry
        if os.environ.get(SHARED):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        parts = CollectorRegistry()
        parts.register(self._state)
        ProcessCollector(registry=parts)
        return generate_latest(registry) + generate_latest(parts)


class ServedData(Collector):
    """How old the runs are that are served, by model, at the moment of the scrape."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        now = self._clock()
        labels = ["model"]
        init = GaugeMetricFamily("windlass_run_init_time_seconds", "Start of the run that is served", labels=labels)
        age = GaugeMetricFamily("windlass_data_age_seconds", "Time since the start of the run", labels=labels)
        late = GaugeMetricFamily("windlass_data_late_after_seconds", "Age at which people are told", labels=labels)
        stale = GaugeMetricFamily("windlass_data_stale_after_seconds", "Age at which it is passed over", labels=labels)
        usable = GaugeMetricFamily("windlass_data_within_limit", "1 where the model can be served", labels=labels)
        generation = GaugeMetricFamily("windlass_generation", "Which publication of the model it is", labels=labels)
        withheld = GaugeMetricFamily("windlass_withheld_fields", "Variables kept out of the run", labels=labels)
        for state in self._stores.snapshot.models:
            model = [state.model]
            within = state.store is not None and age_of(state.store.schema, now) in WITHIN_LIMIT
            usable.add_metric(model, float(within))
            if state.manifest is not None:
                generation.add_metric(model, state.manifest.generation)
            if state.store is not None:
                schema = state.store.schema
                init.add_metric(model, schema.init_time.timestamp())
                age.add_metric(model, (now - schema.init_time).total_seconds())
                late.add_metric(model, 60.0 * schema.freshness.late_after)
                stale.add_metric(model, 60.0 * schema.freshness.stale_after)
                withheld.add_metric(model, len(schema.withheld))
        return init, age, late, stale, usable, generation, withheld


def share_counts(folder: Path) -> None:
    """Make the worker processes that are started after this count together, in files of an empty folder."""
    os.environ[SHARED] = str(folder)
