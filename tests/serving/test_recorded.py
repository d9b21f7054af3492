"""Answers that clients recorded of Dark Sky and Pirate Weather have no field that ours lacks, but those of one list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serving.app import create_app
from serving.blocks import BLOCK_FIELDS
from serving.untold import UNTOLD

RECORDED = 11
"""Whole answers among the recorded files; the others are errors, one alert, and an answer without blocks."""

UNTOLD_FIELDS = {(block, name) for row in UNTOLD for block in row.blocks for name in row.names}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """(block, field) of all that answers may hold, by the tables and the OpenAPI document."""
    document = create_app(tmp_path_factory.mktemp("none")).openapi()
    schemas = document["components"]["schemas"]
    fields = {(block, field.name) for block, rows in BLOCK_FIELDS.items() for field in rows}
    fields |= {
        (block, name) for block in BLOCK_FIELDS if block != "currently" for name in block_members(schemas, block)
    }
    fields |= {("flags", name) for name in schemas["Flags"]["properties"]}
    return fields | {("top", name) for name in schemas["Forecast"]["properties"]}


def block_members(schemas: dict[str, Any], block: str) -> list[str]:
    """What a block has beside its points."""
    return list(schemas["Forecast"]["properties"][block]["properties"])


def fields_of(answer: dict[str, Any]) -> set[tuple[str, str]]:
    """(block, field) of all that an answer holds; of alerts that there are any."""
    found = {("top", name) for name in answer}
    for block, body in answer.items():
        if not isinstance(body, dict):
            continue
        found |= {(block, name) for name in body}
        found |= {(block, name) for point in body.get("data", []) for name in point}
    return found


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> dict[str, dict[str, Any]]:
    """File -> answer of a forecast."""
    answers = {
        file.name: json.loads(file.read_bytes()) for file in sorted((shared_data / "darksky_json").glob("*.json"))
    }
    return {name: answer for name, answer in answers.items() if "latitude" in answer}


def test_no_recorded_field_is_lacking_but_those_that_are_listed(
    recorded: dict[str, dict[str, Any]], told: set[tuple[str, str]]
) -> None:
    assert sum("daily" in answer for answer in recorded.values()) == RECORDED
    lacking = {name: sorted(fields_of(answer) - told - UNTOLD_FIELDS) for name, answer in recorded.items()}
    assert {name: fields for name, fields in lacking.items() if fields} == {}


def test_what_is_listed_is_recorded_and_not_told(
    recorded: dict[str, dict[str, Any]], told: set[tuple[str, str]]
) -> None:
    """A name goes from the list when it is told."""
    seen = {field for answer in recorded.values() for field in fields_of(answer)}
    assert sorted(UNTOLD_FIELDS - seen) == []
    assert sorted(UNTOLD_FIELDS & told) == []
    assert len(UNTOLD_FIELDS) == sum(len(row.blocks) * len(row.names) for row in UNTOLD)


def test_a_new_field_in_an_answer_would_be_seen(recorded: dict[str, dict[str, Any]]) -> None:
    answer = json.loads(json.dumps(recorded["peer_ottawa_si_v2_full.json"]))
    before = fields_of(answer)
    answer["hourly"]["data"][7]["snowLevel"] = 1
    answer["flags"]["mood"] = "good"
    assert fields_of(answer) - before == {("hourly", "snowLevel"), ("flags", "mood")}


@pytest.mark.parametrize("block", BLOCK_FIELDS)
def test_fields_come_in_the_order_of_the_recorded_answer(recorded: dict[str, dict[str, Any]], block: str) -> None:
    """Of both servers' fields; clients that print an answer print it as before."""
    body = recorded["peer_ottawa_si_v2_full.json"][block]
    theirs = list(body if block == "currently" else body["data"][0])
    ours = [field.name for field in BLOCK_FIELDS[block]]
    assert [name for name in ours if name in theirs] == [name for name in theirs if name in ours]
