"""Pointwise physics against MetPy, published examples and the codes' own tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import derived
from serving.fields import WEATHER


@pytest.mark.parametrize("celsius", [-40.0, -10.0, 0.0, 15.0, 40.0])
@pytest.mark.parametrize("spread", [0.0, 2.0, 10.0, 25.0])
def test_humidity_and_dew_point_agree_with_metpy(celsius: float, spread: float) -> None:
    import metpy.calc as mpcalc
    from metpy.units import units

    truth = mpcalc.relative_humidity_from_dewpoint(
        celsius * units.degC, (celsius - spread) * units.degC, phase="liquid"
    )
    ours = derived.relative_humidity(celsius + 273.15, celsius - spread + 273.15)
    assert ours == pytest.approx(float(truth), abs=0.005)
    assert derived.dew_point(celsius + 273.15, ours) == pytest.approx(celsius - spread + 273.15, abs=1e-6)


def test_dew_point_of_dry_air_is_missing() -> None:
    assert math.isnan(derived.dew_point(290.0, 0.0))
    assert math.isnan(derived.dew_point(290.0, math.nan))


@pytest.mark.parametrize(
    ("celsius", "humidity", "wind", "solar", "shown"),
    [
        # Points of a Dark Sky successor's recorded answer for Ottawa (units=si), with and without sun.
        (1.75, 0.64, 3.7, 0.0, -3.55),
        (1.32, 0.60, 4.61, 0.0, -4.75),
    ],
)
def test_apparent_temperature_matches_recorded_answers(
    celsius: float, humidity: float, wind: float, solar: float, shown: float
) -> None:
    ours = derived.apparent_temperature(celsius + 273.15, humidity, wind, solar) - 273.15
    assert ours == pytest.approx(shown, abs=0.03)


@settings(deadline=None)
@given(st.floats(230, 320), st.floats(0, 1), st.floats(0, 40))
def test_apparent_temperature_in_the_shade_is_the_bureaus_formula(kelvin: float, humidity: float, wind: float) -> None:
    vapour = humidity * 6.105 * math.exp(17.27 * (kelvin - 273.15) / (237.7 + kelvin - 273.15))
    truth = (kelvin - 273.15) + 0.33 * vapour - 0.70 * wind - 4.0
    assert derived.apparent_temperature(kelvin, humidity, wind, math.nan) - 273.15 == pytest.approx(truth, abs=1e-9)


@pytest.mark.parametrize(
    ("celsius", "wind", "density", "water", "depth"),
    [(0, 0, 118.381, 10, 84.473), (-5, 5, 119.3624, 5, 41.88923), (2, 10, 285.6412, 15, 52.51342)],
)
def test_snow_density_and_depth(celsius: float, wind: float, density: float, water: float, depth: float) -> None:
    ours = derived.snow_density(celsius + 273.15, wind)
    assert ours == pytest.approx(density, rel=1e-5)
    assert water * 1000 / ours == pytest.approx(depth, rel=1e-5)


@settings(deadline=None)
@given(st.floats(200, 320), st.floats(0, 60))
def test_new_snow_is_never_lighter_than_fifty_nor_heavier_than_half_water(kelvin: float, wind: float) -> None:
    assert 50.0 <= derived.snow_density(kelvin, wind) <= 500.0


@pytest.mark.parametrize(
    ("u", "v", "degrees"),
    [(0, -5, 0), (-5, 0, 90), (0, 5, 180), (5, 0, 270), (-3, -3, 45), (0.001, -5, 0)],
)
def test_bearing_is_where_the_wind_comes_from(u: float, v: float, degrees: float) -> None:
    import metpy.calc as mpcalc
    from metpy.units import units

    assert derived.bearing(u, v) == pytest.approx(degrees, abs=0.5)
    truth = mpcalc.wind_direction(u * units("m/s"), v * units("m/s"))
    assert (derived.bearing(u, v) - float(truth.magnitude) + 180) % 360 - 180 == pytest.approx(0, abs=0.5)


def test_a_calm_has_no_bearing() -> None:
    assert math.isnan(derived.bearing(0.0, 0.0))
    assert math.isnan(derived.bearing(math.nan, 1.0))


def test_bearings_never_round_to_360() -> None:
    for angle in np.linspace(0, 2 * np.pi, 5000):
        assert round(derived.bearing(-math.sin(angle), -math.cos(angle))) < 360


def kind_of(code: float = math.nan, flags: tuple[float, ...] = ()) -> float:
    values = np.array([[code], *([flag] for flag in flags)], dtype=np.float32)
    rows = np.array([0, *(range(1, 5) if flags else [-1] * 4)], dtype=np.int64)
    return float(derived.kind_of_flags(values, rows, 0))


def test_type_codes_of_table_4_201() -> None:
    words = {code: derived.KIND_WORDS[min(int(kind_of(code)), derived.MIXED)] for code in range(13)}
    assert {code for code, word in words.items() if word == "rain"} == {1, 2, 11}
    assert {code for code, word in words.items() if word == "mixed"} == {7}
    assert {code for code, word in words.items() if word == "snow"} == {5, 6, 9}
    assert {code for code, word in words.items() if word == "sleet"} == {4, 8, 10}
    assert {code for code, word in words.items() if word == "ice"} == {3, 12}
    assert words[0] == "none"
    assert math.isnan(kind_of(191))
    assert math.isnan(kind_of(255))


def test_flags_of_ice_pellets_are_sleet_and_of_freezing_rain_ice() -> None:
    assert derived.KIND_WORDS[int(kind_of(flags=(0, 1, 0, 0)))] == "sleet"
    assert derived.KIND_WORDS[int(kind_of(flags=(0, 0, 1, 0)))] == "ice"
    assert kind_of(flags=(0, 0, 0, 0)) == 0
    assert math.isnan(kind_of(flags=(math.nan,) * 4))


@pytest.mark.parametrize(
    ("told", "celsius", "word"),
    [
        (0, 1.0, "rain"),
        (0, 0.0, "sleet"),
        (0, -1.0, "snow"),
        (math.nan, 5.0, "rain"),
        (derived.RAIN, -1.5, "ice"),
        (derived.RAIN, 0.0, "rain"),
        (derived.SNOW, 4.0, "snow"),
    ],
)
def test_kind_where_the_model_is_silent(told: float, celsius: float, word: str) -> None:
    assert derived.KIND_WORDS[int(derived.kind_at(told, celsius + 273.15))] == word


def precipitation(amount: float, rate: float, kind: float, celsius: float, seconds: int = 3600) -> tuple[list, float]:
    kinds = np.array([kind], dtype=np.float64)
    out = np.empty((8, 1))
    derived.derive_precipitation(
        np.array([0]),
        np.array([seconds]),
        np.array([amount]),
        np.array([rate]),
        kinds,
        np.array([celsius + 273.15]),
        np.array([0.0]),
        out,
    )
    return list(out[:, 0]), float(kinds[0])


def test_snow_intensity_is_tenfold_and_its_amount_a_depth() -> None:
    (intensity, rain, snow, ice, liquid, depth, frozen, total), kind = precipitation(2.0, 9.0, derived.SNOW, 0.0)
    assert (intensity, rain, snow, ice, liquid, frozen) == (2.0, 0.0, 20.0, 0.0, 0.0, 0.0)
    assert depth == total == pytest.approx(2.0 * 8.4473, rel=1e-4)
    assert kind == derived.SNOW


def test_intensity_is_the_amount_per_hour_and_the_rate_only_without_one() -> None:
    assert precipitation(1.0, 9.0, derived.RAIN, 9.0, seconds=1800)[0][0] == 2.0
    values, _ = precipitation(math.nan, 9.0, derived.RAIN, 9.0)
    assert values[:2] == [9.0, 9.0]
    assert math.isnan(values[7])


@pytest.mark.parametrize(
    ("flags", "celsius", "rain", "snow", "ice"),
    [
        ((1, 0, 0, 1), 0.5, 1.0, 1.0, 0.0),
        ((0, 1, 1, 0), -0.5, 0.0, 0.0, 2.0),
        ((1, 1, 1, 1), 0.0, 0.5, 0.5, 1.0),
        # Rain that freezes where it lands.
        ((1, 0, 0, 1), -2.0, 0.0, 1.0, 1.0),
    ],
)
def test_where_several_kinds_fall_the_hour_is_mixed_and_the_water_shared(
    flags: tuple[float, ...], celsius: float, rain: float, snow: float, ice: float
) -> None:
    values, kind = precipitation(2.0, math.nan, kind_of(flags=flags), celsius)
    assert derived.KIND_WORDS[int(kind)] == "mixed"
    assert values[1:4] == pytest.approx([rain, 10 * snow, ice])
    assert (values[4], values[6]) == pytest.approx((rain, ice))
    assert values[5] == pytest.approx(snow * 1000 / derived.snow_density(celsius + 273.15, 0.0))
    assert values[7] == pytest.approx(sum(values[4:7]))


def test_rain_beside_freezing_rain_in_the_frost_is_freezing_rain_alone() -> None:
    values, kind = precipitation(2.0, math.nan, kind_of(flags=(0, 0, 1, 1)), -3.0)
    assert derived.KIND_WORDS[int(kind)] == "ice"
    assert (values[4], values[6]) == (0.0, 2.0)


def test_rain_and_snow_of_the_code_table_are_both_told() -> None:
    values, kind = precipitation(3.0, math.nan, kind_of(7), 1.0)
    assert derived.KIND_WORDS[int(kind)] == "mixed"
    assert values[1:4] == [1.5, 15.0, 0.0]


@pytest.mark.parametrize("celsius", [-89.2, 56.7])
def test_extremes_of_heat_and_cold_are_told_as_they_are(celsius: float) -> None:
    """Vostok 1983 and Death Valley 1913, beyond the range some services clip to, with a hurricane's wind."""
    kelvin = celsius + 273.15
    shade = derived.apparent_temperature(kelvin, 0.1, 60.0, math.nan)
    assert shade < kelvin - 35
    assert derived.apparent_temperature(kelvin, 1.0, 0.0, math.nan) >= kelvin - 4.0


def test_dry_hours_have_no_type_and_missing_ones_nothing() -> None:
    values, kind = precipitation(0.0, 0.0, derived.RAIN, 9.0)
    assert values == [0.0] * 8
    assert math.isnan(kind)
    values, kind = precipitation(math.nan, math.nan, derived.RAIN, 9.0)
    assert all(math.isnan(value) for value in values)
    assert math.isnan(kind)


def test_visibility_ends_at_ten_miles_and_missing_stays_missing() -> None:
    visibility = np.array([24_100.0, 900.0, math.nan])
    cape, unstable = np.array([math.nan, 5.0, math.nan]), np.array([7.0, 9.0, math.nan])
    one = np.ones(3)
    derived.derive_weather(
        280 * one, 0.5 * one, one, one, 0 * one, visibility, cape, unstable, 3, True, np.empty((len(WEATHER), 3))
    )
    np.testing.assert_array_equal(visibility, [16_093.44, 900.0, math.nan])
    np.testing.assert_array_equal(cape, [7.0, 5.0, math.nan])
