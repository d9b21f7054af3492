"""Statistics over members against plain NumPy, with members that are missing here and there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from storage.catalogue.ensemble import PERCENTS
from storage.grids import LatLonGrid
from storage.variables import CATALOGUE
from tasks.ensemble import SET, Kind, Percentiles, Precipitation, percentiles_of
from tasks.members import addresses_of, network
from tasks.works import Joint, Values

GRID = LatLonGrid(0.0, 1.0, 2, 0.0, 1.0, 131)
SHAPE = (3, 2, 131)
INTERVALS = (180, 180, 360)
AMOUNT, FLAG, CODE = "precipitation_amount_surface", "categorical_snow_surface", "precipitation_type_surface"
EAST, NORTH = "eastward_wind_10m", "northward_wind_10m"
Members = list[NDArray[np.float32]]


@pytest.fixture(params=[2, 5, 31, 51])
def members(request: pytest.FixtureRequest) -> Callable[..., Members]:
    """members(made): of each member an array of SHAPE, a tenth of it missing; some cells all of it, some nothing."""
    count: int = request.param
    chance = np.random.default_rng(count)

    def members(made: Callable[[np.random.Generator], NDArray[np.float64]]) -> Members:
        found = [made(chance).astype(np.float32) for _ in range(count)]
        for number, one in enumerate(found):
            one[chance.random(SHAPE) < 0.1] = np.nan
            one[0, 0, :20] = np.nan
            one[0, 1, 1] = np.nan if number else 1.0
        return found

    return members


def rain(chance: np.random.Generator) -> NDArray[np.float64]:
    return np.maximum(chance.normal(0.0, 2.0, SHAPE), 0.0)


def made(joint: Joint, values: dict[str, Members]) -> dict[str, NDArray[np.float32]]:
    arrays = joint.make(Values(values, INTERVALS), range(2), GRID)
    return dict(zip(joint.makes, arrays, strict=True))


def close(found: NDArray[np.float32], expected: NDArray[np.floating]) -> None:
    np.testing.assert_allclose(found, expected, rtol=3e-7, atol=1e-5, equal_nan=True)


@pytest.mark.filterwarnings("ignore:All-NaN", "ignore:Degrees of freedom", "ignore:Mean of empty")
@pytest.mark.parametrize("at_least", [1, 4])
def test_amounts(members: Callable[..., Members], at_least: int) -> None:
    amounts = members(rain)
    joint = Precipitation(AMOUNT, (), at_least)
    found = made(joint, {AMOUNT: amounts})
    stack = np.array(amounts, np.float64)
    count = np.isfinite(stack).sum(axis=0)
    missing = count < at_least
    limit = 0.1 * np.array(INTERVALS)[:, None, None] / 60
    with np.errstate(invalid="ignore"):
        likely = 100.0 * (stack > limit).sum(axis=0) / count
    expected = {
        "precipitation_probability_surface": likely,
        "precipitation_amount_mean_surface": np.nanmean(stack, axis=0),
        "precipitation_amount_spread_surface": np.nanstd(stack, axis=0, ddof=1),
        **{
            f"precipitation_amount_p{percent}_surface": np.nanpercentile(stack, percent, axis=0) for percent in PERCENTS
        },
    }
    assert found.keys() == expected.keys() <= CATALOGUE.keys()
    for name, values in expected.items():
        close(found[name], np.where(missing, np.nan, values))
    assert np.isnan(found["precipitation_amount_mean_surface"][0, 0, :20]).all()


@pytest.mark.filterwarnings("ignore:All-NaN")
def test_percentiles_of_one_variable_and_of_speeds(members: Callable[..., Members]) -> None:
    east, north = (members(lambda chance: chance.normal(0.0, 8.0, SHAPE)) for _ in range(2))
    lengths = np.hypot(np.array(east, np.float64), np.array(north, np.float64))
    warm = Percentiles((EAST,), ("a", "b", "c"), 1)
    found = made(warm, {EAST: [one.copy() for one in east]})
    close(np.array(list(found.values())), np.nanpercentile(np.array(east, np.float64), PERCENTS, axis=0))
    wind = percentiles_of("wind_speed", "10m", (EAST, NORTH), 1)
    assert set(wind.makes) <= CATALOGUE.keys()
    found = made(wind, {EAST: east, NORTH: north})
    close(np.array(list(found.values())), np.nanpercentile(lengths, PERCENTS, axis=0))


def test_kinds_count_where_anything_falls(members: Callable[..., Members]) -> None:
    amounts = members(rain)
    flags = members(lambda chance: chance.choice([0.0, 0.05, 1 / 6, 1.0], SHAPE))
    codes = members(lambda chance: chance.choice([0.0, 1.0, 3.0, 5.0, 6.0, 192.0], SHAPE))
    joint = Precipitation(AMOUNT, (Kind("snow_probability_surface", FLAG), Kind("rain", CODE, (5, 6))), 3)
    assert joint.of == (AMOUNT, FLAG, CODE)
    found = made(joint, {AMOUNT: amounts, FLAG: flags, CODE: codes})
    fallen, flag, code = (np.array(some, np.float64) for some in (amounts, flags, codes))
    for name, other, yes in (
        ("snow_probability_surface", flag, flag > SET),
        ("rain", code, np.isin(code, (5, 6))),
    ):
        count = (np.isfinite(fallen) & np.isfinite(other)).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = 100.0 * (yes & (fallen > 0)).sum(axis=0) / count
        close(found[name], np.where(count < 3, np.nan, share))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 21, 31, 50, 51])
def test_the_network_sorts(count: int) -> None:
    chance = np.random.default_rng(count)
    for values in chance.random((50, count)):
        for low, high in network(count):
            values[[low, high]] = np.sort(values[[low, high]])
        assert (np.diff(values) >= 0).all()


def test_members_that_do_not_lie_alike_are_refused() -> None:
    one = np.zeros(SHAPE, np.float32)
    for other in (one.astype(np.float64), one[:, :, ::2], one[:1]):
        with pytest.raises(ValueError, match="a member is"):
            addresses_of([one, other])
