"""What a place should be told of the made weather, reckoned apart from the code that is tested."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pyproj

from tests.serving.golden.cases import RUNS, Case
from tests.serving.golden.stores import GLOBE, STATES, Made
from tests.serving.golden.weather import Numbers


def init_time(case: Case, model: Made) -> datetime:
    """When the run of a model started that a case has."""
    age = next(age for made, age in RUNS[case.runs].ages if made is model)
    return case.now.replace(minute=0) - timedelta(hours=age)


def cells_around(model: Made, lat: float, lon: float) -> list[tuple[float, float, float]]:
    """(latitude, longitude, weight) of the four cells around a place."""
    if model.grid is GLOBE:
        row, column = (90 - lat) / 10, lon % 360 / 10
    else:
        plane = pyproj.Proj(proj="lcc", lat_1=38.5, lat_2=38.5, lat_0=38.5, lon_0=262.5, R=STATES.radius)
        x0, y0 = plane(STATES.lon0, STATES.lat0)
        x, y = plane(lon, lat)
        row, column = (y - y0) / STATES.dy, (x - x0) / STATES.dx
    found = []
    for y, down in ((math.floor(row), 1 - row % 1), (math.floor(row) + 1, row % 1)):
        for x, right in ((math.floor(column), 1 - column % 1), (math.floor(column) + 1, column % 1)):
            if down * right > 1e-9:
                found.append((*_place(model, y, x), down * right))
    return found


def _place(model: Made, row: int, column: int) -> tuple[float, float]:
    if model.grid is GLOBE:
        return 90.0 - 10 * row, (10.0 * column + 180) % 360 - 180
    plane = pyproj.Proj(proj="lcc", lat_1=38.5, lat_2=38.5, lat_0=38.5, lon_0=262.5, R=STATES.radius)
    x0, y0 = plane(STATES.lon0, STATES.lat0)
    lon, lat = plane(x0 + column * STATES.dx, y0 + row * STATES.dy, inverse=True)
    return lat, lon


def instants(case: Case, model: Made, name: str, place: tuple[float, float], times: Sequence[int]) -> Numbers:
    """Values of a variable at a place, straight lines between cells and between leads; NaN beyond the run."""
    leads = init_time(case, model).timestamp() + 3600.0 * np.array(model.leads)
    around = cells_around(model, *place)
    told = [
        sum(
            weight * float(model.values(name, np.float64(lat), np.float64(lon), lead, 0)) for lat, lon, weight in around
        )
        for lead in leads
    ]
    return np.interp(times, leads, told, left=np.nan, right=np.nan)


def rates(case: Case, model: Made, place: tuple[float, float], times: Sequence[int], length: float = 1.0) -> Numbers:
    """mm/h in the hours, or parts of them, that start at these times: amounts of intervals, evenly spread over them."""
    name = "precipitation_amount_surface"
    leads = init_time(case, model).timestamp() + 3600.0 * np.array(model.leads)
    lengths = [model.hours_before(lead) for lead in model.leads]
    around = cells_around(model, *place)
    fallen = [0.0]
    for lead, hours in zip(leads[1:], lengths[1:], strict=True):
        fallen.append(
            fallen[-1]
            + sum(
                weight * float(model.values(name, np.float64(lat), np.float64(lon), lead, hours))
                for lat, lon, weight in around
            )
        )
    starts = np.asarray(times, np.float64)
    low, high = (np.interp(at, leads, fallen, left=np.nan, right=np.nan) for at in (starts, starts + 3600 * length))
    return (high - low) / length
