"""What is known of a variable before any value is read."""

from __future__ import annotations

import pytest

from storage.variables import Statistic
from tasks.course import FLOAT32, Course
from tasks.intervals import Interval
from tasks.wanted import Bucket, Level, Wanted

RAIN = Wanted("precipitation_amount_surface", (), Level(1), statistic=Statistic.ACCUMULATION, bucket=Bucket.INTERVAL)
SUN = Wanted("downward_shortwave_flux_surface", (), Level(1), statistic=Statistic.ACCUMULATION, rate=True)
WARM = Wanted("air_temperature_2m", (), Level(103, 2))


def course(wanted: Wanted, *messages: tuple[int, int, float], leads: tuple[int, ...] = ()) -> Course:
    """messages: start and end in hours, step of the packing."""
    return Course(
        wanted,
        tuple(60 * lead for lead in leads or [end for _, end, _ in messages]),
        tuple(Interval(60 * start, 60 * end) for start, end, _ in messages),
        tuple(step for _, _, step in messages),
    )


def test_packing_is_off_by_its_step_and_by_what_float32_does_to_the_largest_value() -> None:
    assert course(WARM, (1, 1, 0.1)).packing(0) == pytest.approx(0.1 + FLOAT32 * 350)
    joules = course(SUN, (0, 10, 64.0)).packing(0)
    assert joules == pytest.approx(64 + FLOAT32 * 1600 * 36_000)


def test_the_error_of_a_total_is_in_what_follows_it() -> None:
    plan = course(RAIN, (0, 1, 0.5), (0, 2, 0.125), (0, 3, 0.125))
    float32 = FLOAT32 * 2000
    assert plan.errors == pytest.approx((0.5 + float32, 0.625 + 2 * float32, 0.625 + 2 * float32), rel=1e-3)


def test_the_plan_says_which_rows_messages_fill() -> None:
    plan = course(WARM, (0, 0, 0.1), (3, 3, 0.1)).plan
    assert plan.complete
    assert plan.empty == []
    gap = course(RAIN, (0, 3, 0.1), leads=(0, 3, 6)).plan
    assert not gap.complete
    assert gap.empty == [0, 2]
    assert gap.lines["row"].tolist() == [1]
    nothing = course(RAIN, (0, 0, 0.1), (0, 3, 0.1)).plan
    assert nothing.lines["there"].tolist() == [False, True]
    assert nothing.empty == [0]
