"""Heights of sun and moon as PyEphem reckons them (VSOP87 and a lunar theory of its own): an independent truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import ephem
import numpy as np
from numpy.typing import NDArray

from serving.days import local_days

_EPOCH = ephem.Date("1970/1/1 00:00:00")


def midnights(zone: str, first: date, count: int = 1) -> NDArray[np.int64]:
    """[day + 1], Unix seconds: the starts of local days."""
    return np.array(local_days(zone, first, count).starts, dtype=np.int64)


def year() -> NDArray[np.int64]:
    """The days of 2026, universal time."""
    return midnights("Etc/GMT", date(2026, 1, 1), 365)


def moment(instant: float) -> ephem.Date:
    """Unix seconds as PyEphem counts."""
    return ephem.Date(_EPOCH + instant / 86_400)


def seconds(date: ephem.Date) -> float:
    """PyEphem's date as Unix seconds."""
    return (float(date) - float(_EPOCH)) * 86_400


def observer(lat: float, lon: float) -> ephem.Observer:
    """Someone at sea level, without air."""
    there = ephem.Observer()
    there.lat, there.lon, there.elevation, there.pressure = math.radians(lat), math.radians(lon), 0, 0
    return there


def sun_height(there: ephem.Observer, instant: float) -> float:
    """Height of the sun's centre, degrees."""
    there.date = moment(instant)
    return math.degrees(ephem.Sun(there).alt)


def moon_height(there: ephem.Observer, instant: float) -> float:
    """Height of the moon's upper limb over that of its rise, 34' below the horizon, degrees."""
    there.date = moment(instant)
    moon = ephem.Moon(there)
    return math.degrees(moon.alt + moon.radius) + 34 / 60


def crossings(heights: Sequence[float], level: float = 0.0) -> tuple[list[int], list[int]]:
    """(rising, setting): before which of the samples the height passes the level upwards, and downwards."""
    above = [height > level for height in heights]
    steps = range(1, len(above))
    return [i for i in steps if above[i] > above[i - 1]], [i for i in steps if above[i] < above[i - 1]]
