"""The places that hurt: where, when, and which runs are there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from serving.app import create_app
from serving.terrain import open_terrain
from storage.grids import Cell
from tests.serving.golden.stores import GEFS, GFS, HRRR, IFS, STATES, Made, ground, publish, stand_on

MODEL_GROUND, PLACE_GROUND = 400.0, 1400.0
"""Heights in the folder `high`, m."""
TERRAIN = "terrain.zarr.zip"


@dataclass(frozen=True)
class Runs:
    """A folder of stores. ages: model -> hours from the start of its run to `now`'s whole hour."""

    now: datetime
    ages: tuple[tuple[Made, int], ...] = ()
    high: bool = False


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


_WORLD = ((GFS, 30), (IFS, 30), (GEFS, 30))
_JUNE = _utc("2026-06-20T18:05")
RUNS = {
    "june": Runs(_JUNE, (*_WORLD, (HRRR, 6))),
    "high": Runs(_JUNE, _WORLD, high=True),
    "spring": Runs(_utc("2026-03-29T00:40"), _WORLD),
    "autumn": Runs(_utc("2026-10-25T00:30"), _WORLD),
    "half-hour": Runs(_utc("2026-10-03T14:50"), _WORLD),
    "states-alone": Runs(_JUNE, ((HRRR, 6),)),
    "nothing": Runs(_JUNE),
}


@dataclass(frozen=True)
class Case:
    """One place. `location`: as a client writes it; `runs`: the folder that is asked."""

    name: str
    location: str
    runs: str

    @property
    def now(self) -> datetime:
        return RUNS[self.runs].now


def _beside_states(cells: float) -> str:
    """A place so many cells west of the middle of HRRR's western edge."""
    (lat, lon), (lat_in, lon_in) = STATES.latlon(Cell(7, 0)), STATES.latlon(Cell(7, 1))
    return f"{lat - cells * (lat_in - lat):.4f},{lon - cells * (lon_in - lon):.4f}"


CASES = (
    Case("kathmandu", "27.7172,85.324", "high"),
    Case("apia", "-13.8333,-171.7667", "june"),
    Case("reykjavik-in-june", "64.1466,-21.9426", "june"),
    Case("north-pole", "90,0", "june"),
    Case("south-pole", "-90,0", "june"),
    Case("180-degrees", "-16.8,180", "june"),
    Case("spring-night", "50,10", "spring"),
    Case("autumn-night", "50,10", "autumn"),
    Case("lord-howe", "-31.55,159.08", "half-hour"),
    Case("edge-of-hrrr", _beside_states(0.45), "june"),
    Case("beyond-hrrr", _beside_states(0.55), "june"),
    Case("one-model", "39.74,-104.99", "states-alone"),
    Case("no-model-here", "51.5,-0.12", "states-alone"),
    Case("no-model-at-all", "51.5,-0.12", "nothing"),
)
CASE = {case.name: case for case in CASES}

QUERIES = {
    "v1": "",
    "v2": "version=2&units=si&include=day_night_forecast&extraVars=stationPressure",
}
"""Version -> what is asked: what clients ask who ask for nothing, and all there is."""

Get = Callable[[Case, str], httpx.Response]


def publish_runs(folder: Path, name: str) -> None:
    """Make a folder of stores."""
    folder.mkdir(parents=True)
    hour = RUNS[name].now.replace(minute=0)
    for model, age in RUNS[name].ages:
        publish(folder, model, hour - timedelta(hours=age))
        if RUNS[name].high:
            stand_on(folder, model.name, MODEL_GROUND)
    if RUNS[name].high:
        ground(folder.with_name(TERRAIN), PLACE_GROUND)


def asker(root: Path) -> Get:
    """get(case, query): one answer, from stores below `root` that are made when they are first asked."""

    def get(case: Case, query: str) -> httpx.Response:
        folder = root / case.runs
        if not folder.exists():
            publish_runs(folder, case.runs)
        high = RUNS[case.runs].high

        async def talk() -> httpx.Response:
            app = create_app(folder, lambda: case.now, pause=0, terrain=open_terrain(root / TERRAIN) if high else None)
            transport = httpx.ASGITransport(app)
            async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport) as client:
                return await client.get(f"http://api/forecast/key/{case.location}?{query}")

        return asyncio.run(talk())

    return get
