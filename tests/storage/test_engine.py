"""`xarray.open_dataset(path, engine="windlass")`, as in a notebook."""

from __future__ import annotations

import math
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyproj
import pytest
import xarray

from storage.engine import StoredArray, WindlassBackend
from storage.errors import StoreError
from storage.grids import Cell, Grid, LambertGrid, LatLonGrid, PlaneGrid, Window
from storage.reader import Store
from tests.storage.places import REAL

NAMES = ["air_temperature_2m", "precipitation_amount_surface", "precipitation_type_surface"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, make_schema: Any, write_store: Any) -> Any:
    folder = tmp_path_factory.mktemp("engine")
    grid = LatLonGrid(-10.0, 0.5, 23, 170.0, 0.5, 31)
    return write_store(folder / "made.zarr.zip", make_schema(grid, (0, 60, 120, 300), NAMES))


@pytest.fixture
def truth(made: Any) -> dict[str, Any]:
    """name -> [time, y, x] as our reader tells it."""
    with Store.open(made.path) as store:
        ny, nx = store.schema.grid.shape
        points = np.array([[store.point(Cell(y, x)) for x in range(nx)] for y in range(ny)])
    return {name: points[:, :, row].transpose(2, 0, 1) for row, name in enumerate(NAMES)}


def test_the_dataset_is_cf(made: Any) -> None:
    with xarray.open_dataset(made.path, engine="windlass") as dataset:
        assert list(dataset.data_vars) == NAMES
        assert dict(dataset.sizes) == {"time": 4, "latitude": 23, "longitude": 31}
        assert dataset.attrs["Conventions"] == "CF-1.11"
        assert dataset.attrs["model"] == "gfs"
        np.testing.assert_array_equal(dataset.latitude, made.schema.grid.axes()[1])
        assert dataset.latitude.attrs["units"] == "degrees_north"
        assert dataset.time.values[-1] == np.datetime64("2026-04-20T11:00")
        assert dataset.forecast_reference_time.values == np.datetime64("2026-04-20T06:00")
        assert dataset.forecast_period.values[-1] == np.timedelta64(5, "h")
        assert dataset.spatial_ref.attrs["grid_mapping_name"] == "latitude_longitude"
        rain = dataset.precipitation_amount_surface
        assert rain.dtype == np.float32
        assert rain.dims == ("time", "latitude", "longitude")
        assert rain.attrs["standard_name"] == "precipitation_amount"
        assert rain.attrs["units"] == "kg m-2"
        assert rain.attrs["cell_methods"] == "time: sum"
        assert rain.attrs["grid_mapping"] == "spatial_ref"
        assert rain.attrs["interval_minutes"].tolist() == [0, 60, 60, 180]
        kind = dataset.precipitation_type_surface.attrs
        assert len(kind["flag_values"]) == len(kind["flag_meanings"].split()) == 13
        assert "interval_minutes" not in dataset.air_temperature_2m.attrs


@pytest.mark.parametrize(
    "key",
    [
        (),
        (0,),
        (slice(None), 22, 30),
        (slice(None, None, -1), slice(3, 17, 4), slice(None, None, -7)),
        (-1, slice(-5, None), 9),
        (slice(2, 2), slice(None), slice(None)),
        ([3, 0], [22, 0, 11, 11], slice(8, 12)),
        (slice(None), [5], [29, 1]),
    ],
)
def test_any_part_can_be_taken(made: Any, truth: dict[str, Any], key: tuple[Any, ...]) -> None:
    with xarray.open_dataset(made.path, engine="windlass") as dataset:
        for name in NAMES:
            whole = xarray.DataArray(truth[name], dims=("time", "latitude", "longitude"))
            np.testing.assert_array_equal(dataset[name][key].values, whole[key].values)


def test_places_along_a_track(made: Any, truth: dict[str, Any]) -> None:
    ys, xs = xarray.DataArray([1, 22, 9], dims="place"), xarray.DataArray([30, 2, 9], dims="place")
    with xarray.open_dataset(made.path, engine="windlass") as dataset:
        track = dataset.air_temperature_2m.isel(latitude=ys, longitude=xs)
        np.testing.assert_array_equal(track.values, truth["air_temperature_2m"][:, ys.values, xs.values])


