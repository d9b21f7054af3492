"""Every check of the gate: quiet on weather, and loud where something is planted in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from storage.grids import Grid, LambertGrid, LatLonGrid
from storage.variables import CATALOGUE, variable
from tasks.checks import CHECKS, Case
from tasks.errors import GateFailed
from tasks.gate import Gate, Verdict, in_hours, part_of_earth
from tasks.limits import LIMITS, limits_of
from tasks.normal import Normal
from tasks.relations import ORDERS, SUMS, Order, Sum, between
from tasks.statistics import Measured

GLOBE = LatLonGrid(90.0, -2.0, 91, 0.0, 2.0, 180)
LEADS = np.arange(0, 96 * 60 + 1, 60)
WARM, CLOUD, RAIN, RATE = (
    "air_temperature_2m",
    "cloud_cover_atmosphere",
    "precipitation_amount_surface",
    "precipitation_rate_surface",
)
Fields = NDArray[np.float64]
Plant = Callable[[Fields], None]


def weather(mean: float = 285.0, spread: float = 20.0, speed: float = 0.03, cells: int = 2_000) -> Fields:
    """[lead, cell]: waves that move, so that a field differs from another the more the further apart they are."""
    places = np.arange(cells) / 37.0
    hours = LEADS[:, None] / 60.0
    return mean + spread * (np.sin(places + speed * hours) + 0.3 * np.sin(7 * places - 2.3 * speed * hours))


def measured(fields: Fields, name: str = WARM, outside: Fields | None = None, intervals: int = 0) -> Measured:
    """As the tally has it, by NumPy, of fields [lead, cell]."""
    none = np.full(len(fields), np.nan)
    across = none.copy()
    across[1:-1] = np.nanmean(np.abs(fields[2:] - fields[:-2]), axis=1)
    return Measured(
        variable=variable(name),
        cells=fields.shape[1],
        leads=LEADS[: len(fields)],
        intervals=np.full(len(fields), intervals),
        missing=np.isnan(fields).mean(axis=1),
        outside=np.zeros(len(fields)) if outside is None else outside,
        low=np.nanmin(fields, axis=1),
        mean=np.nanmean(fields, axis=1),
        high=np.nanmax(fields, axis=1),
        change=np.append(np.nan, np.nanmean(np.abs(np.diff(fields, axis=0)), axis=1)),
        across=across,
    )


def judge(*fields: Measured, grid: Grid = GLOBE, **more: Any) -> Verdict:
    return Gate(**more).judge("gfs 2026-04-20T00:00Z", grid, fields)


def hours(verdict: Verdict, name: str = WARM) -> list[int]:
    return sorted(lead // 60 for lead in verdict.withheld.get(name, ()))


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


NORMAL = Normal(missing=0.0, means=(58.0, 63.0), spread=100.0, whole_day=True)


def test_units_that_changed_for_the_whole_run_show_beside_the_last_one() -> None:
    fields = np.clip(weather(60, 60), 0, 100)
    of_rain = measured(np.clip(weather(0.1, 0.3, 0.2), 0, 9), RAIN, intervals=60)
    assert judge(measured(fields, CLOUD), of_rain, normals={CLOUD: NORMAL}).findings == ()
    verdict = judge(measured(fields / 100, CLOUD), of_rain, normals={CLOUD: NORMAL})
    assert verdict.whole == {CLOUD}
    assert "mean beside the last run's 0." in verdict.reasons()[CLOUD]
    assert verdict.compared == 1
    assert verdict.skipped() == "1 of 2 variables have no last run to be compared with"


def test_units_that_changed_show_over_a_small_area_too() -> None:
    small = LatLonGrid(50.0, -0.25, 40, 5.0, 0.25, 50)
    fields, of_rain = np.clip(weather(60, 60), 0, 100), measured(np.abs(weather(1, 1)), RAIN, intervals=60)
    verdict = judge(measured(fields / 100, CLOUD), of_rain, grid=small, normals={CLOUD: NORMAL})
    assert verdict.whole == {CLOUD}
    assert "spread beside the last run's 1 %" in " ".join(one.why for one in verdict.findings)


def test_a_last_run_of_a_few_hours_says_little() -> None:
    short = replace(NORMAL, whole_day=False)
    fields = measured(np.clip(weather(60, 60), 0, 100) / 100, CLOUD)
    assert judge(fields, normals={CLOUD: short}).findings == ()


def test_what_was_always_missing_may_be_missing() -> None:
    land = weather()
    land[:, ::3] = np.nan
    sea = replace(NORMAL, means=(250.0, 300.0), spread=50.0, missing=0.34)
    assert judge(measured(land), normals={WARM: sea}).findings == ()
    assert judge(measured(land)).findings == ()
    more = weather()
    more[:, ::2] = np.nan
    spoiled = judge(measured(more), measured(weather(60, 20), CLOUD), normals={WARM: sea})
    assert spoiled.whole == {WARM}


def test_the_rate_of_rain_must_give_its_amount() -> None:
    rate = np.clip(weather(1.0, 1.0, 0.1), 0, 9) / 3600
    amount = np.vstack([rate[:1] * np.nan, (rate[1:] + rate[:-1]) / 2 * 3600])[1:]
    whole = replace(measured(amount, RAIN, intervals=60), leads=LEADS[1:])
    others = [measured(weather(280 + n, 20), name) for n, name in enumerate(("temperature_surface", WARM))]
    assert judge(whole, measured(rate, RATE), *others).findings == ()
    verdict = judge(whole, measured(rate * 3, RATE), *others)
    assert verdict.whole == {RAIN, RATE}
    assert f"{RATE} add up to 2" in verdict.reasons()[RAIN]


def test_parts_of_an_amount_add_up_to_it() -> None:
    parts = [np.clip(weather(mean, 0.5, 0.1), 0, 9) for mean in (0.2, 0.4)]
    names = RAIN, "snow_depth_surface", "snow_water_equivalent_surface"
    row = Sum(RAIN, names[1:], exact=True)

    def of(name: str, fields: Fields) -> Case:
        amount = replace(variable(name), statistic=variable(RAIN).statistic)
        return Case(replace(measured(fields, name, intervals=60), variable=amount), 1.0)

    both = [of(name, fields) for name, fields in zip(names[1:], parts, strict=True)]
    assert list(between([of(RAIN, parts[0] + parts[1]), *both], (), (row,))) == []
    found = list(between([of(RAIN, parts[0]), *both], (), (row,)))
    assert [name for name, _, _ in found] == list(names)
    assert "snow_depth_surface and snow_water_equivalent_surface add up to" in found[0][2]


def test_dew_points_above_the_temperature_contradict_it() -> None:
    fields = weather()
    wet = fields - 3
    wet[30:33] += 8
    dew = measured(wet, "dew_point_temperature_2m")
    loose = tuple(check for check in CHECKS if "mean" not in check.name and "order" not in check.name)
    verdict = judge(measured(fields), dew, checks=loose)
    assert hours(verdict) == hours(verdict, dew.name) == [30, 31, 32]
    assert "dew_point_temperature_2m 5 K above that of air_temperature_2m at" in verdict.reasons()[WARM]


def test_a_maximum_is_no_less_than_what_it_is_the_maximum_of() -> None:
    gusts = np.abs(weather(8, 4))
    one, other = measured(gusts, "wind_gust_surface"), measured(gusts + 1, "wind_gust_10m")
    assert judge(one, other).findings == ()
    swapped = measured(gusts + 1, "wind_gust_surface"), measured(gusts, "wind_gust_10m")
    assert {one.variable for one in judge(*swapped, off=True).findings} == {"wind_gust_surface", "wind_gust_10m"}


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([WARM], "all variables would be withheld, and some must be left"),
        ([WARM, "dew_point_temperature_2m"], "2 of 4 required variables would be withheld, and 25% may be"),
    ],
)
def test_a_run_that_lacks_too_much_is_refused(names: list[str], told: str) -> None:
    four = [WARM, "dew_point_temperature_2m", "temperature_surface", "apparent_temperature_2m"]
    spoiled = [measured(weather(285 - 273 * (name in names)), name) for name in (four if len(names) > 1 else names)]
    with pytest.raises(GateFailed, match=f"gfs 2026-04-20T00:00Z: {told}") as refused:
        judge(*spoiled, required=frozenset(four))
    for part in (f"{WARM}, all leads: mean 1", "allowed 180 to 335", "--no-gate", "--mirror", "Nothing was published"):
        assert part in str(refused.value)


def test_a_run_of_which_half_the_fields_fail_is_refused_whatever_is_required() -> None:
    spoiled = [measured(weather(285 - 273), name) for name in (WARM, "dew_point_temperature_2m", "temperature_surface")]
    with pytest.raises(GateFailed, match="291 of 388 fields would be withheld, and 50% may be"):
        judge(*spoiled, measured(weather(60, 20), CLOUD))


def test_with_the_gate_off_everything_passes_and_is_told() -> None:
    verdict = judge(measured(weather(12)), off=True)
    assert verdict.findings
    assert verdict.reasons() == {}
    assert not verdict.leaves_out_more(None)


def test_what_fails_again_is_withheld_whole() -> None:
    """So an ingest ends: fields are judged one by one twice."""
    gate, run = Gate(), "gfs 2026-04-20T00:00Z"
    other = measured(weather(60, 20), CLOUD)
    verdict: Verdict | None = None
    for passes, spoiled in enumerate((20, 30, 40), 1):
        fields = weather()
        fields[spoiled] = 0
        verdict = gate.judge(run, GLOBE, (measured(fields), other), verdict)
        assert verdict.passes == passes
    assert verdict is not None
    assert verdict.whole == {WARM}


@pytest.mark.parametrize(
    ("grid", "part", "within"),
    [
        (LatLonGrid(90.0, -0.25, 721, 0.0, 0.25, 1440), 1.0, 0.03),
        (LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36), 1.0, 0.03),
        # The zone within 30 degrees of the equator is half of a sphere.
        (LatLonGrid(30.0, -1.0, 61, -180.0, 1.0, 360), 0.5, 0.02),
        # HRRR: 1798 x 1058 spaces of 3 km of 510 million km2.
        (LambertGrid(1059, 1799, 21.138, -122.72, 3000.0, 3000.0, -97.5, 38.5, 38.5, 6_371_229.0), 0.0336, 0.002),
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
