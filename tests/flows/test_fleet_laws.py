"""Laws over every model: what its declaration must say, and that production's files say the same."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from deployments.simulator.producer import producer_of
from deployments.simulator.run import model_grid, simulate_run
from flows.ingest import ingest
from flows.model import Model
from flows.models import file_of, flow_named, model_names
from flows.request import IngestRequest
from storage.grids import Grid, LatLonGrid, Window
from storage.reader import Store
from storage.schema import StoredVariable, StoreSchema
from storage.variables import CATALOGUE, Statistic
from tasks.entry import Target
from tasks.index import read_index
from tasks.mixed import open_fields
from tests.flows.inventories import INVENTORIES, Inventory, product_of
from tests.flows.weighed import Weighed

pytestmark = pytest.mark.usefixtures("in_one_process")

ROOT = Path(__file__).parents[2]
DAY = datetime(2026, 4, 20, tzinfo=UTC)
RUN = DAY


@pytest.fixture(params=model_names())
def model(request: pytest.FixtureRequest) -> Model:
    return flow_named(request.param).model


def runs_of(model: Model) -> list[datetime]:
    """All runs of DAY."""
    return model.init_times(DAY + timedelta(days=1, minutes=-1), sum(cycle.runs for cycle in model.cycles))


def test_a_model_is_called_as_its_flow_which_begins_with_the_name_of_its_file(model: Model) -> None:
    assert flow_named(model.name).__name__ == model.name
    assert model.name.startswith(file_of(model.name))
    assert re.fullmatch(r"[a-z][a-z0-9_]*", model.name)
    assert model.title
    assert model.attribution
    assert model.licence


def test_every_model_has_its_deployment(model: Model) -> None:
    rows = {row["name"]: row for row in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    assert rows[model.name]["entrypoint"] == f"flows/{file_of(model.name)}.py:{model.name}.prefect"


def test_leads_rise_and_every_hour_is_of_one_cycle(model: Model) -> None:
    for cycle in model.cycles:
        assert list(cycle.leads) == sorted(set(cycle.leads))
        assert cycle.leads[0] >= 0
    starts = Counter((hour, minute) for cycle in model.cycles for hour in cycle.hours for minute in cycle.minutes)
    assert set(starts.values()) == {1}
    assert all(0 <= hour < 24 and 0 <= minute < 60 for hour, minute in starts)


def test_times_of_all_files_rise_and_none_is_told_twice(model: Model) -> None:
    for run in runs_of(model):
        for product in model.products:
            times = [time for lead in model.leads(run) for time in product.times(lead)]
            assert times == sorted(set(times))
        assert model.whole(run).leads == len(model.times(model.leads(run)))


def test_a_run_is_due_before_it_is_late_before_it_is_stale(model: Model) -> None:
    limits = model.freshness
    apart = timedelta(days=1) / sum(cycle.runs for cycle in model.cycles)
    assert apart / timedelta(minutes=1) < limits.due_after < limits.late_after < limits.stale_after


def test_every_lead_of_every_model_has_its_time(model: Model) -> None:
    if not model.arrival:
        return
    first, last = model.arrival[0][0], model.arrival[-1][0]
    assert first <= min(cycle.leads[0] for cycle in model.cycles)
    assert last == model.last_lead
    assert all(before < after for table in zip(*model.arrival, strict=True) for before, after in pairwise(table))


def test_a_run_is_waited_for_until_people_are_told_that_it_is_late(model: Model) -> None:
    # A run is late when the one that should have replaced it is: as much later as runs lie apart.
    apart = timedelta(days=1) / sum(cycle.runs for cycle in model.cycles)
    for run in runs_of(model):
        last = model.leads(run)[-1]
        complete = model.deadline(run, last)
        assert model.arrives(run, last) < complete
        assert complete <= run + timedelta(minutes=model.freshness.late_after) - apart


def test_only_files_of_optional_variables_land_after_the_first(model: Model) -> None:
    first, *others = model.products
    assert first.grace == 0
    for row in model.wanted:
        assert row.product == first.name or (row.product in {other.name for other in others} and not row.required)


def test_stages_of_every_model_grow_to_the_whole_run(model: Model) -> None:
    for run in runs_of(model):
        *_, last = stages = model.stages_of(run)
        assert last == model.leads(run)
        assert all(set(before) < set(after) for before, after in pairwise(stages))


def test_what_is_kept_of_a_run_reaches_an_hour_beyond_the_next_one(model: Model) -> None:
    for run in runs_of(model):
        following = min(other for other in model.init_times(run + timedelta(days=1), 200) if other > run)
        needed = max((following - run) / timedelta(minutes=1), 60 * model.apart) + 60
        leads = [60 * lead for lead in model.leads(run)]
        assert model.history(run) == next((lead for lead in leads if lead >= needed), leads[-1])


def test_every_variable_is_of_the_catalogue_and_wanted_once(model: Model) -> None:
    counts = Counter(row.name for row in model.wanted)
    assert set(counts.values()) == {1}
    made = {name: joint for joint in model.joints for name in joint.makes}
    parts = {name for joint in model.joints for name in joint.of}
    for row in model.wanted:
        assert row.name in CATALOGUE
        told = row.variable.statistic
        assert row.name in parts or row.rate or told in (row.statistic, Statistic.PROBABILITY), row.name
    assert set(made) <= set(CATALOGUE)


def test_no_two_rows_ask_for_the_same_message(model: Model) -> None:
    asked = Counter(
        (row.product, name, row.statistic, row.meaning, row.over)
        for row in model.wanted
        for name in (row.idx, row.param, *row.param_aliases)
        if name is not None
    )
    assert set(asked.values()) == {1}
    themselves = Counter(
        (row.product, number, row.level, row.statistic, row.meaning, row.over)
        for row in model.wanted
        for number in row.parameters
    )
    assert set(themselves.values()) == {1}


def test_every_mirror_makes_well_formed_addresses(model: Model) -> None:
    names = [mirror.name for mirror in model.mirrors]
    assert names
    assert len(set(names)) == len(names)
    for run in runs_of(model):
        paths = [
            (product.data_path(run, lead), product.index_path(run, lead))
            for product in model.products
            for lead in model.leads(run)
        ]
        assert len({path for pair in paths for path in pair}) == 2 * len(paths)
        for mirror in model.mirrors:
            for path in (paths[0][0], paths[-1][1]):
                url = urlsplit(f"{mirror.base}/{path}")
                assert url.scheme == "https"
                assert re.fullmatch(r"[a-z0-9.-]+\.[a-z]+", url.netloc)
                assert re.fullmatch(r"(/[A-Za-z0-9._-]+)+", url.path), url.path
                assert not url.query
                assert f"{run:%Y%m%d}" in url.path
                assert f"{run:%H}" in url.path


def test_the_schema_of_a_whole_run_comes_back_as_it_was(model: Model) -> None:
    run = runs_of(model)[0]
    times = model.times(model.leads(run))
    makes = [name for joint in model.joints for name in joint.makes]
    parts = {name for joint in model.joints for name in joint.of}
    stored = [*makes, *(row.name for row in model.wanted if row.name not in parts)]
    schema = StoreSchema(
        model=model.name,
        init_time=run,
        lead_times=times,
        variables=tuple(StoredVariable(CATALOGUE[name], 0.5, 1.0, (0,) * len(times)) for name in stored),
        grid=LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36),
        freshness=model.freshness,
        attribution=model.attribution,
        licence=model.licence,
        whole=model.whole(run),
        traits=model.traits,
    )
    assert StoreSchema.from_attrs(schema.to_attrs()) == schema
    assert len(schema.lead_times) == schema.whole.leads if schema.whole else 0


def each_inventory() -> list[tuple[str, Inventory]]:
    return [(name, inventory) for name, some in INVENTORIES.items() for inventory in some]


def test_every_model_has_an_inventory_of_each_kind_of_lead() -> None:
    """Of its first lead and of later ones, and of every file."""
    assert sorted(INVENTORIES) == model_names()
    for name, some in INVENTORIES.items():
        model = flow_named(name).model
        first = {cycle.leads[0] for cycle in model.cycles}
        assert first & {inventory.lead for inventory in some}
        assert model.last_lead == 0 or any(inventory.lead not in first for inventory in some)
        assert {inventory.product for inventory in some} == {product.name for product in model.products}


@pytest.mark.parametrize(
    ("name", "inventory"),
    each_inventory(),
    ids=[
        f"{name} {inventory.product} {inventory.lead} h {number}"
        for number, (name, inventory) in enumerate(each_inventory())
    ],
)
def test_production_has_every_wanted_message_once(name: str, inventory: Inventory, shared_data: Path) -> None:
    model = flow_named(name).model
    product = product_of(model, inventory)
    target = Target.of(product, inventory.init_time, inventory.lead, model.wanted)
    content = inventory.content(shared_data)
    found = read_index(product.kind, content, target, str(inventory.file))
    due = [slot for _, slot in target.slots()]
    assert due
    assert sorted(entry.slot for entry in found) == sorted(due)
    for row, slot in target.slots():
        # Alone, a row finds the same: no other one takes its message.
        alone = read_index(product.kind, content, replace(target, wanted=(row,)), str(inventory.file))
        assert [entry for entry in alone if entry.slot == slot] == [entry for entry in found if entry.slot == slot]
        if row.statistic is Statistic.INSTANT and row.meaning is None:
            (entry,) = (entry for entry in found if entry.slot == slot)
            assert entry.interval in (None, (slot.lead, slot.lead))


def small_grid(model: Model) -> Grid:
    """The globe at 10 degrees, or a corner of production's grid, where winds along it are turned most."""
    grid = model.grid
    return model_grid(model, 10.0) if isinstance(grid, LatLonGrid) else grid.crop(Window(grid.ny - 14, 14, 0, 17))