def test_nothing_is_read_before_it_is_asked_for(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[set[int]] = []
    block = Store.block

    def counted(self: Store, *args: Any, **kwargs: Any) -> Any:
        read.append(set(kwargs["chunks"]))
        return block(self, *args, **kwargs)

    monkeypatch.setattr(Store, "block", counted)
    with xarray.open_dataset(made.path, engine="windlass") as dataset:
        part = dataset.air_temperature_2m.sel(latitude=-9.9, longitude=170.1, method="nearest")
        assert read == []
        part.load()
        assert read == [{0}]


@pytest.mark.filterwarnings("ignore:The specified chunks separate the stored chunks")
def test_dask_reads_the_same_and_processes_can_share_it(made: Any, truth: dict[str, Any]) -> None:
    dataset = xarray.open_dataset(made.path, engine="windlass", chunks={"latitude": 10, "longitude": 10})
    assert dataset.chunks["longitude"] == (10, 10, 10, 1)
    again = pickle.loads(pickle.dumps(dataset))
    for name in NAMES:
        np.testing.assert_array_equal(again[name].compute().values, truth[name])
    np.testing.assert_array_equal(dataset.air_temperature_2m.max().compute(), np.nanmax(truth["air_temperature_2m"]))


def test_the_file_type_is_recognised(made: Any, tmp_path: Path) -> None:
    with xarray.open_dataset(made.path) as dataset:
        assert list(dataset.data_vars) == NAMES
    backend = WindlassBackend()
    assert backend.guess_can_open(made.path)
    assert backend.guess_can_open(str(made.path))
    other = tmp_path / "other.zarr.zip"
    with zipfile.ZipFile(other, "w") as zipped:
        zipped.writestr("zarr.json", "{}")
    assert not backend.guess_can_open(other)
    assert not backend.guess_can_open(tmp_path / "none.zarr.zip")
    assert not backend.guess_can_open(tmp_path / "other.nc")
    assert not backend.guess_can_open(b"bytes")


def test_variables_can_be_dropped(made: Any) -> None:
    with xarray.open_dataset(made.path, engine="windlass", drop_variables=NAMES[1:]) as dataset:
        assert list(dataset.data_vars) == NAMES[:1]
    with xarray.open_dataset(made.path, engine="windlass", drop_variables="forecast_period") as dataset:
        assert "forecast_period" not in dataset.coords


def test_a_dataset_survives_the_way_to_netcdf(made: Any, truth: dict[str, Any], tmp_path: Path) -> None:
    with xarray.open_dataset(made.path, engine="windlass") as dataset:
        dataset.to_netcdf(tmp_path / "made.nc", engine="scipy")
    with xarray.open_dataset(tmp_path / "made.nc", engine="scipy") as again:
        assert again.time.values[-1] == np.datetime64("2026-04-20T11:00")
        np.testing.assert_allclose(again.air_temperature_2m, truth["air_temperature_2m"], atol=1e-4)


def test_closing_a_dataset_closes_its_store(made: Any) -> None:
    dataset = xarray.open_dataset(made.path, engine=WindlassBackend, cache=False)
    dataset.close()
    with pytest.raises(StoreError, match="was closed"):
        dataset.air_temperature_2m.load()


def test_the_array_behind_says_its_shape(made: Any) -> None:
    with Store.open(made.path) as store:
        array = StoredArray(store, 1)
        assert (array.shape, array.dtype) == ((4, 23, 31), np.dtype(np.float32))


SOUTHWARD = LambertGrid(1059, 1799, 47.8, 226.0, 3000.0, -3000.0, 262.5, 38.5, 38.5, 6_371_229.0)
CITIES: dict[str, tuple[Grid, float, float]] = {
    "denver": (SOUTHWARD, 39.7392, -104.9903),
    "adak": (REAL["HRRR Alaska"], 51.8801, -176.6581),
    "attu": (REAL["NBM Alaska"], 52.9026, 172.9095),
    "honolulu": (REAL["NBM Hawaii"], 21.3069, -157.8583),
}


@pytest.fixture(scope="module", params=CITIES)
def projected(request: pytest.FixtureRequest, tmp_path_factory: Any, make_schema: Any, write_store: Any) -> Any:
    """A store of 23 x 31 cells around a city, which lies in the cell (4, 25)."""
    grid, *place = CITIES[request.param]
    y, x = grid.cell(*place)
    schema = make_schema(grid.crop(Window(y - 4, 23, x - 25, 31)), (0, 60, 120), NAMES)
    made = write_store(tmp_path_factory.mktemp("engine") / "projected.zarr.zip", schema)
    return SimpleNamespace(place=place, **vars(made))


def test_a_place_on_a_projected_grid_through_every_door(
    projected: Any, same_through_every_reader: Callable[[Path], None]
) -> None:
    """The store's own attributes lead from latitude and longitude to the value, and so do the axes and the mapping."""
    lat, lon = projected.place
    written = {name: values[:, 4, 25] for name, values in projected.values.items()}
    with Store.open(projected.path) as store:
        assert store.schema.grid == projected.schema.grid
        assert store.schema.grid.cell(lat, lon) == (4, 25)
        series = store.point(store.schema.grid.cell(lat, lon))
    with xarray.open_dataset(projected.path, engine="windlass") as dataset:
        x, y = pyproj.Proj(pyproj.CRS.from_cf(dataset.spatial_ref.attrs))(lon, lat)
        near = dataset.sel(x=x, y=y, method="nearest").load()
        assert abs(near.latitude - lat) < 0.0195
        assert abs(near.longitude - lon) * math.cos(math.radians(lat)) < 0.0195
    for row, name in enumerate(NAMES):
        step = projected.schema.variables[row].scale_factor
        np.testing.assert_allclose(series[row], written[name], rtol=1e-6, atol=step)
        np.testing.assert_array_equal(near[name], series[row])
    same_through_every_reader(projected.path)


def test_a_projected_dataset_is_cf(projected: Any) -> None:
    grid = projected.schema.grid
    with xarray.open_dataset(projected.path, engine="windlass") as dataset:
        assert dataset.air_temperature_2m.dims == ("time", "y", "x")
        assert dataset.air_temperature_2m.attrs["grid_mapping"] == "spatial_ref"
        for name, values in zip(("y", "x"), grid.axes()[1::2], strict=True):
            assert dataset[name].attrs["standard_name"] == f"projection_{name}_coordinate"
            assert dataset[name].attrs["units"] == "m"
            np.testing.assert_array_equal(dataset[name], values)
        assert dataset.spatial_ref.attrs == grid.grid_mapping()
        for name, values in zip(("latitude", "longitude"), grid.latlons(), strict=True):
            assert dataset[name].dims == ("y", "x")
            assert dataset[name].attrs["standard_name"] == name
            np.testing.assert_array_equal(dataset[name], values)
            for key in ((3, 5), (-1, slice(None, None, -2)), ([7, 2], [0, 30, 1]), (slice(4, 4), 1)):
                np.testing.assert_array_equal(dataset[name][key], xarray.DataArray(values)[key])


def test_places_of_a_projected_grid_are_worked_out_when_asked_for(
    projected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, ...]] = []
    latlons = PlaneGrid.latlons

    def counted(self: PlaneGrid, *lines: Any) -> Any:
        asked.append(tuple(len(line) for line in lines))
        return latlons(self, *lines)

    monkeypatch.setattr(PlaneGrid, "latlons", counted)
    with xarray.open_dataset(projected.path, engine="windlass") as dataset:
        part = dataset.latitude.isel(y=[2, 3], x=slice(0, 5))
        assert asked == []
        np.testing.assert_allclose(part, latlons(projected.schema.grid)[0][2:4, :5])
        assert set(asked) == {(2, 5)}


def test_dask_chunks_of_a_projected_dataset_fit_together(projected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.engine.PREFERRED", 1)
    dataset = xarray.open_dataset(projected.path, engine="windlass", chunks={})
    assert (dataset.chunks["y"], dataset.chunks["x"]) == ((10, 10, 3), (10, 10, 10, 1))
    again = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(again.longitude.compute(), projected.schema.grid.latlons()[1])
