"""Amounts and probabilities over several lengths of time, side by side in one file: each is its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from storage.variables import Statistic
from tasks.course import Course
from tasks.derive import derive
from tasks.index import read_index
from tasks.intervals import Interval
from tasks.wanted import Bucket, IndexKind, Level, Meaning, Probability, Wanted
from tests.tasks.lines import URL, target

RUN = datetime(2026, 9, 11, 12, tzinfo=UTC)
CORE = b"""1:0:d=2026091112:TSTM:surface:5-6 hour acc fcst:probability forecast
2:100:d=2026091112:TSTM:surface:0-6 hour acc fcst:probability forecast
3:200:d=2026091112:APCP:surface:5-6 hour acc fcst:prob >0.254:prob fcst 255/255
4:300:d=2026091112:APCP:surface:0-6 hour acc fcst:prob >0.254:prob fcst 255/255
5:400:d=2026091112:APCP:surface:5-6 hour acc fcst:
6:500:d=2026091112:APCP:surface:0-6 hour acc fcst:
7:600:d=2026091112:APCP:surface:0-6 hour acc fcst:prob >2.54:prob fcst 255/255
8:700:d=2026091112:APCP:surface:0-6 hour acc fcst:ens std dev
"""
AMOUNT = Wanted(
    "precipitation_amount_surface",
    (),
    Level(1),
    ("APCP", "surface"),
    statistic=Statistic.ACCUMULATION,
    bucket=Bucket.INTERVAL,
)


@pytest.mark.parametrize(
    ("name", "meaning", "over", "offset"),
    [
        ("TSTM", None, 1, 0),
        ("TSTM", None, 6, 100),
        ("APCP", Probability(above=0.254), 1, 200),
        ("APCP", Probability(above=0.254), 6, 300),
        ("APCP", None, 1, 400),
        ("APCP", None, 6, 500),
        ("APCP", None, 3, None),
    ],
)
def test_a_row_takes_the_line_over_its_own_hours(
    name: str, meaning: Meaning | None, over: int, offset: int | None
) -> None:
    row = replace(AMOUNT, idx=(name, "surface"), over=over, meaning=meaning)
    found = read_index(IndexKind.IDX, CORE, target(RUN, 6, (row,)), URL)
    expected = [] if offset is None else [(offset, (360 - 60 * over, 360))]
    assert [(entry.offset, entry.interval) for entry in found] == expected


@pytest.mark.parametrize("statistic", [Statistic.ACCUMULATION, Statistic.MEAN])
def test_none_is_taken_off_another(statistic: Statistic) -> None:
    """Six hours that end hour after hour share their starts and their parts, and mean none of them."""
    row = replace(AMOUNT, over=6, statistic=statistic)
    ends = (6, 7, 12, 13)
    course = Course(
        row, tuple(60 * end for end in ends), tuple(Interval(60 * (e - 6), 60 * e) for e in ends), (0.1,) * 4
    )
    values = np.array([3.0, 4.0, 6.0, 5.0], np.float32).reshape(4, 1, 1)
    derived, anomalies = derive(course, values.copy())
    assert derived.ravel().tolist() == values.ravel().tolist()
    assert course.intervals == (360,) * 4
    assert not anomalies.negative.any()
