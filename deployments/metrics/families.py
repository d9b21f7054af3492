"""Rows of metrics by name, as a collector fills them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

Described = Mapping[str, tuple[str, tuple[str, ...]]]
"""Name -> what it means, and its labels. A name that ends in _total is a counter."""


class Families:
    """The metrics of one scrape. A metric without a sample is left out."""

    def __init__(self, described: Described) -> None:
        self._labels = {name: labels for name, (_, labels) in described.items()}
        self._metrics: dict[str, Metric] = {}
        for name, (text, labels) in described.items():
            family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            self._metrics[name] = family(name, text, labels=labels)

    def add(self, name: str, value: float | None, **labels: str) -> None:
        """One sample; none where there is no value: absent, never made up. Raises KeyError for other labels."""
        if value is not None:
            if labels.keys() != set(self._labels[name]):
                raise KeyError(f"{name} has the labels {self._labels[name]}, not {tuple(labels)}")
            values = [labels[label] for label in self._labels[name]]
            self._metrics[name].add_metric(values, float(value))  # type: ignore[attr-defined]

    def found(self) -> Iterable[Metric]:
        return [metric for metric in self._metrics.values() if metric.samples]
