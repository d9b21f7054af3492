"""Maps of heights become cells: each the mean of its pixels, at its place, and unknown where nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rasterio", reason="windlass[terrain] is not installed")

from serving.static import NOWHERE
from serving.terrain import open_terrain
from storage.grids import Box, Cell
from storage.reader import Store
from storage.verify import verify
from tasks.raster import RasterError, look
from tasks.terrain import Told, working_bytes, write_terrain
from tasks.terrain_grid import Recipe, TerrainError, grid_for
from tests.tasks.maps import hills, write_map

MADE = datetime(2026, 11, 27, 17, 30, 12, tzinfo=UTC)
MINUTE = 1 / 60


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., tuple[Store, Told]]:
    def make(maps: list[str], recipe: Recipe) -> tuple[Store, Told]:
        path, bands = tmp_path / "terrain.zarr.zip", []
        told = write_terrain(
            path,
            [look(name) for name in maps],
            recipe,
            made=MADE,
            attribution="A. Maker",
            licence="free",
            progress=lambda done, total: bands.append((done, total)),
        )
        assert bands == [(number, bands[-1][1]) for number in range(1, bands[-1][1] + 1)]
        verify(path)
        return Store.open(path), told

    return make


def whole(store: Store) -> Any:
    """Heights [y, x]."""
    import xarray

    return xarray.open_dataset(store.path, engine="windlass").terrain_height_surface.isel(time=0).to_numpy()


def test_cells_are_the_mean_of_their_pixels(tmp_path: Path, make: Callable[..., tuple[Store, Told]]) -> None:
    made = hills(360, 540)
    store, told = make([write_map(tmp_path / "map.tif", made, 5.0, 48.0, MINUTE)], Recipe(180.0))
    assert store.schema.grid.shape == (120, 180)
    assert store.schema.grid.latlon(Cell(0, 0)) == pytest.approx((48.0 - 0.025, 5.025))
    means = made.reshape(120, 3, 180, 3).mean(axis=(1, 3))
    assert np.abs(whole(store) - means).max() <= 0.5 + 1e-3
    assert (told.cells, told.missing, told.flattened) == (21600, 0, 0)
    assert (told.lowest, told.highest) == pytest.approx((means.min(), means.max()), abs=1e-3)
    schema = store.schema
    assert (schema.model, schema.traits, schema.attribution) == ("terrain", ("static",), "A. Maker")
    assert schema.init_time == datetime(2026, 11, 27, 17, 30, tzinfo=UTC)
    assert schema.provenance["files"] == ["map.tif"]


@pytest.mark.parametrize("west", [-180.0, 0.0, -180.0 - MINUTE * 7.5], ids=["from 180 west", "from 0", "posts"])
def test_a_globe_closes_and_knows_its_poles(
    tmp_path: Path, make: Callable[..., tuple[Store, Told]], west: float
) -> None:
    """15 minutes: 720 x 1440 cells, or posts on the poles and twice on 180 degrees."""
    posts = west not in (-180.0, 0.0)
    made = hills(721 if posts else 720, 1441 if posts else 1440)
    north = 90.0 + MINUTE * 7.5 if posts else 90.0
    if posts:
        made[:, -1], made[0], made[-1] = made[:, 0], 2800, 100
    store, _ = make([write_map(tmp_path / "map.tif", made, west, north, 0.25)], Recipe(900.0))
    grid = store.schema.grid
    assert grid.wraps
    assert grid.shape == ((721, 1440) if posts else (720, 1440))
    random = np.random.default_rng(1)
    for row, column in zip(random.integers(0, len(made), 200), random.integers(0, 1440, 200), strict=True):
        lat, lon = north - (row + 0.5) * 0.25, west + (column + 0.5) * 0.25
        lon = (lon + 180.0) % 360.0 - 180.0
        assert store.point(grid.cell(min(lat, 90.0), lon))[0, 0] == made[row, column]
    if posts:
        assert open_terrain(store.path).between(90.0, 12.3).terrain == pytest.approx(2800.0)
        assert open_terrain(store.path).between(-90.0, 12.3).terrain == pytest.approx(100.0)


def test_tiles_join_without_a_seam(tmp_path: Path, make: Callable[..., tuple[Store, Told]]) -> None:
    """Tiles that share their outermost posts, as .hgt does, across 180 degrees, in any order."""
    made = hills(121, 361)
    post = 1 / 120
    corner = 10.0 + post / 2
    wests = [178.0, 179.0, -180.0]
    maps = [
        write_map(tmp_path / f"{n}.tif", made[:, first : first + 121], wests[n] - post / 2, corner, post)
        for n, first in enumerate((0, 120, 240))
    ]  # fmt: skip
    box = Box(178.5, 9.2, -179.5, 9.8)
    store, told = make([maps[2], maps[0], maps[1]], Recipe(30.0, box))
    grid = store.schema.grid
    assert told.missing == 0
    for row in range(30, 90, 7):
        for column in range(70, 230, 7):
            lat, lon = 10.0 - row * post, 178.0 + column * post
            assert store.point(grid.cell(lat, (lon + 180) % 360 - 180))[0, 0] == made[row, column], (row, column)


def test_pixels_that_narrow_towards_the_poles_are_each_where_they_lie(
    tmp_path: Path, make: Callable[..., tuple[Store, Told]]
) -> None:
    """Copernicus' tiles at 85 north: ten seconds of arc along latitudes are one along meridians."""
    made = hills(360, 36)
    store, told = make([write_map(tmp_path / "a.tif", made, 20.0, 86.0, 1 / 36, 1 / 360)], Recipe(10.0))
    assert store.schema.grid.shape == (360, 360)
    assert told.missing == 0
    np.testing.assert_array_equal(whole(store), np.repeat(made, 10, axis=1))


