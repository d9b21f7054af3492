"""What the gate makes of a whole run: beside the last one, between variables, and when too much is lacking."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from storage.grids import LatLonGrid
from storage.variables import variable
from tasks.checks import CHECKS, Case
from tasks.errors import GateFailed
from tasks.gate import Gate
from tasks.normal import Normal
from tasks.relations import Sum, between
from tasks.verdict import Verdict
from tests.tasks.weather import CLOUD, GLOBE, LEADS, RAIN, RATE, WARM, Fields, hours, judge, measured, weather

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
