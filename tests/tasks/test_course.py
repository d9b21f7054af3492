"""What is known of a variable before any value is read."""

from __future__ import annotations

import math

from storage.variables import Statistic
from tasks.course import Course
from tasks.fields import FieldFacts
from tasks.intervals import Interval
from tasks.wanted import Bucket, Level, Wanted

RAIN = Wanted("precipitation_amount_surface", (), Level(1), statistic=Statistic.ACCUMULATION, bucket=Bucket.INTERVAL)
SUN = Wanted("downward_shortwave_flux_surface", (), Level(1), statistic=Statistic.MEAN, bucket=Bucket.INTERVAL)
WARM = Wanted("air_temperature_2m", (), Level(103, 2))


def course(wanted: Wanted, *fields: tuple[int, int, float, float]) -> Course:
    """fields: start and end in hours, lowest and highest value."""
    return Course(
        wanted,
        tuple(60 * end for _, end, _, _ in fields),
        tuple(Interval(60 * start, 60 * end) for start, end, _, _ in fields),
        tuple(FieldFacts(low, high, 0.0) for _, _, low, high in fields),
    )


def test_bounds_stay_within_the_valid_range() -> None:
    assert course(WARM, (0, 0, 100.0, 100.0), (1, 1, 400.0, 400.0)).bounds() == (150, 350)
    assert course(SUN, (0, 5, 0.0, 0.0), (0, 6, 1000.0, 1000.0)).bounds()[1] == 1600


def test_a_variable_that_is_missing_everywhere_has_no_bounds() -> None:
    assert all(math.isnan(bound) for bound in course(WARM, (0, 0, math.nan, math.nan)).bounds())


def test_a_total_bounds_the_amount_that_ends_with_it() -> None:
    low, high = course(RAIN, (0, 6, 2.0, 300.0), (0, 12, 5.0, 310.0)).bounds()
    assert low == 0
    assert 308 <= high < 308.001
