"""Native steps told for slots: nothing invented, sums and means kept."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import series
from serving.sun import STEP, daylight

HOUR = 3600
NAN = math.nan


def row(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def hours(*values: float) -> np.ndarray:
    return np.array([round(value * HOUR) for value in values], dtype=np.int64)


def linear(values: np.ndarray, valid: np.ndarray, instant: int) -> float:
    left = series.place_in(valid, instant)
    inside = 0 <= left < len(valid) - 1
    part = (instant - valid[left]) / (valid[left + 1] - valid[left]) if inside else 0.0
    return series.linear(values, valid, left, instant, part)


def share(values: np.ndarray, valid: np.ndarray, spans: np.ndarray, start: int, end: int) -> float:
    return series.share(values, valid, spans, series.place_in(valid, start), start, end)


def test_linear_between_leads_and_nothing_beyond_them() -> None:
    values, valid = row(10, 16, 4), hours(0, 3, 6)
    told = [linear(values, valid, h * HOUR) for h in range(-1, 8)]
    np.testing.assert_allclose(told, [NAN, 10, 12, 14, 16, 12, 8, 4, NAN])


def test_linear_closes_a_gap_of_six_hours_and_no_wider_one() -> None:
    assert linear(row(10, NAN, 16), hours(0, 3, 6), 2 * HOUR) == pytest.approx(12)
    assert math.isnan(linear(row(10, NAN, 16), hours(0, 3, 9), 2 * HOUR))
    assert linear(row(10, 16), hours(0, 12), 6 * HOUR) == pytest.approx(13), "a store's own step is no gap"


def test_a_lead_next_to_a_missing_one_still_speaks_for_itself() -> None:
    values, valid = row(NAN, 10, NAN, NAN, NAN, 16), hours(0, 3, 6, 9, 12, 15)
    assert linear(values, valid, 3 * HOUR) == 10
    assert math.isnan(linear(values, valid, 4 * HOUR))
    assert math.isnan(linear(values, valid, 2 * HOUR))
    assert linear(values, valid, 15 * HOUR) == 16


def test_nearest_takes_the_later_one_of_equals() -> None:
    values, valid = row(1, 5, 3), hours(0, 2, 4)
    told = [series.nearest(values, valid, series.place_in(valid, t), t) for t in (0, 1800, HOUR, 2 * HOUR, 3 * HOUR)]
    assert told == [1, 1, 5, 5, 3]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 6), st.floats(0, 100, width=32)), min_size=1, max_size=12),
    st.integers(0, 3599),
)
def test_shares_add_up_to_the_amounts(steps: list[tuple[int, float]], shift: int) -> None:
    """Whatever the grid of slots, its sum over whole coverage is the sum of the intervals."""
    spans = np.array([0, *(step * HOUR for step, _ in steps)], dtype=np.int64)
    valid = np.cumsum(spans)
    values = np.array([NAN, *(amount for _, amount in steps)], dtype=np.float32)
    total = int(valid[-1])
    edges = sorted({0, *range(shift, total, HOUR), total})
    told = [share(values, valid, spans, a, b) for a, b in itertools.pairwise(edges)]
    assert math.fsum(told) == pytest.approx(float(values[1:].sum(dtype=np.float64)), rel=1e-9, abs=1e-9)


def test_share_tells_nothing_of_a_slot_that_is_not_covered() -> None:
    values, valid, spans = row(NAN, 6, NAN, 3), hours(0, 3, 6, 9), hours(0, 3, 3, 3)
    told = [share(values, valid, spans, h * HOUR, (h + 1) * HOUR) for h in range(-1, 10)]
    np.testing.assert_allclose(told, [NAN, 2, 2, 2, NAN, NAN, NAN, 1, 1, 1, NAN])
    assert math.isnan(share(values, valid, spans, 9000, 9000 + HOUR)), "half of it is missing"


def test_share_of_an_interval_that_bridges_a_missing_lead() -> None:
    values, valid, spans = row(NAN, NAN, 12), hours(0, 3, 6), hours(0, 0, 6)
    told = [share(values, valid, spans, h * HOUR, (h + 1) * HOUR) for h in range(6)]
    np.testing.assert_allclose(told, [2] * 6)


def test_hold_repeats_the_interval_and_takes_the_larger_of_two() -> None:
    values, valid, spans = row(NAN, 8, 12), hours(0, 3, 6), hours(0, 3, 3)

    def hold(start: int, end: int, statistic: int) -> float:
        return series.hold(values, valid, spans, series.place_in(valid, start), start, end, statistic)

    assert [hold(h * HOUR, (h + 1) * HOUR, series.MAXIMUM) for h in range(6)] == [8, 8, 8, 12, 12, 12]
    assert hold(9000, 12600, series.MAXIMUM) == 12
    assert hold(9000, 12600, series.MINIMUM) == 8
    assert hold(9000, 12600, series.MEAN) == 10
    assert math.isnan(hold(5 * HOUR, 7 * HOUR, series.MAXIMUM))


def solar(
    values: np.ndarray, valid: np.ndarray, spans: np.ndarray, slots: list[tuple[int, int]], sums: np.ndarray, first: int
) -> list[float]:
    """What a row tells of slots, each a start and an end."""
    starts, ends = (np.array(each) for each in zip(*slots, strict=True))
    left = np.array([series.place_in(valid, start) for start in starts])
    told = np.empty(len(slots))
    series.solar(values, valid, spans, left, starts, ends, np.arange(len(slots)), sums, first, told)
    return [float(value) for value in told]


@pytest.mark.parametrize("lat", [-70.0, -33.0, 0.0, 52.0, 80.0])
@pytest.mark.parametrize("step", [1, 3, 6])
def test_solar_keeps_every_intervals_mean(lat: float, step: int) -> None:
    start = 1_782_000_000 // HOUR * HOUR
    valid = start + hours(*range(0, 49, step))
    spans = np.diff(valid, prepend=valid[0])
    values = np.random.default_rng(7).uniform(0, 600, len(valid)).astype(np.float32)
    first = start - 86_400
    sums = daylight(first, 5 * 86_400 // STEP, lat, 10.0)
    for i in range(1, len(valid)):
        slots = [(a, a + HOUR) for a in range(int(valid[i - 1]), int(valid[i]), HOUR)]
        assert np.mean(solar(values, valid, spans, slots, sums, first)) == pytest.approx(values[i], rel=1e-6)
    slots = [(a, a + HOUR // 2) for a in range(start, int(valid[-1]), HOUR // 2)]
    together = solar(values, valid, spans, slots, sums, first)
    alone = [solar(values, valid, spans, [slot], sums, first)[0] for slot in slots]
    assert together == alone
    scattered = [2 * n % len(slots) for n in range(len(slots))]
    assert solar(values, valid, spans, [slots[n] for n in scattered], sums, first) == [alone[n] for n in scattered]


def test_solar_follows_the_sun_within_an_interval() -> None:
    """Six hours up to noon at the equator: every hour brings more than the one before, the first almost nothing."""
    start = 1_774_051_200 // 86_400 * 86_400 + 6 * HOUR
    first = start - 86_400
    sums = daylight(first, 3 * 86_400 // STEP, 0.0, 0.0)
    valid, spans, values = start + hours(0, 6), hours(0, 6), row(NAN, 400)
    slots = [(a, a + HOUR) for a in range(start, start + 6 * HOUR, HOUR)]
    told = solar(values, valid, spans, slots, sums, first)
    assert told == sorted(told)
    assert told[0] < 120
    assert told[-1] > 550
    (now,) = solar(values, valid, spans, [(start + 5 * HOUR, start + 5 * HOUR + 60)], sums, first)
    assert told[4] < now < told[5], "a minute is told as the moment it is"


def test_solar_at_a_winter_sunrise_stays_within_bounds() -> None:
    """An interval that is dark but for its last minutes must not put all its light into them."""
    lat, lon = 69.65, 18.96
    start = 1_768_521_600 // 86_400 * 86_400
    first = start - 86_400
    sums = daylight(first, 3 * 86_400 // STEP, lat, lon)
    valid, spans, values = start + hours(0, 6, 12), hours(0, 6, 6), row(NAN, 2.0, 8.0)
    minutes = [(a, a + 60) for a in range(start, start + 12 * HOUR, 60)]
    for told in solar(values, valid, spans, minutes, sums, first):
        assert 0 <= told < 60