def few_leads(model: Model) -> list[int]:
    """The first three of RUN, and the first one at which each variable is due."""
    leads = model.leads(RUN)
    due = {row.name: next(lead for lead in leads if row.due(RUN, 60 * lead)) for row in model.wanted}
    return sorted({*leads[:3], *due.values()})


@pytest.fixture(scope="module", params=sorted(INVENTORIES))
def simulated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Path, Weighed]:
    """A model, a mirror with the first leads of a run, and what ecCodes reads in it."""
    model = flow_named(request.param).model
    folder = tmp_path_factory.mktemp(model.name)
    files = simulate_run(folder, model, RUN, few_leads(model), small_grid(model))
    indexes = {product.index_path(RUN, lead) for product in model.products for lead in few_leads(model)}
    data = [file for file in files if str(file.relative_to(folder)) not in indexes]
    return model, folder, Weighed(model, data, small_grid(model))


@pytest.mark.parametrize("decoder", ["windlass", "ecCodes"])
def test_a_simulated_run_becomes_a_store_that_eccodes_agrees_with(
    simulated: tuple[Model, Path, Weighed], decoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, mirror, weighed = simulated
    if decoder == "ecCodes":
        monkeypatch.setattr("tasks.write.open_fields", partial(open_fields, claim=lambda message: None))
    leads = ",".join(map(str, few_leads(model)))
    request = IngestRequest(
        mirror=str(mirror), init_time=RUN, leads=leads, bucket=str(tmp_path / "bucket"), work=tmp_path / "work"
    )
    report = ingest(model, request)
    assert (report.missing, report.withheld, report.problems) == ([], {}, [])
    with Store.open(tmp_path / "bucket" / report.key) as store:
        assert store.schema.grid.shape == small_grid(model).shape
        assert list(store.schema.lead_times) == list(model.times(few_leads(model)))
        told = store.schema.provenance["decoder"]
        assert told.startswith("ecCodes") == (decoder == "ecCodes" or model.by_eccodes), told
        compared = weighed.compare(store, producer_of(model).along_grid)
    parts = {name for joint in model.joints for name in joint.of}
    assert compared == {row.name for row in model.wanted} - parts
