"""Bad input to `windlass ingest`, met as a user meets it: one line, a bad exit, and what was published stays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deployments.simulator.faults import FaultKind, messages
from deployments.simulator.server import serve
from storage.bucket import open_bucket
from storage.grids import Cell
from storage.manifest import read_manifest
from storage.reader import Store
from tests.deployments.spoilt import LEAD1, USUAL, Run, spoil


def flip(file: Path, message: int, *places: int, bits: int = 0xFF) -> tuple[int, int]:
    """Flip bits of a message's bytes; returns where the message begins and ends."""
    data = bytearray(file.read_bytes())
    start, end = list(messages(data))[message]
    for place in places:
        data[(start if place >= 0 else end) + place] ^= bits
    file.write_bytes(data)
    return start, end


def test_a_cut_file_is_named_with_the_byte_where_it_breaks(run: Run, published: Any, lead: Path) -> None:
    whole = lead.read_bytes()
    start, end = list(messages(whole))[-2]
    lead.write_bytes(whole[: end - 9])
    error = run("ingest", "gfs", "--files", lead, "--direct").error
    assert f"gfs: {lead}: at byte {start} of {end - 9}: a message of {end - start} bytes is cut short" in error
    assert error.endswith("fetch the file again")
    published.stays()


@pytest.mark.parametrize(
    ("place", "told"),
    [(7, "GRIB edition 253 instead of 2"), (8, "is cut short"), (16, "broken section"), (-1, "does not end with 7777")],
)
def test_a_flipped_bit_in_a_frame_is_found_before_anything_is_decoded(
    run: Run, published: Any, lead: Path, place: int, told: str
) -> None:
    start, _ = flip(lead, 3, place)
    error = run("ingest", "gfs", "--files", lead, "--direct").error
    assert f"gfs: {lead}: at byte {start} of" in error
    assert told in error
    assert error.endswith("fetch the file again")
    published.stays()


@pytest.mark.parametrize(
    ("places", "told"),
    [
        # Octets 7 to 10 of section 3: the number of points.
        ((46,), "section 5 holds 684 values, section 3 748 points"),
        # Octet 20 of section 5: bits of a group's reference.
        ((162,), "cannot be decoded"),
    ],
)
def test_a_flipped_bit_in_a_message_names_run_variable_lead_and_file(
    run: Run, published: Any, lead: Path, places: Sequence[int], told: str
) -> None:
    flip(lead, 7, *places, bits=0x40)
    error = run("ingest", "gfs", "--files", lead, "--direct").error
    assert error.startswith("error: gfs 2026-04-20T06:00Z: air_temperature_2m at lead 1 h (")
    assert str(lead) in error
    assert told in error
    assert error.endswith("fetch the file again")
    published.stays()


def test_a_lead_that_no_run_has_is_a_damaged_file(run: Run, published: Any, lead: Path) -> None:
    # Octets 19 to 22 of section 4: the forecast time.
    flip(lead, 7, 109 + 18, bits=0x40)
    error = run("ingest", "gfs", "--files", lead, "--direct").error
    assert "gfs 2026-04-20T06Z" in error
    assert str(lead) in error
    assert "384 h" in error
    published.stays()


