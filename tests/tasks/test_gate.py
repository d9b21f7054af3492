"""Every check of the gate: quiet on weather, and loud where something is planted in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.grids import Grid, LambertGrid, LatLonGrid, MercatorGrid, PolarStereographicGrid
from storage.variables import CATALOGUE, variable
from tasks.checks import CHECKS, Case
from tasks.gate import part_of_earth
from tasks.limits import LIMITS, limits_of
from tasks.relations import ORDERS, SUMS, Order, between
from tasks.verdict import in_hours
from tests.tasks.weather import CLOUD, LEADS, RAIN, RATE, WARM, Fields, Plant, hours, judge, measured, weather


@settings(deadline=None, max_examples=50)
@given(
    name=st.sampled_from(["air_temperature_2m", "dew_point_temperature_2m", "temperature_surface"]),
    mean=st.floats(255, 300),
    spread=st.floats(0.5, 25),
    speed=st.floats(0.001, 0.2),
)
def test_weather_passes(name: str, mean: float, spread: float, speed: float) -> None:
    verdict = judge(measured(weather(mean, spread, speed), name))
    assert verdict.findings == ()
    assert (verdict.withheld, verdict.fields) == ({}, len(LEADS))


def of_zeros(fields: Fields) -> None:
    fields[20] = 0.0


def shifted(fields: Fields) -> None:
    fields[20] -= 100.0


def in_celsius(fields: Fields) -> None:
    fields[20] -= 273.15


def with_holes(fields: Fields) -> None:
    fields[20, ::2] = np.nan


def out_of_place(fields: Fields) -> None:
    fields[20] = fields[50]


PLANTED: dict[str, tuple[Plant, str]] = {
    "zeros": (of_zeros, "mean 0 K at 20 h, allowed 180 to 335"),
    "shifted": (shifted, "mean beside that of the day around 185"),
    "Celsius": (in_celsius, "mean 12.27 K at 20 h"),
    "holes": (with_holes, "missing 50 % at 20 h, allowed 0 to 5"),
    "from elsewhere": (out_of_place, "out of order, straightness of the way through it 0.0"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_one_spoiled_field_is_withheld_and_no_other(fault: str) -> None:
    plant, told = PLANTED[fault]
    fields = weather()
    plant(fields)
    verdict = judge(measured(fields))
    assert hours(verdict) == [20]
    assert told in " ".join(finding.why for finding in verdict.findings)
    assert verdict.reasons()[WARM].startswith("lead 20 h: ")


@settings(deadline=None, max_examples=40)
@given(one=st.integers(1, 85), apart=st.integers(1, 10))
def test_leads_that_changed_places_are_both_withheld(one: int, apart: int) -> None:
    fields = weather()
    fields[[one, one + apart]] = fields[[one + apart, one]]
    found = hours(judge(measured(fields)))
    assert {one, one + apart} <= set(found)
    # Whose neighbours they now are may look as odd.
    assert len(found) <= 4


@settings(deadline=None, max_examples=40)
@given(lead=st.integers(1, len(LEADS) - 1))
def test_a_repeated_field_is_withheld_with_the_one_it_repeats(lead: int) -> None:
    fields = weather()
    fields[lead] = fields[lead - 1]
    assert {lead - 1, lead} <= set(hours(judge(measured(fields))))


def test_fields_that_may_rest_do() -> None:
    snow = np.repeat(np.abs(weather(0, 0.3))[:1], len(LEADS), axis=0)
    assert judge(measured(snow, "snow_depth_surface")).findings == ()
    dry = np.zeros_like(snow)
    small = LatLonGrid(50.0, -0.25, 10, 5.0, 0.25, 10)
    assert judge(measured(dry, RATE), grid=small).findings == ()


def test_a_part_beyond_what_nature_allows_is_the_share_of_the_cells() -> None:
    outside = np.zeros(len(LEADS))
    outside[[7, 9]] = 0.009, 0.011
    verdict = judge(measured(weather(), outside=outside))
    assert hours(verdict) == [9]
    assert verdict.findings[0].why == "outside the valid range 1.1 % at 9 h, allowed 0 to 1"


def test_parts_of_one_for_per_cent_at_one_lead_over_the_globe() -> None:
    fields = np.clip(weather(60, 60), 0, 100)
    fields[20] /= 100
    assert hours(judge(measured(fields, CLOUD)), CLOUD) == [20]


def test_no_rain_anywhere_on_earth_is_no_weather() -> None:
    fields = np.clip(weather(0.1, 0.3, 0.2), 0, 9)
    fields[20] = 0.0
    verdict = judge(measured(fields, RAIN, intervals=60))
    assert hours(verdict, RAIN) == [20]
    assert "the same number everywhere, spread 0 kg m-2 at 20 h" in " ".join(one.why for one in verdict.findings)


def test_of_two_sides_of_a_difference_the_shorter_one_is_withheld() -> None:
    """Each field is smooth and of the right mean; only from 85 h on everything lies elsewhere."""
    fields = weather(285, 40, 0.005)
    fields[85:] = 2 * 285 - fields[85:]
    tight = tuple(
        replace(check, allowed=lambda case: (0.0, 20.0)) if check.name == "change since the lead before" else check
        for check in CHECKS
    )
    assert hours(judge(measured(fields), checks=tight)) == list(range(85, 97))


def test_one_odd_field_parts_no_run() -> None:
    fields = weather()
    fields[20] = 2 * 285 - fields[20]
    check = next(check for check in CHECKS if check.name == "change since the lead before")
    tight = (replace(check, allowed=lambda case: (0.0, 10.0)),)
    assert hours(judge(measured(fields), checks=tight)) == [20]


def test_many_spoiled_fields_take_the_whole_variable_with_them() -> None:
    fields = weather()
    fields[1::3] -= 100
    other = measured(weather(60, 20), CLOUD)
    verdict = judge(measured(fields), other)
    assert verdict.whole == {WARM}
    assert hours(verdict) == (LEADS // 60).tolist()
    assert verdict.reasons()[WARM].startswith("all leads: ")
    assert CLOUD not in verdict.withheld


@pytest.mark.parametrize(
    ("grid", "part", "within"),
    [
        (LatLonGrid(90.0, -0.25, 721, 0.0, 0.25, 1440), 1.0, 0.03),
        (LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36), 1.0, 0.03),
        # The zone within 30 degrees of the equator is half of a sphere.
        (LatLonGrid(30.0, -1.0, 61, -180.0, 1.0, 360), 0.5, 0.02),
        # HRRR: 1798 x 1058 spaces of 3 km of 510 million km2.
        (LambertGrid(1059, 1799, 21.138, -122.72, 3000.0, 3000.0, -97.5, 38.5, 38.5, 6_371_229.0), 0.0336, 0.002),
        # Hawaii: its steps are 3 % longer at the equator's side.
        (MercatorGrid(561, 625, 14.3515, 195.0305, 2500.0, 2500.0, 202.5, 20.0, 6_371_200.0), 0.00428, 0.0001),
        (PolarStereographicGrid(919, 1299, 41.613, 185.117, 3000.0, 3000.0, 225.0, 60.0, 6_371_229.0), 0.0205, 0.002),
        (LatLonGrid(50.0, -1.0, 1, 5.0, 1.0, 9), 0.0, 0.0),
    ],
)
def test_how_much_of_the_earth_a_grid_covers(grid: Grid, part: float, within: float) -> None:
    assert part_of_earth(grid) == pytest.approx(part, abs=within + 1e-9)


def test_every_row_names_variables_of_the_catalogue() -> None:
    names = {*LIMITS, *(name for order in ORDERS for name in (order.lower, order.upper))}
    names |= {name for row in SUMS for name in (row.whole, *row.parts)}
    assert names <= set(CATALOGUE)
    for name, row in LIMITS.items():
        assert row.lowest < row.highest
        assert row.highest <= CATALOGUE[name].valid_max


def test_a_new_variable_needs_no_row() -> None:
    ozone = replace(variable("ozone_column_atmosphere"), name="methane_column_atmosphere")
    assert (limits_of(ozone).lowest, limits_of(ozone).highest) == (ozone.valid_min, ozone.valid_max)
    fields = replace(measured(weather(300, 30)), variable=ozone)
    assert judge(fields).findings == ()


def test_leads_in_words() -> None:
    assert in_hours([60]) == "1 h"
    assert in_hours([180, 60, 90]) == "1, 1.5, 3 h"
    assert in_hours(range(0, 600, 60)) == "0 to 9 h (10 of them)"


def test_an_order_of_leads_that_differ_says_what_both_have() -> None:
    one, other = measured(weather()), measured(weather()[:40] + 5, "dew_point_temperature_2m")
    found = list(between([Case(one, 1.0), Case(other, 1.0)], (Order(other.name, WARM, 1.0),), ()))
    assert [leads for _, leads, _ in found] == [tuple(LEADS[:40].tolist())] * 2
