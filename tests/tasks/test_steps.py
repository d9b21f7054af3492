"""The step of a variable: from the catalogue where that holds all, else from what is derived."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from storage.grids import LatLonGrid
from storage.variables import CATALOGUE, Statistic
from tasks.parts import Group, parts_of
from tasks.steps import derived_ranges, fits, plan_steps
from tasks.wanted import Bucket, Level, StagedMessage, Wanted
from tasks.works import Work, works_of

RAIN = Wanted("precipitation_amount_surface", (), Level(1), statistic=Statistic.ACCUMULATION, bucket=Bucket.INTERVAL)
PRESSURE = Wanted("air_pressure_surface", (), Level(1))
WARM = Wanted("air_temperature_2m", (), Level(103, 2))
NY, NX = 23, 4


class Planes:
    """Fields [message, y, x] in memory; knows which of them were asked for."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.grid = LatLonGrid(0.0, 1.0, NY, 0.0, 1.0, NX)
        self.steps = (0.0,) * len(values)
        self.asked: set[int] = set()
        self._values = values.astype(np.float32)

    def fill(self, numbers: NDArray[np.int64], rows: range, values: NDArray[np.float32], at: NDArray[np.int64]) -> None:
        self.asked |= set(numbers.tolist())
        values[at] = self._values[numbers, rows.start : rows.stop]

    def close(self) -> None:
        pass


def run(**variables: Sequence[tuple[Wanted, int, NDArray[np.float64]]]) -> tuple[list[Work], Planes]:
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
    leads = sorted({message.lead for group in groups for message in group.messages})
    return works_of(parts_of(groups, fields.steps, tuple(leads))), fields


def totals(amount: NDArray[np.float64], leads: int) -> list[tuple[Wanted, int, NDArray[np.float64]]]:
    return [(RAIN, lead, lead * amount) for lead in range(1, leads + 1)]


def instant(wanted: Wanted, lowest: float, highest: float) -> list[tuple[Wanted, int, NDArray[np.float64]]]:
    field = np.full((NY, NX), lowest)
    field[-1, -1] = highest
    return [(wanted, 1, field)]


def test_large_totals_of_small_amounts_keep_the_step_of_the_catalogue() -> None:
    amount = np.linspace(0, 30, NY * NX).reshape(NY, NX)
    works, fields = run(rain=totals(amount, 30))
    [rain] = plan_steps(works, fields)
    assert (rain.scale_factor, rain.widened) == (0.001, False)
    assert rain.intervals == (60,) * 30
    low, high = derived_ranges(works, fields)["precipitation_amount_surface"]
    assert (low, high) == (0, pytest.approx(30))


def test_amounts_that_are_large_widen_the_step_as_far_as_they_need() -> None:
    amount = np.linspace(0, 100, NY * NX).reshape(NY, NX)
    [rain] = plan_steps(*run(rain=totals(amount, 9)))
    assert (rain.scale_factor, rain.widened) == (0.002, True)


def test_only_variables_whose_valid_range_is_too_wide_are_looked_at() -> None:
    rain = totals(np.linspace(0, 30, NY * NX).reshape(NY, NX), 30)
    works, fields = run(warm=instant(WARM, 250, 300), rain=rain)
    warm, _ = plan_steps(works, fields)
    assert fields.asked == set(range(1, 31))
    assert (warm.scale_factor, warm.add_offset, warm.widened) == (0.01, 250, False)
    low, high = (warm.add_offset + sign * 32_767 * warm.scale_factor for sign in (-1, 1))
    assert low < WARM.variable.valid_min < WARM.variable.valid_max < high


def test_every_variable_of_the_catalogue_is_stored_in_its_own_step_or_looked_at() -> None:
    """Few are looked at: each is decoded twice."""
    wide = {variable.name for variable in CATALOGUE.values() if not fits(variable)}
    assert wide == {
        "air_pressure_surface",
        "smoke_mass_density_8m",
        "precipitation_rate_surface",
        "precipitation_amount_surface",
        "precipitation_amount_1h_surface",
        "precipitation_amount_6h_surface",
    }


def test_what_nature_does_not_allow_widens_nothing() -> None:
    works, fields = run(pressure=instant(PRESSURE, 50_000, 1e6))
    [pressure] = plan_steps(works, fields)
    assert (pressure.scale_factor, pressure.add_offset, pressure.widened) == (1, 50_000, False)


def test_a_variable_of_which_nothing_is_left_has_no_range() -> None:
    works, fields = run(pressure=instant(PRESSURE, -9.0, -9.0))
    assert np.isnan(derived_ranges(works, fields)["air_pressure_surface"]).all()
