"""Pages as Prometheus reads them, and the table of what they should hold."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[3]
INIT = datetime(2026, 11, 24, tzinfo=UTC)
NOW = INIT + timedelta(hours=5)


def clock() -> datetime:
    return NOW


def families(text: str) -> dict[str, Metric]:
    """Name as it is scraped -> its family, of Windlass's own."""
    found = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert name not in found
        found[name] = family
    return {name: family for name, family in found.items() if name.startswith("windlass_")}


def value(found: dict[str, Metric], name: str, **labels: str) -> float:
    (sample,) = [sample for sample in found[name].samples if sample.labels == labels]
    return sample.value


def documented() -> dict[str, tuple[str, frozenset[str], frozenset[str]]]:
    """Name -> type, labels, pages of the table in the documentation."""
    text = (ROOT / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(windlass_\w+)` \| (\w+) \| ([^|]*)\| ([^|]*)\| [^|]+ \|$", text, re.MULTILINE)
    assert len({row[0] for row in rows}) == len(rows)
    return {
        name: (kind, frozenset(re.findall(r"\w+", labels)), frozenset(re.findall(r"\w+", pages)))
        for name, kind, labels, pages in rows
    }
