"""`windlass store` as people run it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from deployments.commands.store import app, describe, in_words, series_at, table_at
from deployments.console import report_errors
from storage.grids import Cell, LambertGrid, LatLonGrid
from storage.layout import SHARD, shard_grid
from storage.reader import Store
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.variables import variable
from storage.writer import StoreWriter, encode_band

RUN = datetime(2026, 4, 20, 6, tzinfo=UTC)
GRID = LatLonGrid(-30.0, -0.5, 11, -75.0, 0.5, 13)
LEADS = (0, 60, 120, 180, 360, 375)
PROVENANCE = {
    "software": "windlass 1.2.3",
    "leads": {"0": {"mirrors": ["aws"], "bytes": 1_000_000}, "60": {"mirrors": ["google"], "bytes": 500_000}},
    "missing": ["wind_gust_surface: 3"],
    "problems": ["aws: 503"],
}


@pytest.fixture(scope="module")
def schema() -> StoreSchema:
    none = (0,) * len(LEADS)
    return StoreSchema(
        "gfs",
        RUN,
        LEADS,
        (
            StoredVariable(variable("air_temperature_2m"), 0.01, 280.0, none),
            StoredVariable(variable("air_pressure_mean_sea_level"), 0.5, 101_000.0, none),
            StoredVariable(variable("precipitation_amount_surface"), 0.002, 50.0, (0, 60, 60, 60, 180, 15), True),
        ),
        GRID,
        Freshness(330, 400, 1440),
        "NOAA",
        "public domain",
        PROVENANCE,
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, schema: StoreSchema) -> Path:
    """Temperature counts cells, rain is missing at the first lead."""
    path = tmp_path_factory.mktemp("store") / "run.zarr.zip"
    cells = np.arange(GRID.ny * GRID.nx, dtype=np.float32).reshape(GRID.shape)
    values = {
        "air_temperature_2m": np.broadcast_to(273.15 + cells / 100, (len(LEADS), *GRID.shape)),
        "air_pressure_mean_sea_level": np.full((len(LEADS), *GRID.shape), 101_325.5),
        "precipitation_amount_surface": np.full((len(LEADS), *GRID.shape), 0.124),
    }
    values["precipitation_amount_surface"][0] = np.nan
    with StoreWriter(path, schema) as writer:
        for row in range(shard_grid(schema)[0]):
            rows = slice(row * SHARD, (row + 1) * SHARD)
            writer.append(encode_band(schema, row, lambda name, rows=rows: values[name][:, rows].astype(np.float32)))
    return path


@pytest.fixture
def store() -> Callable[..., Any]:
    """store(*arguments): runs `windlass store ...` with its outermost error handling."""

    def invoke(*arguments: object) -> Any:
        runner = CliRunner(env={"COLUMNS": "200"})

        def outermost() -> Any:
            with report_errors():
                return app(list(map(str, arguments)), standalone_mode=False)

        with runner.isolation() as (out, err, _):
            try:
                outermost()
                code = 0
            except SystemExit as left:
                code = left.code
            return code, out.getvalue().decode(), err.getvalue().decode()

    return invoke


def test_point_answers_in_the_agreed_json(store: Any, path: Path) -> None:
    code, out, err = store("point", path, -33.1, -70.6, "--json")
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert list(answer) == ["model", "init_time", "cell", "valid_time", "variables"]
    assert answer["model"] == "gfs"
    assert answer["cell"] == {"lat": -33.0, "lon": -70.5}
    assert datetime.fromisoformat(answer["init_time"]) == RUN
    assert [datetime.fromisoformat(time) for time in answer["valid_time"]] == [
        RUN + timedelta(minutes=lead) for lead in LEADS
    ]
    variables = answer["variables"]
    assert variables["air_temperature_2m"] == {"units": "K", "values": [pytest.approx(273.15 + 0.87, abs=1e-4)] * 6}
    assert variables["air_pressure_mean_sea_level"]["values"] == [101325.5] * 6
    assert variables["precipitation_amount_surface"] == {
        "units": "kg m-2",
        "values": [None, 0.124, 0.124, 0.124, 0.124, 0.124],
        "interval_hours": [None, 1.0, 1.0, 1.0, 3.0, 0.25],
    }


@pytest.mark.parametrize("order", [("--json", "PATH", "-33.1", "289.4"), ("PATH", "--json", "-33.1", "-70.6")])
def test_negative_numbers_are_no_options(store: Any, path: Path, order: tuple[str, ...]) -> None:
    code, out, _ = store("point", *(path if word == "PATH" else word for word in order))
    assert code == 0
    assert json.loads(out)["cell"] == {"lat": -33.0, "lon": -70.5}


def test_point_without_json_is_a_table(store: Any, path: Path) -> None:
    code, out, _ = store("point", path, -30, -75)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "gfs 2026-04-20T06:00:00Z, cell at latitude -30, longitude -75"
    assert lines[2].split() == ["[1]", "air_temperature_2m", "K"]
    assert lines[6].split() == ["valid", "time", "lead", "h", "[1]", "[2]", "[3]"]
    assert lines[7].split() == ["2026-04-20T06:00:00Z", "0", "273.15", "101325.5", "-"]
    assert lines[12].split() == ["2026-04-20T12:15:00Z", "6.25", "273.15", "101325.5", "0.124"]
    assert len(lines) == 13


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (("abc", "3"), "latitude 'abc' is not a number of degrees between -90 and 90"),
        (("91", "3"), "latitude '91'"),
        (("nan", "3"), "latitude 'nan'"),
        (("3", "361"), "longitude '361' is not a number of degrees between -180 and 360"),
        (("3", ""), "longitude ''"),
        (("50", "10"), "latitude 50.0, longitude 10.0 is outside latitudes -35..-30, longitudes -75..-69"),
    ],
)
def test_a_wrong_place_is_one_line(store: Any, path: Path, place: tuple[str, str], told: str) -> None:
    code, out, err = store("point", path, *place)
    assert (code, out) == (1, "")
    assert told in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("command", [("show",), ("verify",), ("point",)])
def test_what_is_no_store_is_one_line(store: Any, tmp_path: Path, command: tuple[str, ...]) -> None:
    more = ("1", "2") if command == ("point",) else ()
    text = tmp_path / "text.zip"
    text.write_text("hello")
    for path, told in (
        (tmp_path / "none.zip", "no file"),
        (text, "was cut short or is not a zip"),
        (tmp_path, "is not a file"),
    ):
        code, out, err = store(*command, path, *more)
        assert (code, out) == (1, "")
        assert told in err
        assert str(path) in err
        assert len(err.splitlines()) == 1


def test_show_tells_an_operator_what_is_there(store: Any, path: Path) -> None:
    code, out, _ = store("show", path)
    assert code == 0
    facts = {line.split()[0]: line.split(None, 1)[1] for line in out.splitlines() if line}
    assert facts["model"] == "gfs"
    assert facts["run"].startswith("2026-04-20T06:00:00Z, ")
    assert facts["grid"] == "11 x 13 cells, latitudes -35..-30, longitudes -75..-69"
    assert facts["leads"] == "6: 0-3, 6, 6.25 h"
    assert facts["valid"] == "2026-04-20T06:00:00Z to 2026-04-20T12:15:00Z"
    assert facts["software"] == "windlass 1.2.3"
    assert facts["mirrors"] == "aws, google: 1.5 MB"
    assert facts["missing"] == "wind_gust_surface: 3"
    assert facts["problem"] == "aws: 503"
    assert facts["air_temperature_2m"].split() == ["K", "0.01", "instant"]
    assert facts["precipitation_amount_surface"].split() == [
        *("kg", "m-2", "0.002", "widened", "accumulation", "0.25,", "1,", "3")
    ]


def test_a_projected_grid_is_told_by_its_corners(schema: StoreSchema) -> None:
    grid = LambertGrid(11, 13, 21.1, 237.3, 3000.0, 3000.0, 262.5, 38.5, 38.5, 6_371_229.0)
    text = in_words(describe(replace(schema, grid=grid), 1, RUN))
    assert "11 x 13 cells, a Lambert grid around longitude -97.5 with corners at 21.1 -122.7, " in text


def test_show_in_json(store: Any, path: Path) -> None:
    code, out, _ = store("show", path, "--json")
    assert code == 0
    facts = json.loads(out)
    assert facts["size"] == path.stat().st_size
    assert facts["leads"]["minutes"] == list(LEADS)
    assert facts["provenance"] == PROVENANCE
    assert facts["variables"][2]["widened"] is True
    assert facts["variables"][2]["interval_hours"] == [0.25, 1.0, 3.0]


@pytest.mark.parametrize(("minutes", "state"), [(0, "fresh"), (400, "fresh"), (401, "late"), (1441, "stale")])
def test_the_age_is_told_in_words(schema: StoreSchema, minutes: int, state: str) -> None:
    facts = describe(schema, 1, RUN + timedelta(minutes=minutes))
    assert facts["state"] == state
    assert f"{minutes / 60:.1f} h old: {state}" in in_words(facts)


def test_a_store_without_provenance_can_be_shown(schema: StoreSchema) -> None:
    text = in_words(describe(replace(schema, provenance={}), 1, RUN))
    assert "mirrors   unknown" in text
    assert "software  unknown" in text


def test_verify_says_ok_or_names_the_damage(store: Any, path: Path, tmp_path: Path) -> None:
    code, out, _ = store("verify", path)
    assert code == 0
    assert out.startswith("ok: gfs 2026-04-20T06:00:00Z")
    code, out, _ = store("verify", path, "--json")
    assert json.loads(out)["ok"] is True
    spoilt = tmp_path / "spoilt.zarr.zip"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    spoilt.write_bytes(data)
    code, out, err = store("verify", spoilt)
    assert (code, out) == (1, "")
    assert "forecast/c/0/0/0/0" in err
    assert len(err.splitlines()) == 1


def test_an_unknown_option_is_a_usage_error(path: Path) -> None:
    result = CliRunner().invoke(app, ["point", str(path), "1", "2", "--jsn"])
    assert result.exit_code == 2


def test_all_missing_series_can_be_told(schema: StoreSchema) -> None:
    values = np.full((3, len(LEADS)), math.nan, np.float32)
    answer = series_at(schema, Cell(0, 0), values)
    assert answer["variables"]["air_temperature_2m"]["values"] == [None] * 6
    assert table_at(schema, answer).splitlines()[-1].split()[2:] == ["-", "-", "-"]


def test_the_command_and_the_reader_agree(store: Any, path: Path) -> None:
    answer = json.loads(store("point", path, -32.2, -71.7, "--json")[1])
    with Store.open(path) as opened:
        series = opened.point(opened.schema.grid.cell(-32.2, -71.7))
        for name, row in opened.index.items():
            told = [math.nan if value is None else value for value in answer["variables"][name]["values"]]
            np.testing.assert_allclose(told, series[row], rtol=1e-6)
