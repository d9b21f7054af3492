"""The step of a variable whose messages bound it badly."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from storage.grids import LatLonGrid
from storage.variables import Statistic
from tasks.fields import FieldFacts
from tasks.parts import Group, Part, parts_of
from tasks.steps import derived_ranges, plan_steps
from tasks.wanted import Bucket, Level, StagedMessage, Wanted

RAIN = Wanted("precipitation_amount_surface", (), Level(1), statistic=Statistic.ACCUMULATION, bucket=Bucket.INTERVAL)
VIEW = Wanted("visibility_surface", (), Level(1))
NY, NX = 23, 4


class Planes:
    """Fields [message, y, x] in memory; knows which of them were asked for again."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.grid = LatLonGrid(0.0, 1.0, NY, 0.0, 1.0, NX)
        self.facts = tuple(FieldFacts(float(np.nanmin(field)), float(np.nanmax(field)), 0.0) for field in values)
        self.asked: set[int] = set()
        self._values = values.astype(np.float32)

    def band(self, rows: range) -> SimpleNamespace:
        def values(messages: range) -> NDArray[np.float32]:
            self.asked |= set(messages)
            return self._values[messages.start : messages.stop, rows.start : rows.stop]

        return SimpleNamespace(values=values)

    def close(self) -> None:
        pass


def run(**variables: Sequence[tuple[Wanted, int, NDArray[np.float64]]]) -> tuple[list[Part], Planes]:
    """Each variable's (wanted, lead in hours, field [y, x]); amounts are totals of the run."""
    groups = []
    for rows in variables.values():
        wanted = rows[0][0]
        messages = tuple(
            StagedMessage(
                variable=wanted.name,
                lead=60 * lead,
                interval=(0 if wanted is RAIN else 60 * lead, 60 * lead),
                blob="",
                offset=0,
                length=0,
                field=0,
                url="",
                mirror="",
            )
            for _, lead, _ in rows
        )
        groups.append(Group(wanted, messages))
    fields = Planes(np.array([field for rows in variables.values() for _, _, field in rows]))
    return parts_of(groups, fields.facts), fields


def totals(amount: NDArray[np.float64], leads: int) -> list[tuple[Wanted, int, NDArray[np.float64]]]:
    return [(RAIN, lead, lead * amount) for lead in range(1, leads + 1)]


def views(highest: float) -> list[tuple[Wanted, int, NDArray[np.float64]]]:
    field = np.full((NY, NX), 50.0)
    field[-1, -1] = highest
    return [(VIEW, 1, field)]


def test_large_totals_of_small_amounts_keep_the_step_of_the_catalogue() -> None:
    amount = np.linspace(0, 30, NY * NX).reshape(NY, NX)
    parts, fields = run(rain=totals(amount, 30))
    assert parts[0].course.bounds()[1] >= 900
    [rain] = plan_steps(parts, fields)
    assert (rain.scale_factor, rain.widened) == (0.001, False)
    assert rain.intervals == (60,) * 30
    low, high = derived_ranges(parts, fields)["precipitation_amount_surface"]
    assert (low, high) == (0, pytest.approx(30))


def test_amounts_that_are_large_widen_the_step_as_far_as_they_need() -> None:
    amount = np.linspace(0, 100, NY * NX).reshape(NY, NX)
    [rain] = plan_steps(*run(rain=totals(amount, 9)))
    assert (rain.scale_factor, rain.widened) == (0.002, True)


def test_only_what_would_be_widened_is_read_again() -> None:
    parts, fields = run(view=views(24_000.0), rain=totals(np.linspace(0, 30, NY * NX).reshape(NY, NX), 30))
    assert [stored.widened for stored in plan_steps(parts, fields)] == [False, False]
    assert fields.asked == set(range(1, 31))
    parts, fields = run(view=views(24_000.0), rain=totals(np.ones((NY, NX)), 30))
    plan_steps(parts, fields)
    assert not fields.asked


def test_what_nature_does_not_allow_widens_nothing() -> None:
    parts, fields = run(view=views(1e6))
    assert parts[0].course.bounds() == (50, 100_000)
    [view] = plan_steps(parts, fields)
    assert (view.scale_factor, view.add_offset, view.widened) == (2, 50_024, False)


def test_a_variable_of_which_nothing_is_left_has_no_range() -> None:
    parts, fields = run(view=[(VIEW, 1, np.full((NY, NX), -9.0))])
    assert np.isnan(derived_ranges(parts, fields)["visibility_surface"]).all()
