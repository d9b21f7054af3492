"""What a model says of its runs and their arrival."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from flows.model import HEAD_START, Cycle, Model

RUN = datetime(2026, 4, 20, tzinfo=UTC)


def minutes(model: Model, lead: int, run: datetime = RUN) -> float:
    return (model.arrives(run, lead) - run) / timedelta(minutes=1)


def test_runs_may_start_at_quarters_of_an_hour() -> None:
    quarters = replace(GFS, cycles=(Cycle(tuple(range(24)), (0,), minutes=(0, 15, 30, 45)),))
    found = quarters.init_times(RUN + timedelta(minutes=20), 3)
    assert found == [RUN + timedelta(minutes=15), RUN, RUN - timedelta(minutes=15)]
    assert quarters.leads(found[0]) == (0,)
    with pytest.raises(ValueError, match="no run at 2026-04-20T00:10Z; runs start at 00Z, 00:15Z, 00:30Z"):
        quarters.leads(RUN + timedelta(minutes=10))


def test_it_follows_from_leads_and_cycles() -> None:
    hourly = replace(GFS, cycles=(Cycle(tuple(range(24)), tuple(range(1, 19))),))
    quarters = replace(GFS, cycles=(Cycle(tuple(range(24)), (0,), minutes=(0, 15, 30, 45)),))
    assert [GFS.history(RUN), hourly.history(RUN), quarters.history(RUN)] == [7 * 60, 2 * 60, 0]
    assert IFS.history(RUN) == 9 * 60
    daily = replace(GFS, cycles=(Cycle((0,), (0, 12, 24, 36)), Cycle((12,), (0, 12))))
    thinned = replace(hourly, apart=3)
    assert [thinned.history(RUN), replace(GFS, apart=3).history(RUN)] == [4 * 60, 7 * 60]
    assert [daily.history(RUN), daily.history(RUN.replace(hour=12))] == [24 * 60, 12 * 60]


def test_short_stores_of_hourly_runs_are_kept_some_hours_apart() -> None:
    hourly = replace(GFS, cycles=(Cycle(tuple(range(24)), tuple(range(1, 19))),), apart=3)

    def hour(number: int) -> datetime:
        return RUN + timedelta(hours=number)

    assert hourly.short(RUN, []) == 4 * 60
    assert [hourly.short(hour(number), [RUN]) for number in (1, 2, 3, 4)] == [None, None, 4 * 60, 4 * 60]
    # One run never came; a run that is published again stays what it was.
    assert [hourly.short(hour(number), [RUN, hour(4)]) for number in (4, 6, 7)] == [4 * 60, None, 4 * 60]
    assert replace(GFS, apart=0).short(hour(6), [RUN]) == 7 * 60
    assert replace(hourly, retention=0).short(RUN, []) is None


def test_leads_between_two_known_ones_land_between_them() -> None:
    model = replace(GFS, arrival=((0, 220), (120, 250), (384, 316)))
    assert [minutes(model, lead) for lead in (0, 60, 120, 384)] == [220, 235, 250, 316]


def test_without_a_table_all_leads_are_expected_a_cycle_before_the_next_run_is_due() -> None:
    model = replace(GFS, arrival=())
    assert {minutes(model, lead) for lead in (0, 384)} == {GFS.freshness.due_after - 360}
    assert model.herald(RUN, (0, 1, 2)) == 2


def test_the_herald_is_the_last_lead_that_leaves_a_head_start() -> None:
    leads = GFS.leads(RUN)
    herald = GFS.herald(RUN, leads)
    following = leads[leads.index(herald) + 1]
    assert minutes(GFS, herald) <= minutes(GFS, 384) - HEAD_START < minutes(GFS, following)


def test_the_herald_of_a_stage_is_not_of_the_stage_before() -> None:
    leads = tuple(range(7))
    assert GFS.herald(RUN, leads, leads[:6]) == 6
    assert GFS.herald(RUN, leads, leads[:3]) == 3
    assert GFS.herald(RUN, leads) == 0


def test_a_stage_beyond_a_short_run_is_none() -> None:
    model = replace(GFS, cycles=(Cycle((0, 12), (0, 1, 2, 3, 4)), Cycle((6, 18), (0, 1, 2))), stages=(1, 2))
    assert model.stages_of(RUN) == [(0, 1), (0, 1, 2), (0, 1, 2, 3, 4)]
    assert model.stages_of(RUN.replace(hour=6)) == [(0, 1), (0, 1, 2)]
    assert replace(model, stages=()).stages_of(RUN) == [(0, 1, 2, 3, 4)]
