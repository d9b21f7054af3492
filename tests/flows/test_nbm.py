"""NBM: real messages on whole grids, and what a simulated run makes of spans, chances and winds, against ecCodes."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import eccodes
import numpy as np
import pyproj
import pytest
from numpy.typing import NDArray

from deployments.simulator.run import simulate_run
from flows.ingest import ingest
from flows.model import Model
from flows.nbm import GUAM, NBM, SURFACE
from flows.request import IngestRequest
from storage.grids import Cell
from storage.reader import Store
from tasks.errors import InventoryError
from tasks.wanted import Mirror, Parameter, Wanted
from tests.flows.values import rewrite

pytestmark = pytest.mark.usefixtures("in_one_process")

RUN = datetime(2026, 9, 11, 12, tzinfo=UTC)
# The message's own numbers: section 3.
PLANE = pyproj.Proj(proj="lcc", lat_1=25, lat_2=25, lat_0=25, lon_0=265, R=6371200)
LEVELS = "nbm/gribberish_nbm-multilevel-tcdc.grib2"


def store_of(model: Model, folder: Path, **asked: object) -> Store:
    report = ingest(model, IngestRequest(bucket=str(folder / "bucket"), work=folder / "work", **asked))  # type: ignore[arg-type]
    assert report.withheld == {}
    return Store.open(folder / "bucket" / report.key)


def rows_undone(path: Path, number: int) -> tuple[NDArray[np.float64], float]:
    """The values of a message [y, x], every second row turned round by hand, and the packing's step."""
    with path.open("rb") as file:
        handles = [eccodes.codes_grib_new_from_file(file) for _ in range(number + 1)]
    handle = handles[-1]
    assert eccodes.codes_get(handle, "scanningMode") == 80
    assert eccodes.codes_get(handle, "uvRelativeToGrid") == 0
    eccodes.codes_set(handle, "missingValue", 1e30)
    values = eccodes.codes_get_array(handle, "values", float).reshape(1597, 2345)
    values[1::2] = values[1::2, ::-1].copy()
    scales = [eccodes.codes_get(handle, f"{base}ScaleFactor") for base in ("binary", "decimal")]
    for one in handles:
        eccodes.codes_release(one)
    return np.where(values == 1e30, np.nan, values), 2.0 ** scales[0] / 10.0 ** scales[1]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("nbm/grib2io_blend.t00z.core.f001.tmp.co.grib2", {"air_temperature_2m": 0}),
        (LEVELS, {"temperature_surface": 0, "air_temperature_2m": 1}),
    ],
)
def test_cells_of_whole_grids_are_those_of_pyproj_with_eccodes_values(
    name: str, numbers: dict[str, int], shared_data: Path, tmp_path: Path
) -> None:
    """The temperature of the sea's surface is given where there is water, elsewhere missing (packing 5.3)."""
    water = Wanted("temperature_surface", (Parameter(0, 0, 0),), SURFACE, ("TMP", "surface"))
    rows = {row.name: row for row in (water, *NBM.wanted)}
    model = replace(NBM, wanted=tuple(rows[variable] for variable in numbers), joints=())
    chance = random.Random(name)
    x0, y0 = PLANE(233.7234 - 360, 19.229)
    with store_of(model, tmp_path, files=(shared_data / name,)) as store:
        assert set(store.schema.names) == set(numbers), "clouds at levels of NCEP's own are none of ours"
        assert store.schema.grid.shape == (1597, 2345)
        for variable, number in numbers.items():
            truth, step = rows_undone(shared_data / name, number)
            missing = 0
            for y, x in [(0, 0), (0, 2344), (1, 0), (1, 2344), (1595, 3), (1596, 2344)] + [
                (chance.randrange(1597), chance.randrange(2345)) for _ in range(60)
            ]:
                lon, lat = PLANE(x0 + 2539.703 * x, y0 + 2539.703 * y, inverse=True)
                found = float(store.point(store.schema.grid.cell(lat, lon))[store.index[variable]][0])
                missing += np.isnan(found)
                if np.isnan(truth[y, x]):
                    assert np.isnan(found)
                else:
                    assert abs(found - truth[y, x]) <= step + 0.005 + 1e-4
            assert (missing > 0) == (variable == "temperature_surface")


def test_other_thresholds_are_not_the_amount(shared_data: Path, tmp_path: Path) -> None:
    file = shared_data / "nbm/gribberish_nbm-asnow-prob-thresholds.grib2"
    with pytest.raises(InventoryError, match="none of the 3 fields"):
        store_of(NBM, tmp_path, files=(file,))


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, dict[str, NDArray[np.float64]]]:
    """A store of some leads over the Rocky Mountains, and ecCodes' values of the files, `<name> <start>-<end>`."""
    folder = tmp_path_factory.mktemp("nbm")
    grid = replace(NBM.grid, ny=9, nx=12, lat0=44.0, lon0=-112.0, dx=60_000.0, dy=60_000.0)
    leads = tuple(range(1, 13))
    files = simulate_run(folder / "mirror", NBM, RUN, leads, grid)
    read = {}
    for path in files:
        if path.suffix == ".grib2":
            with path.open("rb") as file:
                while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
                    keys = ("parameterCategory", "parameterNumber", "productDefinitionTemplateNumber", "stepRange")
                    told = " ".join(str(eccodes.codes_get(handle, key)) for key in keys)
                    level = eccodes.codes_get(handle, "scaledValueOfFirstFixedSurface")
                    values = eccodes.codes_get_array(handle, "values", float).reshape(grid.shape)
                    values[1::2] = values[1::2, ::-1].copy()
                    read.setdefault(f"{told} at {level}", values)
                    eccodes.codes_release(handle)
    asked = {"mirror": str(folder / "mirror"), "init_time": RUN, "leads": "1-12"}
    return store_of(NBM, folder, **asked), read


