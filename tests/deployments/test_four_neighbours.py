"""Places between cells against ecCodes' own four neighbours: from messages on the models' grids to mixed values.

ecCodes says which four points lie around a place, and what their values are. Weights are those of the one bilinear
function through four points on PROJ's plane, or in degrees; winds are turned by PROJ, and mixed as arrows in space.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import eccodes
import numpy as np
import pytest
from numpy.typing import NDArray

from deployments.simulator.encode import Encoder, Identity
from deployments.simulator.producers.gfs import GFS
from flows.gfs import WANTED
from storage.grids import Grid, LatLonGrid, PlaneGrid, Window
from storage.reader import Store
from storage.schema import Freshness
from storage.variables import Statistic
from tasks.scan import stage_files
from tasks.wanted import Level, Parameter
from tasks.write import RunFacts, write_store
from tests.storage.places import MADE, REAL, places, proj_of

NAMES = ("air_temperature_2m", "eastward_wind_10m", "northward_wind_10m")
IDENTITIES = (
    Identity(Parameter(0, 0, 0), Level(103, 2), Statistic.INSTANT),
    Identity(Parameter(0, 2, 2), Level(103, 10), Statistic.INSTANT),
    Identity(Parameter(0, 2, 3), Level(103, 10), Statistic.INSTANT),
)
RUN = datetime(2026, 4, 20, 6, tzinfo=UTC)
SIDE = 48
"""Cells of a piece of a large grid: ecCodes looks through all of its points each time."""


def corners(grid: Grid) -> dict[str, Grid]:
    """Pieces of a grid: its corners, its middle, and where it crosses 180 degrees."""
    last_row, last_column = grid.ny - SIDE, grid.nx - SIDE
    starts = {
        "south-west": (0, 0),
        "south-east": (0, last_column),
        "north-west": (last_row, 0),
        "north-east": (last_row, last_column),
        "middle": (last_row // 2, last_column // 2),
    }
    lons = grid.latlons()[1]
    for row in range(0, grid.ny, 100):
        (crossing,) = np.flatnonzero(np.abs(np.diff(lons[row])) > 180)[:1].tolist() or [None]
        if crossing is not None:
            starts["180 degrees"] = min(row, last_row), min(max(crossing - SIDE // 2, 0), last_column)
            break
    return {where: grid.crop(Window(row, SIDE, column, SIDE)) for where, (row, column) in starts.items()}


GRIDS: dict[str, Grid] = {
    f"{name}, {where}": piece
    for name, grid in REAL.items()
    if isinstance(grid, PlaneGrid)
    for where, piece in corners(grid).items()
} | {
    "a quarter of a degree": REAL["GFS 0.25"],
    "half a degree": LatLonGrid(90.0, -0.5, 361, 0.0, 0.5, 720),
    "half a degree, northward from 180": LatLonGrid(-90.0, 0.5, 361, -180.0, 0.5, 720),
    "fiji": MADE["fiji"],
    "arctic": MADE["arctic"],
    "true at the pole": MADE["true at the pole"],
    "antarctica": replace(MADE["antarctica"], dy=230_000.0, lat0=-56.0),
}


class Four(NamedTuple):
    """What ecCodes says of the points around a place: degrees [4], values [name, 4]."""

    lats: NDArray[np.float64]
    lons: NDArray[np.float64]
    values: NDArray[np.float64]


def four_around(handles: list[int], lat: float, lon: float) -> Four:
    found = [eccodes.codes_grib_find_nearest(handle, lat, lon, npoints=4) for handle in handles]
    assert len({tuple(point.index for point in four) for four in found}) == 1
    values = np.array([[point.value for point in four] for four in found])
    return Four(*(np.array([point[name] for point in found[0]]) for name in ("lat", "lon")), values)


def on_plane(grid: Grid, lats: NDArray[np.float64], lons: NDArray[np.float64], lon: float) -> NDArray[np.float64]:
    """Steps of the grid [place, x and y], from anywhere."""
    if isinstance(grid, PlaneGrid):
        x, y = proj_of(grid)(lons, lats)
        return np.stack([np.asarray(x) / grid.dx, np.asarray(y) / grid.dy], axis=-1)
    assert isinstance(grid, LatLonGrid)
    return np.stack([((lons - lon + 180.0) % 360.0 - 180.0) / grid.dlon, lats / grid.dlat], axis=-1)


def bilinear(corners: NDArray[np.float64], place: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Weights [4] of the corners [4, x and y] of a box of one step around a place; None where they are no such box."""
    away = corners - corners.mean(axis=0)
    if np.abs(np.abs(away) - 0.5).max() > 1e-3 or np.abs(place - corners.mean(axis=0)).max() > 0.5 + 1e-3:
        return None
    terms = np.stack([np.ones(4), away[:, 0], away[:, 1], away[:, 0] * away[:, 1]], axis=-1)
    x, y = place - corners.mean(axis=0)
    return np.linalg.solve(terms.T, np.array([1.0, x, y, x * y]))


