"""Every page that Prometheus may scrape: its own parser, the rules of names, the table of docs."""

from __future__ import annotations

import re

from prometheus_client.metrics_core import Metric

from tests.deployments.metrics.scraped import documented

DIMENSIONLESS = {
    "windlass_fallbacks_total": "counts",
    "windlass_data_within_limit": "flag",
    "windlass_generation": "number",
    "windlass_withheld_fields": "count",
    "windlass_bucket_readable": "flag",
    "windlass_bucket_unreadable_objects": "count",
    "windlass_published_generation": "number",
    "windlass_published_withheld_fields": "count",
    "windlass_ingest_last_attempt_outcome": "flag",
    "windlass_incident_open": "flag",
    "windlass_notices_owed": "count",
    "windlass_freshness_problems": "count",
    "windlass_synced_generation": "number",
}


def test_names_follow_the_rules(pages: dict[str, dict[str, Metric]]) -> None:
    for found in pages.values():
        assert found
        for name, family in found.items():
            assert re.fullmatch(r"windlass_[a-z]+(_[a-z]+)*", name), name
            assert family.documentation.strip(), name
            assert family.type in ("counter", "gauge", "histogram"), name
            assert name.endswith("_total") == (family.type == "counter"), name
            base = name.removesuffix("_total")
            if family.type == "gauge" and not base.endswith(("_seconds", "_bytes")):
                assert name in DIMENSIONLESS, f"{name} has no unit"
            assert not re.search(r"_(ms|millis|minutes|hours|kb|mb|percent|count|sum|bucket|info)$", base), name


def test_the_documentation_lists_what_is_exported_and_nothing_else(pages: dict[str, dict[str, Metric]]) -> None:
    exported: dict[str, tuple[str, frozenset[str], frozenset[str]]] = {}
    for where, found in pages.items():
        for name, family in found.items():
            labels = frozenset(label for sample in family.samples for label in sample.labels if label != "le")
            before = exported.get(name, (family.type, labels, frozenset()))
            exported[name] = (family.type, labels | before[1], before[2] | {where})
    assert documented() == exported
