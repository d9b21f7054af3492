"""The rules of alerts ask for what is exported, and lead to the runbook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from storage.record import Ending
from tests.deployments.metrics.scraped import documented

ROOT = Path(__file__).parents[3]


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((ROOT / "deployments" / "alerts.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_alerts_ask_for_what_is_exported() -> None:
    told = documented()
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names) >= 10
    for rule in rules():
        assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}, rule
        assert re.fullmatch(r"\d+[mh]", rule["for"])
        assert rule["labels"]["severity"] in ("page", "ticket")
        used = set(re.findall(r"windlass_\w+", rule["expr"]))
        assert used, rule
        assert used <= told.keys(), rule["alert"]
        assert rule["expr"].count("(") == rule["expr"].count(")")
        labels = {label for name in used for label in told[name][1]} | {"instance"}
        shown = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        asked = re.findall(r"\{(\w+)=~?\"([^\"]*)\"\}", rule["expr"])
        assert shown | {label for label, _ in asked} <= labels, rule["alert"]
        for label, wanted in asked:
            assert label != "outcome" or wanted in list(Ending)
        told_in, _, heading = rule["annotations"]["runbook"].partition("#")
        headings = re.findall(r"^#+ (.*)$", (ROOT / told_in).read_text(), re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}
        assert not heading or heading in slugs, rule["alert"]


def test_each_kind_of_trouble_has_a_rule() -> None:
    asked = " ".join(rule["expr"] for rule in rules())
    for name in ("late_after", "stale_after", "freshness_last_look", "sync_last_success", "disk_free", "incident_open"):
        assert name in asked
