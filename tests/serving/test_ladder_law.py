"""Whatever runs lack, every number comes from the first rung that has it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.merge import NOBODY, Mix
from serving.quantities import INDEX
from serving.slots import Slots
from serving.sources import read_sources
from tests.serving.rungs import INIT, LONDON, NAN, OPTIONS, Damaged

HOURS = 60
HOLES = st.sets(st.integers(0, HOURS), max_size=HOURS)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ifs", "gfs", "zeta"]),
            st.integers(0, 4),
            st.integers(1, HOURS),
            st.lists(st.tuples(st.integers(0, HOURS), st.integers(7, 30)), max_size=2),
            st.booleans(),
            st.booleans(),
        ),
        min_size=1,
        max_size=6,
        unique_by=lambda run: run[:2],
    )
)
def test_every_number_comes_from_the_first_rung_that_has_it(series_store: Any, runs: list[Any]) -> None:
    """Runs of three models, six hours apart, hourly, with holes wider than a line may close, some damaged."""
    stores = []
    has: list[dict[str, set[int]]] = []
    for number, (model, age, last, gaps, has_pressure, damaged) in enumerate(runs):
        holes = {hour for start, length in gaps for hour in range(start, start + length)}
        values = np.array([NAN if hour in holes else number for hour in range(last + 1)])
        series = {"air_temperature_2m": values} | ({"air_pressure_mean_sea_level": values} if has_pressure else {})
        store = series_store(model, INIT - timedelta(hours=6 * age), range(last + 1), series)
        stores.append(Damaged(store) if damaged else store)
        hours = {hour - 6 * age for hour in range(last + 1) if hour not in holes and not damaged}
        has.append({"temperature": hours, "pressure": hours if has_pressure else set()})
    order = sorted(range(len(runs)), key=lambda i: (["ifs", "gfs", "zeta"].index(runs[i][0]), runs[i][1]))
    start = int(INIT.timestamp())
    starts = start + 3600 * np.arange(-24, HOURS + 1, dtype=np.int64)
    mix = Mix(Slots(starts, starts + 3600), LONDON.lat, LONDON.lon)
    sources = read_sources(LONDON, stores, OPTIONS, INIT, mix)
    merged = mix.done()
    read = {run.number: stores.index(run.store) for source in sources.models for run in source.runs}
    for name in ("temperature", "pressure"):
        for slot, hour in enumerate(range(-24, HOURS + 1)):
            first = next((number for number in order if hour in has[number][name]), None)
            told = int(merged.who[INDEX[name], slot])
            # A hole of up to five leads is closed by a line: then a run has more hours than leads.
            if told == NOBODY or read[told] != first:
                assert lines_may_close(runs, read.get(told), name, hour, has), (name, hour, first, read.get(told))
                continue
            if (goes_on := int(merged.blended[INDEX[name], slot])) == NOBODY:
                assert merged[name][slot] == pytest.approx(first)
                continue
            other = read[goes_on]
            assert runs[other][0] != runs[first][0], "a blend is of two models"
            assert min(first, other) < merged[name][slot] < max(first, other)


def lines_may_close(runs: list[Any], told: int | None, name: str, hour: int, has: list[dict[str, set[int]]]) -> bool:
    """Whether a run told an hour it has no lead for, between two leads at most six hours apart; or nobody has it."""
    if told is None:
        return not any(hour in each[name] for each in has)
    before = max((h for h in has[told][name] if h < hour), default=-999)
    after = min((h for h in has[told][name] if h > hour), default=999)
    return after - before <= 6
