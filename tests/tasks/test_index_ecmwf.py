"""The lines of an ECMWF `.index`."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.ifs import MODEL as IFS
from tasks.errors import InventoryError
from tasks.index import read_index
from tasks.wanted import IndexKind
from tests.tasks.lines import RUN, URL, as_index, ecmwf_line, target


def test_a_production_index_of_ecmwf_gives_the_surface_fields(shared_data: Path) -> None:
    file = shared_data / "idx" / "dynamical_aifs_single_20250301_00z_6h.index"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    init_time = datetime(2025, 3, 1, tzinfo=UTC)
    found = read_index(IndexKind.ECMWF, file.read_bytes(), target(init_time, 6, IFS.wanted), str(file))
    expected = {
        (row["param"], row["_offset"], row["_length"])
        for row in rows
        if row["levtype"] == "sfc" and row["param"] in {wanted.param for wanted in IFS.wanted}
    }
    assert {(entry.wanted.param, entry.offset, entry.length) for entry in found} == expected
    assert {"msl", "2t", "2d", "10u", "10v", "tp", "tcc", "sp", "ssrd"} <= {entry.wanted.param for entry in found}
    assert [entry.offset for entry in found] == sorted(entry.offset for entry in found)


def test_what_an_ecmwf_index_says_about_time() -> None:
    content = as_index(
        ecmwf_line("2t", "6", 0), ecmwf_line("tp", "6", 100), ecmwf_line("10fg", "6", 200), ecmwf_line("msl", "3", 300)
    )
    found = {
        entry.wanted.param: entry.interval
        for entry in read_index(IndexKind.ECMWF, content, target(RUN, 6, IFS.wanted), URL)
    }
    assert found == {"2t": (360, 360), "tp": (0, 360), "10fg": None}


@pytest.mark.parametrize("param", ["10fg", "10fg3", "10fg6"])
def test_gusts_go_by_three_names(param: str) -> None:
    content = as_index(ecmwf_line(param, "3-6", 0))
    (entry,) = read_index(IndexKind.ECMWF, content, target(RUN, 6, IFS.wanted), URL)
    assert entry.wanted.name == "wind_gust_10m"
    assert entry.interval == (180, 360)


def test_members_of_ecmwf_are_found_by_who_asks_for_them() -> None:
    content = as_index(
        ecmwf_line("2t", "6", 0, type="cf"),
        ecmwf_line("2t", "6", 100, number="3", type="pf"),
        ecmwf_line("2t", "6", 200, number="51", type="pf"),
        ecmwf_line("2t", "6", 300, type="em"),
        ecmwf_line("2t", "6", 400),
    )
    members = replace(target(RUN, 6, IFS.wanted), members=tuple(range(51)))
    entries = read_index(IndexKind.ECMWF, content, members, URL)
    assert [(entry.offset, entry.member) for entry in entries] == [(0, 0), (100, 3)]


def test_members_means_and_other_levels_of_ecmwf_are_left_aside() -> None:
    content = as_index(
        ecmwf_line("2t", "6", 0, number="3", type="pf"),
        ecmwf_line("2t", "6", 100, type="em"),
        ecmwf_line("tcc", "6", 200, levtype="pl", levelist="500"),
        ecmwf_line("2t", "0-24m", 300),
    )
    assert read_index(IndexKind.ECMWF, content, target(RUN, 6, IFS.wanted), URL) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (as_index(ecmwf_line("2t", "6", 0))[:-20], "line 1: not a line of an ECMWF .index"),
        (b"[1, 2]", "line 1: not a line"),
        (b'{"param": "2t"}', "line 1: not a line"),
        (as_index(ecmwf_line("2t", "6", 0), ecmwf_line("2d", "6", 0, time="0000")), "line 2: not of the run"),
        (as_index(ecmwf_line("2t", "6", -4)), "line 1: no place in a file"),
    ],
)
def test_a_broken_ecmwf_index_is_named_with_its_line(content: bytes, words: str) -> None:
    with pytest.raises(InventoryError, match=f"{URL}.*{words}"):
        read_index(IndexKind.ECMWF, content, target(RUN, 6, IFS.wanted), URL)