def test_a_grib1_message_of_a_day_that_does_not_exist_is_damaged(
    run: Run, published: Any, shared_data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "file.grb1"
    data = bytearray((shared_data / "gfs" / "zygrib_gfs_20130214_06z_0-72h.grb1").read_bytes())
    # Octet 14 of section 1: the month.
    data[8 + 13] ^= 0x20
    file.write_bytes(data)
    error = run("ingest", "gfs", "--files", file, "--direct").error
    assert f"gfs: {file}: at byte 0 of {len(data)}: a GRIB1 message of a date that does not exist: 20133414" in error
    published.stays()


SAID = {
    FaultKind.TRUNCATED: "is cut short",
    FaultKind.CORRUPT: "broken section",
    FaultKind.MISSING: "does not exist",
}


@pytest.mark.parametrize("kind", SAID)
def test_a_lead_that_a_folder_cannot_give_ends_the_ingest(
    run: Run, published: Any, mirror: Path, kind: FaultKind
) -> None:
    spoil(mirror, kind)
    error = run("ingest", "gfs", "--mirror", mirror, *USUAL).error
    assert "gfs 2026-04-20T06Z lead 1: no mirror delivers it. folder: " in error
    assert f"{mirror / LEAD1}" in error
    assert SAID[kind] in error
    assert "Try again later, name another --mirror, or leave the lead out with --leads" in error
    published.stays()
    left_out = run("ingest", "gfs", "--mirror", mirror, "--leads", "0,2", *USUAL[2:])
    assert left_out.returncode == 0, left_out.stderr


@pytest.mark.parametrize("over", ["folder", "http"])
def test_a_damaged_value_is_withheld_and_told_until_a_sound_one_comes(
    run: Run, published: Any, mirror: Path, lead: Path, runs: Path, over: str
) -> None:
    # Octets 12 to 15 of section 5: the reference value.
    flip(lead, 7, 154, 155, bits=0x40)
    command = ("ingest", "gfs", "--json", *USUAL)
    with serve(mirror) as server:
        done = run(*command, "--mirror", server.url if over == "http" else mirror)
    assert done.returncode == 0, done.stderr
    why = "lead 1 h: outside the valid range 100 % at 1 h, allowed 0 to 1"
    assert json.loads(done.stdout)["withheld"] == {"air_temperature_2m": why}
    with stored(published.windlass) as store:
        assert store.schema.withheld == {"air_temperature_2m": why}
        assert np.isnan(store.point(Cell(9, 9))[store.index["air_temperature_2m"]]).tolist() == [False, True, False]
    done = run("ingest", "gfs", "--mirror", runs, *USUAL)
    assert done.returncode == 0, done.stderr
    assert "withheld" not in done.stderr
    with stored(published.windlass) as store:
        assert not np.isnan(store.point(Cell(9, 9))[store.index["air_temperature_2m"]]).any()


def test_a_file_of_nothing_but_nonsense_is_refused_unless_the_operator_knows_better(
    run: Run, published: Any, lead: Path, tmp_path: Path
) -> None:
    start, end = flip(lead, 7, 154, 155, bits=0x40)
    alone = tmp_path / "alone.grib2"
    alone.write_bytes(lead.read_bytes()[start:end])
    error = run("ingest", "gfs", "--files", alone, "--direct").error
    assert error.startswith("error: gfs 2026-04-20T06:00Z: all variables would be withheld, and some must be left: ")
    assert "air_temperature_2m, all leads: outside the valid range 100 % at 1 h, allowed 0 to 1. " in error
    assert "ingest with --no-gate" in error
    published.stays()
    done = run("ingest", "gfs", "--files", alone, "--direct", "--no-gate")
    assert done.returncode == 0, done.stderr
    assert "gate: it was off and would have withheld fields: air_temperature_2m: outside the valid" in done.stderr


def stored(windlass: Any) -> Store:
    """The published store of GFS."""
    manifest = read_manifest(open_bucket(str(windlass.bucket)), "gfs")
    assert manifest is not None
    return Store.open(windlass.bucket / manifest.key)


@pytest.mark.parametrize("over", ["folder", "http"])
def test_a_lead_of_another_run_is_said(run: Run, published: Any, mirror: Path, over: str) -> None:
    spoil(mirror, FaultKind.OTHER_RUN)
    with serve(mirror) as server:
        base = server.url if over == "http" else str(mirror)
        error = run("ingest", "gfs", "--mirror", base, *USUAL).error
    assert "gfs 2026-04-20T06Z is incomplete: missing " in error
    assert "air_temperature_2m: 1;" in error
    assert f"{base}/{LEAD1}" in error
    assert "2026-04-20T00" in error
    assert "Try again later" in error
    published.stays()


@pytest.mark.parametrize("kind", [FaultKind.TRUNCATED, FaultKind.CORRUPT])
def test_a_lead_that_a_server_cannot_give_ends_the_ingest(
    run: Run, published: Any, mirror: Path, kind: FaultKind
) -> None:
    spoil(mirror, kind)
    with serve(mirror) as server:
        error = run("ingest", "gfs", "--mirror", server.url, *USUAL).error
    assert "gfs 2026-04-20T06Z lead 1: no mirror delivers it. 127.0.0.1:" in error
    assert f"{server.url}/{LEAD1}" in error
    assert SAID[kind] in error
    published.stays()


def test_a_model_that_does_not_exist_touches_nothing(run: Run, published: Any, runs: Path) -> None:
    assert "there is no model 'gsf'; models: aifs, gefs, gfs, " in run("ingest", "gsf", "--mirror", runs, *USUAL).error
    published.stays()
