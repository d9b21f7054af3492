"""The series of a place: between cells, on its side of the shore, at its height."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from serving.options import ForecastOptions
from serving.places import Place
from serving.sampling import Sampler, same_side
from serving.static import Static
from serving.terrain import Grounds, open_terrain
from serving.units import System, shown_height
from storage.errors import StoreError
from storage.grids import Grid, LatLonGrid
from storage.layout import SHARD, shard_grid
from storage.reader import Store
from storage.schema import StoreSchema
from storage.tiles import encode_tiles
from storage.writer import StoreWriter, encode_band
from tests.serving.client import INIT
from tests.serving.rungs import ask

GRID = LatLonGrid(50.0, -1.0, 12, 10.0, 1.0, 12)
NAMES = ("air_temperature_2m", "dew_point_temperature_2m", "apparent_temperature_2m", "relative_humidity_2m")
Make = Callable[..., Store]


@pytest.fixture
def make(tmp_path: Path, series_store: Any) -> Make:
    """make(name, fields, grid): a store of two leads; fields: name -> [y, x] or a number, NaN = missing."""

    def make(model: str, fields: Mapping[str, ArrayLike], grid: Grid = GRID) -> Store:
        schema: StoreSchema = series_store(model, INIT, [0, 1], dict.fromkeys(fields, 0.0), grid=grid).schema
        maps: dict[str, NDArray[np.float32]] = {
            name: np.broadcast_to(np.asarray(values, np.float32), (2, *grid.shape)) for name, values in fields.items()
        }
        steps = []
        for stored in schema.variables:
            low, high = np.nanmin(maps[stored.name]), np.nanmax(maps[stored.name])
            steps.append(replace(stored, add_offset=round(float(low + high) / 2)))
        schema = replace(schema, variables=tuple(steps))
        path = tmp_path / f"{model}{len(list(tmp_path.iterdir()))}.zarr.zip"
        with StoreWriter(path, schema) as writer:
            for row in range(shard_grid(schema)[0]):
                rows = slice(row * SHARD, (row + 1) * SHARD)
                writer.append(encode_band(schema, row, lambda name, rows=rows: maps[name][:, rows]))
        return Store.open(path)

    return make


def read(store: Store, place: Place, grounds: Grounds = Grounds(), nearest: bool = False) -> dict[str, float]:  # noqa: B008
    """Name -> value at the first lead."""
    sampler = Sampler(place, nearest, grounds)
    values = sampler.read(store, sampler.find(store.schema.grid))
    return dict(zip(store.schema.names, values[:, 0].tolist(), strict=True))


def slope(down: float, right: float, base: float = 280.0) -> NDArray[np.float64]:
    y, x = np.mgrid[: GRID.ny, : GRID.nx]
    return base + down * y + right * x


PLACE = Place(44.7, 16.2, "Etc/GMT")


def test_a_place_lies_between_cells_unless_the_nearest_is_asked_for(make: Make) -> None:
    store = make("gfs", {"air_temperature_2m": slope(1.0, 0.5)})
    assert read(store, PLACE)["air_temperature_2m"] == pytest.approx(280 + 5.3 + 0.5 * 6.2, abs=0.01)
    assert read(store, PLACE, nearest=True)["air_temperature_2m"] == pytest.approx(280 + 5 + 3, abs=0.01)
    for nearest in (False, True):
        around = Sampler(PLACE, nearest).find(GRID)
        assert around is not None
        assert around.four.cells[0] == GRID.cell(44.7, 16.2)
        assert Sampler(Place(44.7, 30.0, "Etc/GMT"), nearest).find(GRID) is None


def test_on_land_only_land_speaks_and_at_sea_only_the_sea(make: Make) -> None:
    """Columns up to 5 are sea, at 10 degrees; from 6 on there is land, at 30."""
    east = np.arange(GRID.nx) > 5
    store = make("gfs", {"air_temperature_2m": np.where(east, 303.0, 283.0) * np.ones(GRID.shape)})
    static = Static(make("gfs", {"land_share_surface": np.where(east, 1.0, 0.0) * np.ones(GRID.shape)}))
    grounds = Grounds({"gfs": static})
    for lon, told in ((15.4, 283.0), (15.6, 303.0)):
        place = Place(44.7, lon, "Etc/GMT")
        assert read(store, place, grounds)["air_temperature_2m"] == pytest.approx(told, abs=0.01)
        assert 284 < read(store, place)["air_temperature_2m"] < 302
    assert read(store, Place(44.7, 15.4, "Etc/GMT"), Grounds({"ifs": static}))["air_temperature_2m"] > 284


def test_the_terrain_store_knows_better_where_land_is(make: Make) -> None:
    east = np.arange(GRID.nx) > 5
    store = make("gfs", {"air_temperature_2m": np.where(east, 303.0, 283.0) * np.ones(GRID.shape)})
    static = Static(make("gfs", {"land_share_surface": np.where(east, 1.0, 0.0) * np.ones(GRID.shape)}))
    fine = LatLonGrid(47.0, -0.1, 50, 13.0, 0.1, 50)
    terrain = Static(make("terrain", {"land_share_surface": 1.0, "terrain_height_surface": 0.0}, fine))
    told = read(store, Place(44.7, 15.4, "Etc/GMT"), Grounds({"gfs": static}, terrain))
    assert told["air_temperature_2m"] == pytest.approx(303.0, abs=0.01)


@pytest.mark.parametrize(
    ("shares", "land", "kept"),
    [
        ((1.0, 0.0, 0.0, 0.0), None, [False, True, True, True]),
        ((1.0, 1.0, 0.0, 1.0), None, [True, True, False, True]),
        ((0.4, 0.1, 0.0, 0.2), 1.0, None),
        ((None, 1.0, 0.0, 1.0), None, None),
        ((None, 1.0, 0.0, 1.0), 1.0, [True, True, False, True]),
        ((0.5, 0.49, 1.0, 0.0), 0.5, [True, False, True, False]),
    ],
)
def test_which_cells_are_on_the_same_side(
    shares: tuple[float | None, ...], land: float | None, kept: list[bool] | None
) -> None:
    around = GRID.neighbours(44.5, 16.5)
    assert same_side(around, list(shares), land) == kept


@pytest.mark.parametrize("rise", [-850.0, 0.0, 1500.0])
def test_temperatures_are_led_to_the_height_of_the_place(make: Make, rise: float) -> None:
    from metpy.calc import dewpoint_from_relative_humidity, relative_humidity_from_dewpoint
    from metpy.units import units

    warmth, dew = slope(0.7, 0.3), slope(0.5, 0.3, 275.0)
    model = 900.0 + slope(20.0, 10.0, 0.0)
    store = make("gfs", dict(zip(NAMES, (warmth, dew, warmth - 2.0, 60.0), strict=True)))
    static = Static(make("gfs", {"terrain_height_surface": model}))
    height = 900 + 20 * 5.3 + 10 * 6.2 + rise
    grounds = Grounds({"gfs": static}, Static(make("terrain", {"terrain_height_surface": height})))
    plain, told = read(store, PLACE), read(store, PLACE, grounds)
    change = -0.0065 * rise
    assert told["air_temperature_2m"] - plain["air_temperature_2m"] == pytest.approx(change, abs=0.003)
    assert told["apparent_temperature_2m"] - plain["apparent_temperature_2m"] == pytest.approx(change, abs=0.003)
    assert told["relative_humidity_2m"] == plain["relative_humidity_2m"]
    # MetPy's saturation pressure is Bolton's: they agree within hundredths of a degree.
    humidity = relative_humidity_from_dewpoint(
        plain["air_temperature_2m"] * units.K, plain["dew_point_temperature_2m"] * units.K
    )
    expected = dewpoint_from_relative_humidity(told["air_temperature_2m"] * units.K, humidity).to("K").magnitude
    assert told["dew_point_temperature_2m"] == pytest.approx(expected, abs=0.05)
    assert told["dew_point_temperature_2m"] <= told["air_temperature_2m"]
    assert read(store, PLACE, grounds, nearest=True) == read(store, PLACE, nearest=True)


def test_saturated_air_stays_saturated(make: Make) -> None:
    store = make("gfs", {"air_temperature_2m": 285.0, "dew_point_temperature_2m": 285.0})
    grounds = Grounds(
        {"gfs": Static(make("gfs", {"terrain_height_surface": 0.0}))},
        Static(make("terrain", {"terrain_height_surface": 2500.0})),
    )
    told = read(store, PLACE, grounds)
    assert told["dew_point_temperature_2m"] == pytest.approx(told["air_temperature_2m"], abs=1e-3)
    assert told["air_temperature_2m"] == pytest.approx(285.0 - 16.25, abs=0.01)


@pytest.mark.parametrize(("rise", "pressure"), [(1000.0, 89_874.6), (2000.0, 79_495.2), (-500.0, 107_477.0)])
def test_pressure_is_that_of_the_standard_atmosphere(make: Make, rise: float, pressure: float) -> None:
    """US Standard Atmosphere 1976, table I: pressure at geopotential heights."""
    store = make("gfs", {"air_temperature_2m": 288.15, "air_pressure_surface": 101_325.0})
    grounds = Grounds(
        {"gfs": Static(make("gfs", {"terrain_height_surface": 100.0}))},
        Static(make("terrain", {"terrain_height_surface": 100.0 + rise})),
    )
    assert read(store, PLACE, grounds)["air_pressure_surface"] == pytest.approx(pressure, abs=4.0)


def test_what_is_missing_stays_missing(make: Make) -> None:
    holes = np.where(np.indices(GRID.shape).sum(axis=0) < 8, 280.0, np.nan)
    store = make("gfs", {"air_temperature_2m": holes, "dew_point_temperature_2m": 270.0})
    grounds = Grounds(
        {"gfs": Static(make("gfs", {"terrain_height_surface": 0.0}))},
        Static(make("terrain", {"terrain_height_surface": 500.0})),
    )
    told = read(store, PLACE, grounds)
    assert np.isnan([told["air_temperature_2m"], told["dew_point_temperature_2m"]]).all()


def test_ground_of_another_region_or_none_changes_nothing(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    store = make("gfs", {"air_temperature_2m": slope(1.0, 0.5)})
    elsewhere = LatLonGrid(10.0, -1.0, 3, 10.0, 1.0, 3)
    grounds = Grounds({"gfs": Static(make("gfs", {"terrain_height_surface": 700.0}, elsewhere))})
    with caplog.at_level(logging.WARNING):
        assert read(store, PLACE, grounds) == read(store, PLACE)
    assert "its ground is not known" in caplog.text
    assert Sampler(PLACE, grounds=grounds).elevation(["gfs"]) is None
    wider = LatLonGrid(60.0, -1.0, 40, 0.0, 1.0, 40)
    terrain = Static(make("terrain", {"terrain_height_surface": 0.0}))
    grounds = Grounds({"gfs": Static(make("gfs", {"terrain_height_surface": 1000.0}, wider))}, terrain)
    assert read(store, PLACE, grounds)["air_temperature_2m"] == pytest.approx(
        read(store, PLACE)["air_temperature_2m"] + 6.5, abs=0.01
    )


def test_elevation_is_the_places_or_the_first_models_that_tells_it(make: Make) -> None:
    models = {
        "gfs": Static(make("gfs", {"terrain_height_surface": slope(20.0, 10.0, 0.0)})),
        "ifs": Static(make("ifs", {"land_share_surface": 1.0})),
    }
    assert Sampler(PLACE, grounds=Grounds(models)).elevation(["rtma", "ifs", "gfs"]) == pytest.approx(
        20 * 5.3 + 10 * 6.2, abs=0.2
    )
    assert Sampler(PLACE, grounds=Grounds(models)).elevation(["ifs"]) is None
    terrain = Static(make("terrain", {"terrain_height_surface": 1234.4}))
    assert Sampler(PLACE, grounds=Grounds(models, terrain)).elevation(["gfs"]) == pytest.approx(1234.4, abs=0.1)
    assert shown_height(1234.4, System.SI) == 1234
    assert shown_height(1234.4, System.US) == 4050


def test_an_answer_told_by_the_nearest_cell_is_another_one(make: Make) -> None:
    store = make("gfs", {"air_temperature_2m": slope(3.0, 2.0)})
    place = Place(44.6, 15.6, "Europe/Berlin")
    answers = [
        ask([store], INIT, place=place, options=ForecastOptions(System.SI, nearest=nearest))
        for nearest in (False, True)
    ]
    plain, nearest = (answer["currently"]["temperature"] for answer in answers)
    assert plain == pytest.approx(280 + 3 * 5.4 + 2 * 5.6 - 273.15, abs=0.02)
    assert nearest == pytest.approx(280 + 3 * 5 + 2 * 6 - 273.15, abs=0.02)
    assert answers[0]["flags"]["sourceIDX"] == answers[1]["flags"]["sourceIDX"]


def test_a_terrain_of_large_chunks_leads_to_the_same_temperatures(make: Make, tmp_path: Path) -> None:
    model = make("gfs", {"air_temperature_2m": slope(1.0, 2.0), "dew_point_temperature_2m": 270.0})
    static = Static(make("gfs", {"terrain_height_surface": slope(50.0, -20.0, 800.0)}))
    small = make("terrain", {"terrain_height_surface": slope(150.0, 40.0, 0.0)})
    schema = replace(small.schema, block=32)
    steps = np.concatenate([np.concatenate([small.block(0, x), small.block(1, x)], axis=2) for x in (0, 1)], axis=3)
    (stored,) = schema.variables
    heights = (steps[0] * stored.scale_factor + stored.add_offset).astype(np.float32)
    with StoreWriter(tmp_path / "large.zarr.zip", schema) as writer:
        writer.append(encode_tiles(schema, 0, lambda name: heights))
    grounds = [Grounds({"gfs": static}, open_terrain(path)) for path in (small.path, tmp_path / "large.zarr.zip")]
    random = np.random.default_rng(3)
    for lat, lon in random.uniform((39.0, 10.0), (50.0, 21.0), (50, 2)).tolist():
        place = Place(lat, lon, "Etc/GMT")
        one, other = (read(model, place, each) for each in grounds)
        assert one == other
        assert Sampler(place, grounds=grounds[0]).elevation([]) == Sampler(place, grounds=grounds[1]).elevation([])
        rise = 150 * (50 - lat) + 40 * (lon - 10) - 800 - 50 * (50 - lat) + 20 * (lon - 10)
        assert one["air_temperature_2m"] == pytest.approx(280 + (50 - lat) + 2 * (lon - 10) - 0.0065 * rise, abs=0.02)


def test_a_terrain_store_takes_no_more_memory_the_more_places_are_asked(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.terrain.SHARDS", 2)
    heights = slope(100.0, 10.0, 0.0)
    terrain = open_terrain(make("terrain", {"terrain_height_surface": heights}).path)
    for y, x in np.ndindex(heights.shape):
        assert terrain.between(50.0 - y, 10.0 + x).terrain == pytest.approx(heights[y, x], abs=0.11)
        assert len(terrain.store._shards._found) <= 2


def test_another_store_is_no_terrain(make: Make) -> None:
    store = make("gfs", {"air_temperature_2m": 280.0})
    with pytest.raises(StoreError, match="no store of the terrain: it holds air_temperature_2m and no terrain_height"):
        open_terrain(store.path)
