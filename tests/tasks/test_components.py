"""Winds by speed and direction, as components."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from storage.grids import LatLonGrid
from tasks.components import Components

WIND = Components("speed", "direction", ("east", "north"))
GRID = LatLonGrid(0.0, 1.0, 1, 0.0, 1.0, 6)


def made(speed: list[float], direction: list[float]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    values = {"speed": [np.array([[speed]], np.float32)], "direction": [np.array([[direction]], np.float32)]}
    return WIND.make(values, range(0, 1), GRID)


def test_a_wind_from_the_north_blows_south_and_one_from_the_west_blows_east() -> None:
    east, north = made([10, 10, 10, 10, 10, 0], [0, 90, 180, 270, 360, 123])
    assert east[0, 0] == pytest.approx([0, -10, 0, 10, 0, 0], abs=1e-5)
    assert north[0, 0] == pytest.approx([-10, 0, 10, 0, -10, 0], abs=1e-5)


def test_components_tell_speed_and_direction_again() -> None:
    directions = [3.0, 47.0, 99.0, 181.0, 226.0, 333.0]
    east, north = made([4.2] * 6, directions)
    assert np.hypot(east, north)[0, 0] == pytest.approx([4.2] * 6, rel=1e-6)
    back = [math.degrees(math.atan2(-e, -n)) % 360 for e, n in zip(east[0, 0], north[0, 0], strict=True)]
    assert back == pytest.approx(directions, abs=1e-3)


def test_either_missing_is_both_missing() -> None:
    east, north = made([math.nan, 5, 5, 5, 5, 5], [10, math.nan, 10, 10, 10, 10])
    for component in (east, north):
        assert np.isnan(component[0, 0]).tolist() == [True, True, False, False, False, False]