def directions(lats: NDArray[np.float64], lons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit arrows in space [place, east and north, xyz]."""
    lats, lons = np.radians(lats), np.radians(lons)
    none = np.zeros_like(lats)
    east = np.stack([-np.sin(lons), np.cos(lons), none], axis=-1)
    north = np.stack([-np.sin(lats) * np.cos(lons), -np.sin(lats) * np.sin(lons), np.cos(lats)], axis=-1)
    return np.stack([east, north], axis=-2)


def expected(grid: Grid, four: Four, weights: NDArray[np.float64], lat: float, lon: float) -> NDArray[np.float64]:
    """Temperature, and the wind's components at the place, from the four points."""
    east, north = four.values[1], four.values[2]
    if isinstance(grid, PlaneGrid):
        # Along the grid: its columns point to the east of north by the convergence.
        angles = np.radians(proj_of(grid).get_factors((four.lons + 180) % 360 - 180, four.lats).meridian_convergence)
        east, north = (
            east * np.cos(angles) + north * np.sin(angles),
            north * np.cos(angles) - east * np.sin(angles),
        )
    arrows = np.einsum("kc,kcx->kx", np.stack([east, north], axis=-1), directions(four.lats, four.lons))
    wind = directions(np.array([lat]), np.array([lon]))[0] @ (weights @ arrows)
    return np.array([weights @ four.values[0], *wind])


@pytest.fixture(params=GRIDS)
def known(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Grid, Store, list[int]]]:
    """A store made of messages of random values, and the messages as ecCodes has them."""
    grid = GRIDS[request.param]
    random = np.random.default_rng(len(request.param))
    file = tmp_path / "run.grib2"
    with Encoder(replace(GFS, along_grid=isinstance(grid, PlaneGrid)), grid, RUN) as encoder:
        fields = [random.uniform(240, 310, grid.shape), *random.uniform(-25, 25, (2, *grid.shape))]
        messages = [
            encoder.message(identity, (180, 180), field, 2) for identity, field in zip(IDENTITIES, fields, strict=True)
        ]
    file.write_bytes(b"".join(messages))
    with stored(file, tmp_path) as (store, handles):
        yield grid, store, handles


@contextmanager
def stored(file: Path, folder: Path) -> Iterator[tuple[Store, list[int]]]:
    """The store of a file, and its messages of NAMES as ecCodes has them."""
    wanted = tuple(row for row in WANTED if row.name in NAMES)
    staged = stage_files([file], wanted)
    (folder / "scratch").mkdir()
    written = write_store(
        RunFacts("gfs", staged.init_time, Freshness(90, 120, 720), "test", "test"),
        wanted,
        staged.messages,
        folder / "run.zarr.zip",
        box=None,
        scratch=folder / "scratch",
        provenance={},
        progress=lambda done, total: None,
    )
    by_name = {message.variable: message for message in staged.messages}
    data = [Path(by_name[name].blob).read_bytes()[by_name[name].offset :][: by_name[name].length] for name in NAMES]
    handles = [eccodes.codes_new_from_message(message) for message in data]
    yield Store.open(written.path), handles
    for handle in handles:
        eccodes.codes_release(handle)


def wind_limit(grid: Grid) -> float:
    """m/s, of winds of up to 35 m/s that have nothing to do with each other.

    A steady turn of the meridians is left out far from where they meet, which at 3 km is 0.02 m/s. Arrows in space lean
    apart where cells of hundreds of kilometres follow the Earth's curve.
    """
    if isinstance(grid, PlaneGrid):
        return 0.025 if grid.dx < 10_000 else 0.25
    return 0.001


def test_mixed_values_are_those_of_eccodes_neighbours(known: tuple[Grid, Store, list[int]]) -> None:
    hold_against_eccodes(*known, error=0.003)


@pytest.mark.parametrize(
    "name",
    [
        "gfs/gfs.20200804.t12z.pgrb2.0p25.f006.poland.grib2",
        "hrrr/rme/hrrr.20180722.t00z.wrfsfcf01.grib2",
    ],
)
def test_so_it_is_in_real_messages(shared_data: Path, tmp_path: Path, name: str) -> None:
    """Packed finer than a step of the store, half of which is lost."""
    with stored(shared_data / name, tmp_path) as (store, handles):
        hold_against_eccodes(store.schema.grid, store, handles, error=0.0055)


def hold_against_eccodes(grid: Grid, store: Store, handles: list[int], error: float) -> None:
    """error: of a stored value, in its unit."""
    random = np.random.default_rng(grid.nx)
    # ecCodes unpacks a globe for every place.
    count = 64 if isinstance(grid, LatLonGrid) else 160
    rows, columns = random.uniform(0, grid.ny - 1, count), random.uniform(0, grid.nx - 1, count)
    # Along the edges, at corners, between the last column and the first.
    some = count // 8
    rows[:some], rows[some : 2 * some], columns[2 * some : 3 * some] = 0.01, grid.ny - 1.01, 0.01
    columns[3 * some : 4 * some] = grid.nx - (0.6 if grid.wraps else 1.01)
    lats, lons = places(grid, rows, columns)
    order = [store.index[name] for name in NAMES]
    limits = error + np.array([0.0, *[wind_limit(grid)] * 2])
    compared = 0
    for lat, lon in zip(lats.tolist(), lons.tolist(), strict=True):
        four = four_around(handles, lat, (lon + 180.0) % 360.0 - 180.0)
        weights = bilinear(
            on_plane(grid, four.lats, four.lons, lon), on_plane(grid, np.array([lat]), np.array([lon]), lon)[0]
        )
        if weights is None:
            # The four nearest of a generic search are no box where the place is close to a point.
            continue
        told = store.mixed(grid.neighbours(lat, lon))[order, 0]
        away = np.abs(told - expected(grid, four, weights, lat, lon))
        assert (away < limits).all(), (lat, lon, away)
        compared += 1
    assert compared >= (count if isinstance(grid, LatLonGrid) else count // 2)
