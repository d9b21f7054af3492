"""Distances and bearings of storms against brute force, on every kind of map, and in a store."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from storage.grids import Box, Cell, Grid, LambertGrid, LatLonGrid, Window
from storage.reader import Store
from tasks.check import check_store
from tasks.check_storm import Seen, seen
from tasks.errors import CheckFailed
from tasks.nearest import Globe
from tasks.scratch import Scratch
from tasks.storm import BEARING, DISTANCE, EARTH, REACH, THRESHOLD, storms_of
from tasks.truth import Map
from tasks.wanted import Level, Wanted
from tasks.write import write_store
from tests.tasks.test_write import FACTS, Write, write

pytestmark = pytest.mark.usefixtures("in_one_process")

__all__ = ["write"]

FILL = -32768
GRIDS = {
    "the globe": LatLonGrid(90.0, -5.0, 37, 0.0, 5.0, 72),
    "from the south, between the poles": LatLonGrid(-88.75, 2.5, 72, -180.0, 2.5, 144),
    "across the date line": LatLonGrid(30.0, -1.0, 40, 160.0, 1.0, 50),
    "a northern cone": LambertGrid(70, 90, 25.0, -110.0, 50_000.0, 50_000.0, -97.5, 38.5, 38.5, 6_371_229.0),
    "a southern cone": LambertGrid(40, 37, -45.0, 10.0, 60_000.0, 60_000.0, 20.0, -35.0, -35.0, 6_371_229.0),
}


def told(grid: Grid, rates: NDArray[np.float32]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    return storms_of(rates, Globe.of(grid), Window(0, grid.ny, 0, grid.nx))


def brute(grid: Grid, rates: NDArray[np.float32], cell: Cell) -> Seen:
    return seen(Map(*grid.latlons(), rates.astype(float), 0.0), *grid.latlon(cell), 1.0)


def random_rates(grid: Grid, part: float, seed: int) -> NDArray[np.float32]:
    """Storms in a part of the cells, alone and in heaps, and some values missing."""
    chance = np.random.default_rng(seed)
    noise = chance.standard_normal(grid.shape)
    for axis in (0, 1):
        noise += np.roll(noise, 1, axis)
    rates = np.where(noise > np.quantile(noise, 1.0 - part), 1e-3, 1e-5).astype(np.float32)
    rates[chance.random(grid.shape) < part / 20] = np.nan
    return rates


@pytest.mark.parametrize("part", [0.002, 0.05, 0.4])
@pytest.mark.parametrize("name", GRIDS)
def test_every_cell_has_the_nearest_storm_of_all(name: str, part: float) -> None:
    grid = GRIDS[name]
    rates = random_rates(grid, part, seed=len(name))
    distance, bearing = told(grid, rates)
    closed = grid.wraps
    alike = 0
    for y in range(0, grid.ny, 2 if part > 0.01 else 3):
        for x in range(y % 3, grid.nx, 3):
            around = brute(grid, rates, Cell(y, x))
            storm, unknown = (float(around.away[some].min(initial=math.inf)) for some in (around.storm, around.unknown))
            held = distance[y, x]
            if storm > min(unknown, REACH) + 1e-3:
                assert held == FILL
                assert bearing[y, x] == FILL
                continue
            if storm < min(unknown, REACH) - 1e-3:
                assert abs(100.0 * held - storm) <= 50.1
                alike += 1
            if held > 0:
                there = around.storm & (around.away <= storm + 1.0)
                turns = np.abs((around.towards[there] - bearing[y, x] + 180.0) % 360.0 - 180.0)
                # Of the points at a pole any is as near, and its bearing as good.
                assert turns.min() <= 0.51 or abs(grid.latlon(Cell(y, x))[0]) > 89.9
    assert alike > 0 or (part < 0.01 and not closed)


def one_storm(grid: LatLonGrid, lat: float, lon: float) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    rates = np.zeros(grid.shape, np.float32)
    rates[grid.cell(lat, lon)] = 1e-3
    return told(grid, rates)


def test_from_berlin_to_munich_are_500_to_510_km() -> None:
    tenths = LatLonGrid(56.0, -0.1, 121, 0.0, 0.1, 3600)
    globe = Globe(Globe.of(tenths).points, np.zeros(tenths.shape, np.bool_), True)
    rates = np.zeros(tenths.shape, np.float32)
    rates[tenths.cell(48.1, 11.6)] = 1e-3
    distance, bearing = storms_of(rates, globe, Window(0, tenths.ny, 0, tenths.nx))
    berlin = tenths.cell(52.5, 13.4)
    assert 5000 <= distance[berlin] <= 5100
    assert 190 <= bearing[berlin] <= 200


def test_a_degree_across_the_date_line_is_a_degree() -> None:
    grid = LatLonGrid(90.0, -0.5, 361, 0.0, 0.5, 720)
    distance, bearing = one_storm(grid, 0.0, 179.5)
    place = grid.cell(0.0, -179.5)
    assert distance[place] == pytest.approx(10 * math.radians(1.0) * EARTH / 1000, abs=0.5)
    assert bearing[place] == 270


def test_the_way_leads_over_the_pole() -> None:
    grid = LatLonGrid(90.0, -0.5, 361, 0.0, 0.5, 720)
    distance, bearing = one_storm(grid, 88.0, 10.0)
    place = grid.cell(88.0, -170.0)
    assert distance[place] == pytest.approx(10 * math.radians(4.0) * EARTH / 1000, abs=0.5)
    assert bearing[place] == 0


def test_no_storm_storms_everywhere_and_just_not_one() -> None:
    grid = GRIDS["the globe"]
    for rate, held in ((0.0, FILL), (THRESHOLD * 0.999, FILL), (THRESHOLD * 1.001, 0), (np.nan, FILL)):
        distance, bearing = told(grid, np.full(grid.shape, rate, np.float32))
        assert (distance == held).all()
        assert (bearing == FILL).all()


def test_what_may_be_nearer_than_the_storm_leaves_it_untold() -> None:
    grid = LatLonGrid(90.0, -1.0, 181, 0.0, 1.0, 360)
    rates = np.zeros(grid.shape, np.float32)
    rates[90, 10], rates[90, 13] = 1e-3, np.nan
    distance, _ = told(grid, rates)
    assert distance[90, 11] == 1112
    assert distance[90, 12] == FILL
    assert distance[90, 13] == FILL


def test_a_map_that_ends_knows_no_storm_beyond_its_end() -> None:
    grid = LatLonGrid(10.0, -1.0, 21, 0.0, 1.0, 21)
    rates = np.zeros(grid.shape, np.float32)
    rates[10, 5] = 1e-3
    distance, _ = told(grid, rates)
    assert distance[10, 4] == distance[10, 6] == 1112
    assert distance[10, 2] == FILL
    assert distance[10, 12] == 7784
    assert distance[10, 14] == FILL


RATE = Wanted("precipitation_rate_surface", (), Level(1))


def staged_run(stage: Any) -> list[Any]:
    """Rates of three leads: a storm that moves; the last lead is dry."""
    messages = []
    for lead in range(3):
        rates = np.zeros((23, 25))
        if lead < 2:
            rates[10:13, 8 + lead : 12 + lead] = 1e-3
        messages.append(stage.field(rates, RATE.name, (lead * 60, lead * 60)))
    return messages


def of_store(path: Path, cell: tuple[float, float]) -> tuple[list[float], list[float]]:
    with Store.open(path) as store:
        series = store.point(store.schema.grid.cell(*cell))
        return series[store.index[DISTANCE]].tolist(), series[store.index[BEARING]].tolist()


def test_a_store_has_them_and_they_are_checked(stage: Any, write: Write, tmp_path: Path) -> None:
    messages = staged_run(stage)
    (tmp_path / "scratch").mkdir()

    def store(name: str, box: Box | None = None) -> Any:
        return write_store(
            FACTS,
            (RATE,),
            messages,
            tmp_path / name,
            box=box,
            scratch=tmp_path / "scratch",
            provenance={},
            progress=lambda done, total: None,
            storm=RATE.name,
        )

    whole = store("whole.zarr.zip")
    assert whole.storm == RATE
    assert len(whole.messages) == 3
    assert whole.schema.names == (RATE.name, DISTANCE, BEARING)
    assert check_store(whole.path, (RATE,), whole.messages, storm=RATE) == 2 * 4 + 2 * 2 * 4
    grid = whole.schema.grid
    inside, beside = grid.latlon(Cell(11, 10)), grid.latlon(Cell(11, 14))
    assert of_store(whole.path, inside)[0][:2] == [0.0, 0.0]
    assert math.isnan(of_store(whole.path, inside)[1][0])
    distances, bearings = of_store(whole.path, beside)
    assert distances[0] > distances[1] > 0
    assert math.isnan(distances[2])
    assert math.isnan(bearings[2])
    lat, lon = beside
    # A box that has no storm of its own in it.
    crop = store("crop.zarr.zip", Box(lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01))
    assert crop.schema.grid.shape == (1, 1)
    np.testing.assert_array_equal(of_store(crop.path, beside), (distances, bearings))


def test_what_is_wrong_is_found(stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    messages = staged_run(stage)
    (tmp_path / "scratch").mkdir()
    put = Scratch.write
    monkeypatch.setattr(
        Scratch, "write", lambda self, number, steps: put(self, number, np.where(steps > 0, steps + 40, steps))
    )
    written = write_store(
        FACTS,
        (RATE,),
        messages[:2],
        tmp_path / "run.zarr.zip",
        box=None,
        scratch=tmp_path / "scratch",
        provenance={},
        progress=lambda done, total: None,
        storm=RATE.name,
    )
    with pytest.raises(CheckFailed, match="storm_distance_surface, made of precipitation_rate_surface"):
        check_store(written.path, (RATE,), written.messages, storm=RATE)
