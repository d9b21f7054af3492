"""Places between cells: the reader's numbers against plain bilinear ones made of its points."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.errors import CorruptStore
from storage.grids import Around, Cell, LatLonGrid, just
from storage.reader import Store

NAMES = (
    "air_temperature_2m",
    "precipitation_amount_surface",
    "eastward_wind_10m",
    "northward_wind_10m",
    "categorical_rain_surface",
    "storm_distance_surface",
    "storm_bearing_surface",
)
U, V = NAMES.index("eastward_wind_10m"), NAMES.index("northward_wind_10m")
NEAREST = [row for row, name in enumerate(NAMES) if name.startswith(("categorical", "storm"))]
GLOBE = LatLonGrid(90.0, -12.0, 16, 0.0, 12.0, 30)
OFF_POLES = LatLonGrid(-87.5, 5.0, 36, -180.0, 5.0, 72)


@pytest.fixture(scope="module")
def open_made(
    tmp_path_factory: pytest.TempPathFactory, make_schema: Callable[..., Any], write_store: Callable[..., Any]
) -> Callable[..., Store]:
    """open_made(grid, values): a store of NAMES and three leads; no values: at random, a tenth of them missing."""

    def open_made(grid: LatLonGrid, values: dict[str, Any] | None = None) -> Store:
        path = tmp_path_factory.mktemp("mixed") / "made.zarr.zip"
        return Store.open(write_store(path, make_schema(grid, names=NAMES), values).path)

    return open_made


def mixed_plainly(store: Store, around: Around) -> np.ndarray[Any, Any]:
    """[variable, time] in float64, cell by cell."""
    points = [store.point(cell).astype(np.float64) for cell in around.cells]
    if len(points) == 1:
        return points[0]
    nearest = points[around.nearest]
    result = np.full(nearest.shape, np.nan)
    for (row, time), value in np.ndenumerate(nearest):
        if row in NEAREST:
            result[row, time] = value
            continue
        total = share = 0.0
        for point, weight, turn in zip(points, around.weights, around.turns, strict=True):
            told = point[row, time]
            if row in (U, V):
                u, v = point[U, time], point[V, time]
                told = u * math.cos(turn) - v * math.sin(turn) if row == U else u * math.sin(turn) + v * math.cos(turn)
            if not math.isnan(told):
                total, share = total + weight * told, share + weight
        known = not np.isnan(nearest[[U, V] if row in (U, V) else [row], time]).any()
        if known:
            result[row, time] = total / share
    return result


@pytest.mark.parametrize("grid", [GLOBE, OFF_POLES, LatLonGrid(52.0, -0.25, 13, -3.0, 0.25, 15)], ids=str)
def test_places_are_mixed_of_the_cells_around_them(open_made: Callable[..., Store], grid: LatLonGrid) -> None:
    store = open_made(grid)
    random = np.random.default_rng(5)
    rows = np.append(random.uniform(-0.5, grid.ny - 0.5, 200), [0, grid.ny - 1, -0.4, grid.ny - 0.6])
    columns = np.append(random.uniform(-0.5, grid.nx - 0.5, 200), [0, grid.nx - 1, grid.nx - 0.5, -0.4])
    blocks = set()
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        lat = min(max(grid.lat0 + grid.dlat * row, -90.0), 90.0)
        around = grid.neighbours(lat, grid.lon0 + grid.dlon * column)
        blocks.add(len({(cell.y // 2, cell.x // 2) for cell in around.cells}))
        np.testing.assert_allclose(
            store.mixed(around), mixed_plainly(store, around), rtol=2e-6, atol=1e-4, err_msg=str(around)
        )
    assert blocks == {1, 2, 4}


def test_one_cell_is_its_point_to_the_bit(open_made: Callable[..., Store]) -> None:
    store = open_made(GLOBE)
    for cell in (Cell(0, 0), Cell(7, 29), Cell(15, 3)):
        np.testing.assert_array_equal(store.mixed(just(cell)), store.point(cell))
    np.testing.assert_array_equal(store.cells([Cell(3, 3), Cell(2, 3)])[1], store.point(Cell(2, 3)))


def test_a_value_missing_at_the_nearest_cell_is_missing_and_elsewhere_is_weighed_away(
    open_made: Callable[..., Store],
) -> None:
    values = {name: np.ones((3, *GLOBE.shape), np.float32) for name in NAMES}
    warmth = values["air_temperature_2m"]
    warmth[:, 5, 5:7] = 280.0
    warmth[:, 6, 5:7] = 290.0
    warmth[1, 5, 5] = np.nan
    warmth[2, 6, 5] = np.nan
    around = GLOBE.neighbours(90.0 - 12 * 5.25, 12 * 5.25)
    told = open_made(GLOBE, values).mixed(around)[0]
    assert told[0] == pytest.approx(282.5, abs=0.01)
    assert math.isnan(told[1])
    assert told[2] == pytest.approx((280 * 0.75 + 290 * 0.0625) / 0.8125, abs=0.01)


@pytest.mark.parametrize("grid", [GLOBE, OFF_POLES], ids=["poles are points", "poles lie between"])
@pytest.mark.parametrize("pole", [90.0, -90.0])
@pytest.mark.parametrize("away", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("lon", [0.0, 7.0, -101.3, 180.0])
def test_a_steady_wind_blows_across_a_pole(
    open_steady: Callable[..., Store], grid: LatLonGrid, pole: float, away: float, lon: float
) -> None:
    """The same vector in space everywhere: its components at a place are those along east and north there."""
    store = open_steady(grid)
    lat = math.copysign(90.0 - away, pole)
    told = store.mixed(grid.neighbours(lat, lon))
    east, north = directions(np.radians(lat), np.radians(lon))
    assert told[U, 0] == pytest.approx(np.dot(WIND, east), abs=0.1)
    assert told[V, 0] == pytest.approx(np.dot(WIND, north), abs=0.1)


WIND = np.array([8.0, -5.0, 0.0])


def directions(lat: Any, lon: Any) -> tuple[Any, Any]:
    """Unit vectors to the east and to the north of places, in space."""
    none = np.zeros(np.broadcast_shapes(np.shape(lat), np.shape(lon)))
    east = np.stack([none - np.sin(lon), none + np.cos(lon), none], axis=-1)
    north = np.stack([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), none + np.cos(lat)], axis=-1)
    return east, north


@pytest.fixture(scope="module")
def open_steady(open_made: Callable[..., Store]) -> Callable[..., Store]:
    def open_steady(grid: LatLonGrid) -> Store:
        lats, lons = np.radians(grid.latlons())
        east, north = directions(lats, lons)
        values = {name: np.ones((3, *grid.shape), np.float32) for name in NAMES}
        values[NAMES[U]] = np.broadcast_to(east @ WIND, (3, *grid.shape)).astype(np.float32)
        values[NAMES[V]] = np.broadcast_to(north @ WIND, (3, *grid.shape)).astype(np.float32)
        return open_made(grid, values)

    return open_steady


def test_damage_in_any_of_the_blocks_is_told(
    tmp_path: Path, make_schema: Callable[..., Any], write_store: Callable[..., Any]
) -> None:
    made = write_store(tmp_path / "made.zarr.zip", make_schema(GLOBE, names=NAMES))
    around = GLOBE.neighbours(90.0 - 12 * 1.5, 12 * 1.5)
    data = bytearray(made.path.read_bytes())
    with Store.open(made.path) as store:
        begin = store.directory.entry(0).data
        store.mixed(around)
    data[begin + 40] ^= 1
    made.path.unlink()
    made.path.write_bytes(data)
    with Store.open(made.path) as store:
        with pytest.raises(CorruptStore, match="chunk 0 does not match its crc32c"):
            store.mixed(around)
        with pytest.raises(IndexError, match="no cell 16, 0"):
            store.mixed(Around((Cell(15, 0), Cell(16, 0)), (0.5, 0.5), (0.0, 0.0)))
