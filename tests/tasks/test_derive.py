"""The law of de-accumulation, over every convention of buckets, and what nature does not allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from storage.variables import Statistic
from tasks.course import Course
from tasks.derive import derive
from tasks.intervals import Interval
from tasks.wanted import Bucket, Level, Wanted

RAIN = Wanted("precipitation_amount_surface", (), Level(1), statistic=Statistic.ACCUMULATION, bucket=Bucket.INTERVAL)
SUN = Wanted("downward_shortwave_flux_surface", (), Level(1), statistic=Statistic.MEAN, bucket=Bucket.INTERVAL)
SSRD = replace(SUN, statistic=Statistic.ACCUMULATION, bucket=Bucket.SINCE_START, rate=True)
TP = replace(RAIN, bucket=Bucket.SINCE_START, factor=1000.0)
GUST = Wanted("wind_gust_10m", (), Level(103, 10), statistic=Statistic.MAXIMUM)
WARM = Wanted("air_temperature_2m", (), Level(103, 2))
CLOUDS = Wanted("cloud_cover_atmosphere", (), Level(1), factor=100.0)


def hours(*pairs: tuple[int, int]) -> tuple[Interval, ...]:
    return tuple(Interval(60 * start, 60 * end) for start, end in pairs)


def course(
    wanted: Wanted, messages: Sequence[Interval], values: NDArray[np.float64], step: float = 0.0,
    leads: Sequence[int] | None = None,
) -> Course:  # fmt: skip
    ends = tuple(sorted({message.end for message in messages})) if leads is None else tuple(leads)
    return Course(wanted, ends, tuple(messages), (step,) * len(values))


def ncep_hourly(lead: int) -> tuple[int, int]:
    return (lead - 1) // 6 * 6, lead


CONVENTIONS: dict[str, Callable[[int], tuple[int, int]]] = {
    "buckets of six hours that reset": ncep_hourly,
    "totals of the run": lambda lead: (0, lead),
    "its own hour": lambda lead: (lead - 1, lead),
    "hourly buckets, each sixth a total": lambda lead: (0, lead) if lead % 6 == 0 else ncep_hourly(lead),
}


@settings(deadline=None)
@given(
    rain=st.lists(st.floats(0, 50), min_size=12, max_size=24),
    leads=st.sets(st.integers(1, 24), min_size=1),
    convention=st.sampled_from(sorted(CONVENTIONS)),
    wanted=st.sampled_from([RAIN, TP, SUN, SSRD]),
)
def test_every_convention_gives_the_amounts_of_its_own_intervals(
    rain: list[float], leads: set[int], convention: str, wanted: Wanted
) -> None:
    """Truth: hourly amounts; messages: what a producer makes of them; whatever leads are missing."""
    there = sorted(lead for lead in leads if lead <= len(rain)) or [1]
    pairs = [CONVENTIONS[convention](lead) for lead in there]
    totals = np.array([sum(rain[start:end]) for start, end in pairs])
    lengths = np.array([end - start for start, end in pairs])
    values = totals / lengths if wanted.statistic is Statistic.MEAN else totals
    fields = np.repeat(values.astype(np.float32)[:, None, None], 2, axis=2)
    plan = course(wanted, hours(*pairs), fields)
    derived, anomalies = derive(plan, fields.copy())
    assert anomalies.negative.sum() == 0
    # What float32 of the largest total can tell apart.
    fine = 2.0 * float(np.spacing(np.float32(totals.max()))) * wanted.factor
    for lead, minutes, amount in zip(plan.leads, plan.intervals, derived[:, 0, 0], strict=True):
        start, end = (lead - minutes) // 60, lead // 60
        truth = sum(rain[start:end])
        if wanted.statistic is Statistic.MEAN:
            truth /= end - start
        elif wanted.rate:
            truth /= minutes * 60
        truth *= wanted.factor
        if truth <= plan.variable.valid_max:
            near = 2e-3 * max(wanted.factor / 1000, 1e-2 if wanted.rate else 1)
            noise = fine / (minutes * 60) if wanted.rate else fine
            assert amount == pytest.approx(truth, rel=1e-4, abs=max(near, noise))


@settings(deadline=None)
@given(
    rain=st.lists(st.floats(0, 3), min_size=2, max_size=30),
    step=st.sampled_from([0.01, 0.125, 1.0]),
    wanted=st.sampled_from([RAIN, SUN]),
)
def test_packing_invents_no_rain_and_loses_none(rain: list[float], step: float, wanted: Wanted) -> None:
    pairs = [(0, lead) for lead in range(1, len(rain) + 1)]
    truth = np.cumsum(rain)
    lengths = np.arange(1, len(rain) + 1) if wanted.statistic is Statistic.MEAN else np.ones(len(rain))
    packed = np.rint(truth / lengths / step) * step
    fields = packed.astype(np.float32)[:, None, None]
    derived, anomalies = derive(course(wanted, hours(*pairs), fields, step), fields)
    assert anomalies.negative.sum() == 0
    assert (derived >= 0).all()
    total = derived.sum(dtype=np.float64)
    # The highest of the totals is what remains; it is no further from the truth than the packing of any message.
    assert total == pytest.approx((packed * lengths).max(), abs=1e-4)
    assert abs(total - truth[-1]) <= (step * lengths).max() + 1e-4


def test_a_dry_spell_in_packed_totals_is_dry() -> None:
    fields = np.array([5.0, 5.01, 5.0, 5.01, 5.3], np.float32)[:, None, None]
    derived, _ = derive(course(RAIN, hours(*((0, lead) for lead in range(1, 6))), fields, 0.01), fields)
    np.testing.assert_allclose(derived.ravel(), [5.0, 0.01, 0.0, 0.0, 0.29], atol=1e-5)


def test_a_total_that_falls_by_more_than_packing_is_missing_and_counted() -> None:
    fields = np.array([[5.0, 5.0], [4.9, 5.5], [6.0, 6.0]], np.float32)[:, None]
    derived, anomalies = derive(course(RAIN, hours((0, 1), (0, 2), (0, 3)), fields, 0.01), fields)
    np.testing.assert_allclose(derived[:, 0], [[5, 5], [np.nan, 0.5], [1.1, 0.5]], atol=1e-5)
    assert anomalies.negative.tolist() == [0, 1, 0]
    assert anomalies.outside.tolist() == [0, 0, 0]


def test_a_gap_in_one_field_is_a_gap_in_what_follows_from_it_and_in_nothing_else() -> None:
    fields = np.array([1.0, np.nan, 4.0, 5.0], np.float32)[:, None, None]
    derived, _ = derive(course(RAIN, hours((0, 1), (0, 2), (0, 3), (0, 4)), fields), fields)
    np.testing.assert_array_equal(derived.ravel(), [1, np.nan, np.nan, 1])


def test_leads_without_a_message_are_missing_and_have_no_interval() -> None:
    fields = np.array([2.0, 5.0], np.float32)[:, None, None]
    plan = course(RAIN, hours((0, 3), (0, 9)), fields, leads=(0, 180, 360, 540))
    derived, _ = derive(plan, fields.copy())
    np.testing.assert_array_equal(derived.ravel(), [np.nan, 2, np.nan, 3])
    assert plan.intervals == (0, 180, 0, 360)


def test_an_amount_over_no_time_is_no_amount() -> None:
    fields = np.array([0.0, 0.002], np.float32)[:, None, None]
    plan = course(TP, hours((0, 0), (0, 3)), fields)
    derived, _ = derive(plan, fields.copy())
    np.testing.assert_allclose(derived.ravel(), [np.nan, 2.0])
    assert plan.intervals == (0, 180)


def test_joules_since_the_start_become_watts_over_the_interval() -> None:
    fields = np.array([3.6e6, 3.6e6 + 5.4e6], np.float32)[:, None, None]
    derived, _ = derive(course(SSRD, hours((0, 3), (0, 6)), fields), fields)
    np.testing.assert_allclose(derived.ravel(), [3.6e6 / 10_800, 500.0])


def test_maxima_keep_the_interval_of_their_message_even_in_buckets() -> None:
    fields = np.array([10.0, 12.0, 12.0, 8.0], np.float32)[:, None, None]
    plan = course(GUST, hours((0, 3), (0, 6), (3, 9), (9, 12)), fields)
    derived, _ = derive(plan, fields.copy())
    np.testing.assert_array_equal(derived.ravel(), [10, 12, 12, 8])
    assert plan.intervals == (180, 360, 360, 180)


def test_instants_have_no_interval_and_take_their_factor() -> None:
    fields = np.array([0.25, 1.0], np.float32)[:, None, None]
    plan = course(CLOUDS, hours((0, 0), (3, 3)), fields)
    assert derive(plan, fields.copy())[0].ravel().tolist() == [25.0, 100.0]
    assert plan.intervals == (0, 0)


def test_what_nature_does_not_allow_is_missing_and_counted_unless_packing_did_it() -> None:
    fields = np.array([[100.0, 149.0], [250.0, 351.0]], np.float32)[:, None]
    derived, anomalies = derive(course(WARM, hours((0, 0), (1, 1)), fields, 0.1), fields)
    np.testing.assert_array_equal(derived[:, 0], [[np.nan, np.nan], [250, np.nan]])
    assert anomalies.outside.tolist() == [2, 1]
    fields = np.array([[-0.004, 1.00001]], np.float32)[:, None]
    derived, anomalies = derive(course(CLOUDS, hours((0, 0)), fields, 0.01), fields)
    assert derived.ravel().tolist() == [0.0, 100.0]
    assert anomalies.outside.sum() == 0
