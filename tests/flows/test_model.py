"""What a model says of its arrival; laws over every model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from flows.gfs import MODEL as GFS
from flows.model import HEAD_START, Cycle, Model
from flows.models import flow_named, model_names

RUN = datetime(2026, 4, 20, tzinfo=UTC)


def minutes(model: Model, lead: int, run: datetime = RUN) -> float:
    return (model.arrives(run, lead) - run) / timedelta(minutes=1)


@pytest.fixture(params=model_names())
def model(request: pytest.FixtureRequest) -> Model:
    return flow_named(request.param).model


def test_every_lead_of_every_model_has_its_time(model: Model) -> None:
    (first, _), *_, (last, _) = model.arrival
    assert (first, last) == (0, model.last_lead)
    assert all(before < after for table in zip(*model.arrival, strict=True) for before, after in pairwise(table))


def test_a_run_is_waited_for_until_people_are_told_that_it_is_late(model: Model) -> None:
    for cycle in model.cycles:
        run = RUN.replace(hour=cycle.hours[0])
        complete = model.deadline(run, cycle.leads[-1])
        # A run is late when the one that should have replaced it is: as much later as runs lie apart.
        apart = timedelta(hours=24 / sum(len(cycle.hours) for cycle in model.cycles))
        assert model.arrives(run, cycle.leads[-1]) < complete
        assert complete <= run + timedelta(minutes=model.freshness.late_after) - apart


def test_stages_of_every_model_grow_to_the_whole_run(model: Model) -> None:
    for cycle in model.cycles:
        *_, last = stages = model.stages_of(RUN.replace(hour=cycle.hours[0]))
        assert last == cycle.leads
        assert all(set(before) < set(after) for before, after in pairwise(stages))


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
