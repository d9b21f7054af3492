"""What follows from the merged quantities: from which of them, and of which slots."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from serving.blocks import untold_of
from serving.body import fallen_today
from serving.daily import day_hours, summarise
from serving.day_fields import DAILY, DAY_NIGHT
from serving.day_night import summarise_halves
from serving.deriving import derive
from serving.fields import COLUMN, COLUMNS, TOLD_ONLY
from serving.icons import fill_icons
from serving.options import ForecastOptions
from serving.quantities import FALLING, INDEX, NAMES
from serving.slots import Slots
from serving.span_icons import minutes_icon, span_icon
from serving.timeline import Timeline
from tests.serving.test_daily import DST_DAYS

NAN = np.nan
MINUTES = 61
RANGES = {
    "temperature": (240.0, 310.0),
    "dew_point": (240.0, 300.0),
    "humidity": (0.0, 1.0),
    "feels_like": (230.0, 320.0),
    "eastward_wind": (-25.0, 25.0),
    "northward_wind": (-25.0, 25.0),
    "solar": (0.0, 900.0),
    "visibility": (100.0, 20_000.0),
    "cape": (0.0, 4000.0),
    "cape_unstable": (0.0, 4000.0),
    "smoke": (0.0, 300.0),
    "cloud_cover": (0.0, 1.0),
    "amount": (-1.0, 3.0),
    "rate": (-1.0, 3.0),
    "probability": (0.0, 1.0),
    "amount_spread": (0.0, 2.0),
    "kind": (0.0, 5.0),
}


@pytest.fixture
def weather() -> Callable[[int, int], NDArray[np.float64]]:
    """weather(slots, seed): [column, slot] of which the quantities are told, with holes; amounts often nought."""

    def make(slots: int, seed: int) -> NDArray[np.float64]:
        chance = np.random.default_rng(seed)
        columns = np.full((len(COLUMNS), slots), NAN)
        for name in NAMES:
            row = chance.uniform(*RANGES.get(name, (1.0, 100.0)), slots)
            if name in ("amount", "rate"):
                row = np.maximum(row, 0.0)
            if name == "kind":
                row = np.floor(row)
            row[chance.random(slots) < 0.05] = NAN
            columns[INDEX[name]] = row
        return columns

    return make


@pytest.mark.parametrize("seed", range(8))
def test_of_what_is_told_only_nothing_else_is_made(
    weather: Callable[[int, int], NDArray[np.float64]], seed: int
) -> None:
    zone, first = DST_DAYS[seed % len(DST_DAYS)]
    hours = day_hours(zone, first)
    count = len(hours.starts)
    now = hours.starts[30] + 60 * np.arange(MINUTES)
    slots = Slots(np.concatenate((hours.starts, now)), np.concatenate((hours.ends, now + 60)), count + 1)
    timeline = Timeline(slots, hours, (0, 31), 30, 48, count, MINUTES)

    def made(columns: NDArray[np.float64], fire: bool) -> list[NDArray[np.float64]]:
        derive(columns, slots.starts, slots.ends, slots.full, fire)
        assert np.isnan(columns[COLUMN["fire_index"]]).all() == (not fire)
        told = []
        for pirate in (False, True):
            icons = columns[COLUMN["icon"]]
            fill_icons(columns, icons, slots.starts, timeline.sun, 0, count, 50.0, 10.0, pirate, True)
            fill_icons(columns, icons, slots.starts, timeline.sun, count, 1, 50.0, 10.0, pirate, False)
            days, halves = summarise(columns, hours, 50.0, 10.0, pirate), summarise_halves(columns, hours, pirate)
            told += [row for row, field in zip(days, DAILY, strict=True) if field.column not in TOLD_ONLY]
            told += [row for row, field in zip(halves, DAY_NIGHT, strict=True) if field.column not in TOLD_ONLY]
            parts = np.array([30, 36, 42, 48, 54])
            parts.setflags(write=False)
            told += [np.array([span_icon(columns, 30, 54, parts, False, pirate)])]
            told += [np.array([minutes_icon(columns, count, MINUTES, icons[count], pirate)])]
            told += [row.copy() for row, name in zip(columns, COLUMNS, strict=True) if name not in TOLD_ONLY]
        point = columns[:, count : count + 1].copy()
        fallen_today(columns, timeline, point)
        return [*told, np.delete(point, [COLUMN[name] for name in TOLD_ONLY], axis=0)]

    whole = weather(count + MINUTES, seed)
    less = whole.copy()
    less[[INDEX[name] for name in TOLD_ONLY - {"fire_index"}]] = NAN
    for one, other in zip(made(whole, True), made(less, False), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", range(4))
def test_what_falls_in_later_minutes_follows_from_what_is_sought_for_them(
    weather: Callable[[int, int], NDArray[np.float64]], seed: int
) -> None:
    starts = 60 * np.arange(MINUTES)
    whole = weather(MINUTES, seed)
    less = whole.copy()
    less[: len(NAMES), 1:][~np.array(FALLING)] = NAN
    derive(whole, starts, starts + 60, 1, True)
    derive(less, starts, starts + 60, 1, True)
    falling = [
        *(name for name, sought in zip(NAMES, FALLING, strict=True) if sought),
        *("intensity", "rain_intensity", "snow_intensity", "ice_intensity", "intensity_error", "time"),
    ]
    for name in falling:
        np.testing.assert_array_equal(whole[COLUMN[name]], less[COLUMN[name]], name)
    np.testing.assert_array_equal(whole[:, 0], less[:, 0], "now everything is told")
    for pirate in (False, True):
        assert minutes_icon(whole, 0, MINUTES, 3.0, pirate) == minutes_icon(less, 0, MINUTES, 3.0, pirate)


def test_a_quantity_is_sought_for_who_has_a_field_for_it() -> None:
    plain, second = ForecastOptions(), ForecastOptions(version=2)
    assert untold_of(plain) == {"feels_like", "surface_pressure", "fire_index"}
    assert untold_of(second) == {"surface_pressure"}
    assert untold_of(ForecastOptions(version=2, extra=frozenset({"stationPressure"}))) == set()
    assert untold_of(ForecastOptions(blocks=frozenset({"minutely"}))) == TOLD_ONLY