def test_what_no_map_tells_is_unknown_or_the_sea(tmp_path: Path, make: Callable[..., tuple[Store, Told]]) -> None:
    made = hills(60, 60)
    made[10:20, 10:20] = -32768
    name = write_map(tmp_path / "map.tif", made, 0.0, 1.0, MINUTE, nodata=-32768)
    box = Box(0.0, 0.0, 2.0, 1.0)
    store, told = make([name], Recipe(60.0, box))
    assert told.missing == 3600 + 100
    terrain = open_terrain(store.path)
    assert terrain.between(0.75, 0.25) == NOWHERE
    assert terrain.between(0.5, 1.5) == NOWHERE
    assert terrain.between(0.3, 0.3).terrain is not None
    store, told = make([name], Recipe(60.0, box, missing_is_sea=True))
    assert told.missing == 3700
    assert open_terrain(store.path).between(0.75, 0.25).terrain == 0.0


def test_cells_at_a_shore_without_tiles_are_of_the_pixels_there_are(
    tmp_path: Path, make: Callable[..., tuple[Store, Told]]
) -> None:
    made = np.full((60, 60), 300, np.int16)
    made[:, 1::2] = -32768
    store, told = make([write_map(tmp_path / "map.tif", made, 0.0, 1.0, MINUTE, nodata=-32768)], Recipe(120.0))
    assert told.missing == 0
    assert (whole(store) == 300.0).all()


def test_the_floor_of_the_sea_is_its_surface_where_that_is_said(
    tmp_path: Path, make: Callable[..., tuple[Store, Told]]
) -> None:
    made = hills(60, 60)
    made[:, :30] = -4500
    name = write_map(tmp_path / "map.tif", made, 0.0, 1.0, MINUTE)
    with pytest.raises(RasterError, match=r"map.tif tells of -4500 m, .* floor of the sea \(--sea-floor\)"):
        make([name], Recipe(60.0))
    assert not (tmp_path / "terrain.zarr.zip").exists()
    store, told = make([name], Recipe(60.0, sea_floor=True))
    assert told.flattened == 1800
    assert (whole(store)[:, :30] == 0.0).all()
    np.testing.assert_array_equal(whole(store)[:, 30:], made[:, 30:])


@pytest.mark.parametrize(
    ("height", "sea_floor", "why"),
    [(9999, False, "higher than any mountain: are these feet"), (-32768, True, "deeper than any sea"),
     (-32768, False, "deeper than any sea"), (-501, False, "lower than any land")],
)  # fmt: skip
def test_numbers_that_are_no_heights_are_told(
    tmp_path: Path, make: Callable[..., tuple[Store, Told]], height: int, sea_floor: bool, why: str
) -> None:
    made = hills(30, 30)
    made[12, 7] = height
    before = tmp_path / "terrain.zarr.zip"
    before.write_bytes(b"the one before")
    with pytest.raises(RasterError, match=why):
        make([write_map(tmp_path / "map.tif", made, 0.0, 1.0, MINUTE)], Recipe(60.0, sea_floor=sea_floor))
    assert before.read_bytes() == b"the one before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.tif", "terrain.zarr.zip"]


def test_land_below_the_sea_stays_there(tmp_path: Path, make: Callable[..., tuple[Store, Told]]) -> None:
    made = np.full((30, 30), -430, np.int16)
    store, _ = make([write_map(tmp_path / "map.tif", made, 35.0, 32.0, MINUTE)], Recipe(60.0))
    assert (whole(store) == -430.0).all()


def test_a_region_without_any_height_is_no_terrain(tmp_path: Path, make: Callable[..., tuple[Store, Told]]) -> None:
    name = write_map(tmp_path / "map.tif", hills(30, 30), 0.0, 1.0, MINUTE)
    with pytest.raises(TerrainError, match="no map tells a height within latitudes 40"):
        make([name], Recipe(60.0, Box(10.0, 40.0, 11.0, 41.0)))
    assert not (tmp_path / "terrain.zarr.zip").exists()


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        (Recipe(7.0), "a step of 7 seconds does not go into 180 degrees: try 15, 30, 60"),
        (Recipe(0.0), "does not go into"),
        (Recipe(-60.0), "does not go into"),
        (Recipe(float("nan")), "does not go into"),
        (Recipe(30.0), "has pixels of 60 seconds: a step of 30 would make up .* smallest step is 60"),
        (Recipe(60.0, Box(5.0, 89.0, 5.0, 89.0)), "no cell of 60 seconds lies within"),
    ],
    ids=str,
)
def test_steps_that_make_no_sense_are_told(tmp_path: Path, recipe: Recipe, why: str) -> None:
    raster = look(write_map(tmp_path / "map.tif", hills(30, 30), 0.0, 1.0, MINUTE))
    with pytest.raises(TerrainError, match=why):
        grid_for([raster], recipe)


def test_memory_is_that_of_a_row_of_shards(tmp_path: Path) -> None:
    raster = look(write_map(tmp_path / "map.tif", hills(30, 30), 0.0, 1.0, 1 / 240))
    globe = grid_for([raster], Recipe(15.0, Box(-180.0, -90.0, 180.0, 90.0)))
    assert globe.shape == (43200, 86400)
    assert globe.wraps
    assert working_bytes(globe) < 600e6
