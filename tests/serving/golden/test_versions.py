"""Version 1 is version 2 in another unit, without its newer fields: exact factors, written here by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serving.golden.cases import CASES

pytestmark = pytest.mark.xdist_group("golden")
FORECASTS = [case.name for case in CASES if not case.name.startswith("no-model")]
MILE, INCH = 1609.344, 25.4

# What version 1 knows of each block, as Dark Sky had it; times and icons aside.
ALWAYS = {"precipIntensity", "precipProbability", "precipIntensityError", "precipType"}
WEATHER = ALWAYS | {
    *("nearestStormDistance", "nearestStormBearing", "temperature", "apparentTemperature", "dewPoint", "humidity"),
    *("pressure", "windSpeed", "windGust", "windBearing", "cloudCover", "uvIndex", "visibility", "ozone"),
}
DAY = (WEATHER - {"temperature", "apparentTemperature", "precipIntensityError"}) | {
    *("precipIntensityMax", "precipIntensityMaxTime", "precipAccumulation", "sunriseTime", "sunsetTime", "moonPhase"),
    *("windGustTime", "uvIndexTime"),
    *(
        f"{kind}{extreme}{time}"
        for kind in ("temperature", "apparentTemperature")
        for extreme in ("High", "Low", "Min", "Max")
        for time in ("", "Time")
    ),
}
FIELDS = {"currently": WEATHER, "minutely": ALWAYS, "hourly": WEATHER | {"precipAccumulation"}, "daily": DAY}


def to_us(field: str, value: float) -> float:
    if "emperature" in field or field == "dewPoint":
        return value * 9 / 5 + 32
    if field in ("windSpeed", "windGust"):
        return value * 3600 / MILE
    if field in ("visibility", "nearestStormDistance"):
        return value * 1000 / MILE
    if field.startswith("precipIntensity"):
        return value / INCH
    if field == "precipAccumulation":
        return value * 10 / INCH
    return value


def points(answer: dict[str, Any], block: str) -> list[dict[str, Any]]:
    return [answer[block]] if block == "currently" else answer[block]["data"]


@pytest.mark.parametrize("name", FORECASTS)
def test_version_1_is_version_2_in_other_units(get: Any, told: Any, name: str) -> None:
    older, newer = get(name).json(), told(name)
    assert older["flags"]["units"] == "us"
    assert list(older) == [key for key in newer if key != "day_night"]
    for block, known in FIELDS.items():
        for old, new in zip(points(older, block), points(newer, block), strict=True):
            assert set(old) == set(new) & (known | {"time", "icon"}), block
            for field, value in old.items():
                if field.endswith(("Time", "time")):
                    assert value == new[field]
                elif field in ("icon", "precipType"):
                    assert value == {"ice": "sleet", "mixed": "sleet"}.get(new[field], new[field])
                else:
                    # Both are rounded: a unit of the last decimal in the one is this much in the other.
                    step = 1e-4 if "recip" in field and "Probability" not in field else 0.01
                    slack = 0.51 * step * (1 + abs(to_us(field, 1.0) - to_us(field, 0.0)))
                    assert value == pytest.approx(to_us(field, new[field]), abs=slack), field
