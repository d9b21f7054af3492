"""Files of an hour that hold quarters of it: leads of files are hours, those of a store are minutes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployments.simulator.run import model_grid, simulate_run
from deployments.watch.goals import goals
from flows.hrrr import SUBH
from flows.ingest import ingest
from flows.report import IngestReport, Outcome
from flows.request import IngestRequest
from flows.staging import exchange, groups_of, stage_group
from storage.folder import FolderBucket
from storage.grids import Window
from storage.manifest import read_manifest
from storage.reader import Store
from tasks.again import Source, again
from tasks.errors import IncompleteRun
from tasks.fetch import LeadOrder
from tasks.meter import Meter
from tasks.wanted import Mirror

pytestmark = pytest.mark.usefixtures("in_one_process")

RUN = datetime(2026, 4, 20, 6, tzinfo=UTC)
SHORT = replace(SUBH, cycles=(replace(SUBH.cycles[0], leads=(0, 1, 2)),), arrival=((0, 50), (2, 52)))
QUARTERS = tuple(range(0, 121, 15))


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RUN as a mirror has it, on a few points. Not to be written."""
    folder = tmp_path_factory.mktemp("public")
    simulate_run(folder, SHORT, RUN, (0, 1, 2), model_grid(SHORT).crop(Window(500, 12, 900, 12)))
    return folder


def brought(public: Path, folder: Path, **fields: object) -> IngestReport:
    usual = {"mirror": str(public), "bucket": str(folder / "bucket"), "work": folder / "work", "now": RUN}
    now = RUN + timedelta(hours=1, minutes=20)
    return ingest(SHORT, IngestRequest.model_validate({**usual, "now": now, **fields}))


def test_a_run_counts_its_times(public: Path, tmp_path: Path) -> None:
    report = brought(public, tmp_path)
    manifest = read_manifest(FolderBucket(tmp_path / "bucket"), "hrrr_subh")
    assert manifest is not None
    assert manifest.whole is not None
    assert (manifest.leads, manifest.whole.leads, manifest.last_lead, manifest.is_whole) == (9, 9, 120, True)
    assert report.leads == [0, 1, 2]
    assert report.lead_times == list(QUARTERS)
    assert "9 leads (0-2/0.25)" in report.in_words()


def test_what_is_published_is_neither_brought_nor_watched_for_again(public: Path, tmp_path: Path) -> None:
    assert brought(public, tmp_path).outcome is Outcome.PUBLISHED
    assert brought(public, tmp_path).outcome is Outcome.ALREADY_PUBLISHED
    now = RUN + timedelta(minutes=55)
    assert [goal.order for goal in goals(SHORT, now, (RUN, 8))] == [(RUN, 9)]
    assert goals(SHORT, now, (RUN, 9)) == []


def test_hours_choose_whole_files(public: Path, tmp_path: Path) -> None:
    report = brought(public, tmp_path, init_time=RUN, leads="2")
    with Store.open(tmp_path / "bucket" / report.key) as store:
        assert store.schema.lead_times == (75, 90, 105, 120)
        rain = store.schema.variables[store.index["precipitation_amount_surface"]]
        assert rain.intervals == (15, 15, 15, 15)
    files = (public / SHORT.products[0].data_path(RUN, lead) for lead in (1, 2))
    found = brought(public, tmp_path / "files", mirror=None, files=tuple(files), leads="1")
    assert found.lead_times == [15, 30, 45, 60]


def test_a_quarter_that_lacks_what_is_required_is_told_by_its_file(public: Path, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    for file in (file for file in public.rglob("*") if file.is_file()):
        copy = mirror / file.relative_to(public)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    data, index = (mirror / path(RUN, 2) for path in (SHORT.products[0].data_path, SHORT.products[0].index_path))
    lines = [line.split(":", 2) for line in index.read_text().splitlines()]
    starts = [int(offset) for _, offset, _ in lines]
    whole = data.read_bytes()
    parts = [whole[start:end] for start, end in zip(starts, [*starts[1:], len(whole)], strict=True)]
    kept = [
        (rest, part)
        for (_, _, rest), part in zip(lines, parts, strict=True)
        if ":TMP:2 m above ground:105 min" not in rest
    ]
    assert len(kept) == len(lines) - 1
    data.write_bytes(b"".join(part for _, part in kept))
    offset, told = 0, []
    for number, (rest, part) in enumerate(kept, 1):
        told.append(f"{number}:{offset}:{rest}\n")
        offset += len(part)
    index.write_text("".join(told))
    with pytest.raises(IncompleteRun, match="missing air_temperature_2m: 2"):
        brought(mirror, tmp_path, init_time=RUN)


def test_one_quarter_asked_for_again_takes_the_place_of_that_quarter_alone(public: Path, tmp_path: Path) -> None:
    mirror = Mirror("folder", str(public))
    order = LeadOrder("hrrr_subh", RUN, 1, SHORT.products, SHORT.wanted, (mirror,), tmp_path / "staged")
    ((orders),) = groups_of([order])
    (before,) = stage_group(orders, lambda done, total: None).results
    source = Source("hrrr_subh", RUN, SHORT.products, SHORT.wanted, tmp_path / "again")
    keys = {("air_temperature_2m", 30), ("air_temperature_2m", 45)}
    answer = again(source, mirror, keys, Meter())
    assert answer.keys() == keys
    old = {(message.variable, message.lead): message for message in before.messages}
    exchange((old[key], message) for key, message in answer.items())
    record = json.loads((tmp_path / "staged" / "f001.json").read_text())["result"]
    assert Counter(message["variable"] for message in record["messages"])["air_temperature_2m"] == 4
    moved = {(one["variable"], one["lead"]) for one in record["messages"] if "again" in one["blob"]}
    assert moved == keys
    # What was staged is taken as it is.
    (after,) = stage_group(orders, lambda done, total: None).results
    assert len(after.messages) == len(before.messages)