def series(store: Store, name: str) -> NDArray[np.float64]:
    """[time, y, x]"""
    ny, nx = store.schema.grid.shape
    cells = [[store.point(Cell(y, x))[store.index[name]] for x in range(nx)] for y in range(ny)]
    return np.moveaxis(np.array(cells, np.float64), 2, 0)


def test_winds_are_those_of_speed_and_direction(cold: tuple[Store, dict[str, NDArray[np.float64]]]) -> None:
    store, read = cold
    assert not {"wind_speed_10m", "wind_from_direction_10m"} & set(store.schema.names)
    east, north = series(store, "eastward_wind_10m"), series(store, "northward_wind_10m")
    for lead in (1, 7, 12):
        speed, direction = read[f"2 1 0 {lead} at 10"], read[f"2 0 0 {lead} at 10"]
        assert set(np.unique(direction % 10)) == {0.0}, "production packs tens of degrees"
        np.testing.assert_allclose(east[lead - 1], speed * np.cos(np.radians(270 - direction)), atol=0.006)
        np.testing.assert_allclose(north[lead - 1], speed * np.sin(np.radians(270 - direction)), atol=0.006)
        assert speed.max() > 1


@pytest.mark.parametrize(
    ("what", "number", "template"),
    [
        ("precipitation_amount", "1 8", 8),
        ("snowfall_thickness", "1 29", 8),
        ("precipitation_probability", "1 8", 9),
        ("thunderstorm_probability", "19 2", 8),
    ],
)
def test_an_hour_and_six_are_kept_as_they_are_told(
    cold: tuple[Store, dict[str, NDArray[np.float64]]], what: str, number: str, template: int
) -> None:
    store, read = cold
    for hours in (1, 6):
        name = f"{what}_{hours}h_surface"
        stored, values = store.schema.variables[store.index[name]], series(store, name)
        for lead in range(1, 13):
            due = lead % hours == 0
            assert stored.intervals[lead - 1] == (60 * hours if due else 0)
            if due:
                truth = read[f"{number} {template} {lead - hours}-{lead} at 0"]
                np.testing.assert_allclose(values[lead - 1], np.where(truth == 9999, np.nan, truth), atol=0.051)
            else:
                assert np.isnan(values[lead - 1]).all()


def test_kinds_of_precipitation_share_a_hundred(cold: tuple[Store, dict[str, NDArray[np.float64]]]) -> None:
    store, _ = cold
    shares = [
        series(store, f"{kind}_conditional_probability_surface")
        for kind in ("rain", "freezing_rain", "snow", "ice_pellets")
    ]
    np.testing.assert_allclose(np.sum(shares, axis=0), 100.0, atol=0.3)
    assert max(share.max() for share in shares) <= 100.0


def test_guam_has_no_winter() -> None:
    assert not [row.name for row in GUAM.wanted if "snow" in row.name or "ice" in row.name or "PTYPE" in str(row.idx)]


def test_six_hours_end_on_the_clock_whatever_the_cycle() -> None:
    row = next(row for row in NBM.wanted if row.name == "precipitation_amount_6h_surface")
    for start, leads in ((12, (6, 12, 18)), (13, (11, 17, 23)), (19, (11, 17, 23))):
        run = RUN.replace(hour=start)
        assert tuple(lead for lead in range(24) if row.due(run, 60 * lead)) == leads


def test_a_speed_that_rotted_on_one_mirror_comes_from_another(tmp_path: Path) -> None:
    """The gate judges components, which no mirror has: their parts are asked for again."""
    grid = replace(NBM.grid, ny=9, nx=12, lat0=44.0, lon0=-112.0, dx=60_000.0, dy=60_000.0)
    simulate_run(tmp_path / "sound", NBM, RUN, (1, 2, 3, 4), grid)
    rotten = Path(shutil.copytree(tmp_path / "sound", tmp_path / "rotten"))
    for file in rotten.rglob("*.f003.co.grib2"):
        rewrite(
            file,
            lambda values: np.full_like(values, 149.0),
            lambda line: line.endswith(":WIND:10 m above ground:3 hour fcst:"),
        )
    mirrors = (Mirror("rotten", str(rotten)), Mirror("sound", str(tmp_path / "sound")))
    with store_of(replace(NBM, mirrors=mirrors), tmp_path, init_time=RUN, leads="1-4") as store:
        east, north = series(store, "eastward_wind_10m"), series(store, "northward_wind_10m")
        assert np.hypot(east, north).max() < 60
        assert not np.isnan(east).any()
