"""Fosberg's index against its own scale and against the formula written in its own units."""

from __future__ import annotations

import math

import numpy as np
import pytest

from serving.fire import fire_index, fuel_moisture

MPH = 0.44704


def kelvin(fahrenheit: float) -> float:
    return (fahrenheit - 32) / 1.8 + 273.15


def by_hand(fahrenheit: float, percent: float, mph: float) -> float:
    if percent < 10:
        m = 0.03229 + 0.281073 * percent - 0.000578 * percent * fahrenheit
    elif percent <= 50:
        m = 2.22749 + 0.160107 * percent - 0.01478 * fahrenheit
    else:
        m = 21.0606 + 0.005565 * percent**2 - 0.00035 * percent * fahrenheit - 0.483199 * percent
    x = m / 30
    eta = np.polyval([-0.5, 1.5, -2, 1], x)
    return float(np.clip(eta * np.hypot(1, mph) / 0.3002, 0, 100))


@pytest.mark.parametrize("fahrenheit", [-40, 0, 32, 70, 110])
@pytest.mark.parametrize("percent", [0, 5, 9.9, 10.1, 30, 50, 51, 80, 100])
@pytest.mark.parametrize("mph", [0, 5, 20, 60])
def test_the_formula_in_its_own_units(fahrenheit: float, percent: float, mph: float) -> None:
    ours = fire_index(kelvin(fahrenheit), percent / 100, mph * MPH)
    assert ours == pytest.approx(by_hand(fahrenheit, percent, mph), abs=1e-6)


def test_a_hundred_is_thirty_miles_an_hour_over_bone_dry_fuel() -> None:
    assert fuel_moisture(kelvin(70), 0.0) == pytest.approx(0.03229)
    assert fire_index(kelvin(70), 0.0, 30 * MPH) == pytest.approx(100, abs=0.3)
    assert fire_index(kelvin(110), 0.02, 60 * MPH) == 100.0


def test_wet_air_in_the_frost_burns_nothing() -> None:
    assert fuel_moisture(kelvin(-70), 1.0) > 30
    assert fire_index(kelvin(-70), 1.0, 20.0) == 0.0


@pytest.mark.parametrize("lacks", range(3))
def test_without_any_of_the_three_there_is_no_index(lacks: int) -> None:
    given = [290.0, 0.3, 5.0]
    given[lacks] = math.nan
    assert math.isnan(fire_index(*given))
