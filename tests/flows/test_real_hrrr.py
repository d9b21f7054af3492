"""Real fields of HRRR, whole grids and crops, through an ingest of files into a store, against ecCodes and PROJ."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.hrrr import HRRR, SUBH
from flows.ingest import ingest
from flows.model import Model
from flows.request import IngestRequest
from storage.reader import Store
from tasks.errors import DecodeError
from tasks.storm import STORM
from tests.flows.weighed import Weighed

pytestmark = pytest.mark.usefixtures("in_one_process")

CROPS = [f"hrrr/rme/hrrr.20180722.t{hour:02d}z.wrfsfcf01.grib2" for hour in range(1, 24, 5)]
"""Five of the runs of a day, by night and by day."""
LAKES = [f"hrrr/lakes/hrrr.20191001.t{hour}z.wrfsfcf0[01].grib2" for hour in (14, 15, 16, 17)]

PLAIN = {
    "wind_gust_surface",
    "air_pressure_surface",
    "air_temperature_2m",
    "dew_point_temperature_2m",
    "relative_humidity_2m",
    "eastward_wind_10m",
    "northward_wind_10m",
    "precipitation_rate_surface",
    "precipitation_amount_surface",
    "categorical_snow_surface",
    "categorical_ice_pellets_surface",
    "categorical_freezing_rain_surface",
    "categorical_rain_surface",
    "cape_surface",
    "convective_inhibition_surface",
    "snow_depth_surface",
    "snow_water_equivalent_surface",
    "snowfall_thickness_surface",
    "temperature_surface",
    "visibility_surface",
    "cloud_cover_low",
    "cloud_cover_middle",
    "cloud_cover_high",
    "downward_shortwave_flux_instant_surface",
}


def weighed(model: Model, files: list[Path], folder: Path) -> tuple[Store, set[str]]:
    """The store of some files, and the variables in it that ecCodes agrees with."""
    assert files
    report = ingest(model, IngestRequest(files=tuple(files), bucket=str(folder / "bucket"), work=folder / "work"))
    assert report.withheld == {}
    store = Store.open(folder / "bucket" / report.key)
    return store, Weighed(model, files, store.schema.grid).compare(store, turned=True)


@pytest.mark.parametrize("path", CROPS, ids=lambda path: path.split(".t")[1][:3])
def test_a_day_of_runs_over_mountains(path: str, shared_data: Path, tmp_path: Path) -> None:
    """Winds are given along the grid, amounts beside totals, inhibition below nought."""
    store, compared = weighed(HRRR, [shared_data / path], tmp_path)
    with store:
        assert store.schema.grid.shape == (78, 41)
        assert store.schema.lead_times == (60,)
        assert compared == set(store.schema.names) - set(STORM) == PLAIN


@pytest.mark.parametrize("pattern", LAKES, ids=lambda path: path.split(".t")[1][:3])
def test_an_analysis_and_its_first_hour(pattern: str, shared_data: Path, tmp_path: Path) -> None:
    store, compared = weighed(HRRR, sorted(shared_data.glob(pattern)), tmp_path)
    with store:
        assert store.schema.lead_times == (0, 60)
        assert compared == set(store.schema.names) - set(STORM)
        rain = store.schema.variables[store.index["precipitation_amount_surface"]]
        assert rain.intervals == (0, 60)


def test_the_hour_is_taken_and_the_total_of_the_run_left_aside(shared_data: Path, tmp_path: Path) -> None:
    store, compared = weighed(HRRR, [shared_data / "hrrr/subset_20201214_hrrr.t00z.wrfsfcf12.grib2"], tmp_path)
    with store:
        assert store.schema.grid.shape == (1059, 1799)
        assert compared == {"precipitation_amount_surface"}
        assert store.schema.variables[0].intervals == (60,)


def test_a_whole_grid_in_sixteenths_of_a_degree(shared_data: Path, tmp_path: Path) -> None:
    store, compared = weighed(HRRR, [shared_data / "hrrr/gribberish_hrrr.t06z.wrfsfcf01-TMP.grib2"], tmp_path)
    with store:
        assert store.schema.grid.shape == (1059, 1799)
        assert compared == {"temperature_surface"}


def test_a_quarter_of_an_hour(shared_data: Path, tmp_path: Path) -> None:
    store, compared = weighed(SUBH, [shared_data / "hrrr/hrrr.wrfsubhf.sample.grib2"], tmp_path)
    with store:
        assert store.schema.lead_times == (15,)
        assert compared == {"composite_reflectivity_atmosphere"}


def test_half_a_wind_along_the_grid_cannot_be_turned(shared_data: Path, tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"eastward_wind_10m is given along the grid .* cannot be turned"):
        weighed(HRRR, [shared_data / "hrrr/gribberish_hrrr.t06z.wrfsfcf01-UGRD.grib2"], tmp_path)
