"""Faults planted in a simulated run, on their whole way: what is withheld, what is told, what is published."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from deployments.simulator.run import simulate_run
from flows.artifacts import result_text
from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from flows.ingest import ingest
from flows.model import Model
from flows.report import IngestReport, Outcome
from flows.request import IngestRequest
from serving.plan import plan_of
from serving.quantities import INDEX
from storage.bucket import open_bucket
from storage.grids import Cell, LatLonGrid
from storage.manifest import read_manifest
from storage.reader import Store
from tasks.errors import GateFailed
from tasks.scan import stage_files
from tasks.storm import STORM
from tasks.wanted import StagedMessage
from tests.flows.values import Values, values_of, with_values

pytestmark = pytest.mark.usefixtures("in_one_process")

RUN = datetime(2026, 4, 20, tzinfo=UTC)
GRID = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)
LEADS = range(0, 31)
WARM, CLOUD, RAIN, RATE = (
    "air_temperature_2m",
    "cloud_cover_atmosphere",
    "precipitation_amount_surface",
    "precipitation_rate_surface",
)
Run = dict[tuple[str, int], tuple[StagedMessage, Values]]
"""(variable, lead in hours) -> its message and its values."""
Plant = Callable[[Run], dict[tuple[str, int], Values]]


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Hour of the run -> a folder of its files."""
    folders = {}
    for hour in (0, 6):
        folders[hour] = tmp_path_factory.mktemp(f"sound{hour}")
        simulate_run(folders[hour], GFS, RUN.replace(hour=hour), LEADS, GRID)
    return folders


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".idx", ".index"))


def planted(folder: Path, plant: Plant, target: Path) -> Path:
    """One file of all messages of a run, some with other values; NaN = missing."""
    staged = stage_files(files_of(folder), GFS.wanted)
    messages: Run = {}
    for message in staged.messages:
        messages[message.variable, message.lead // 60] = message, values_of(octets(message))
    spoiled = plant(messages)
    with target.open("wb") as file:
        for key, (message, _) in messages.items():
            data = octets(message)
            file.write(with_values(data, spoiled[key]) if key in spoiled else data)
    return target


def octets(message: StagedMessage) -> bytes:
    with open(message.blob, "rb") as file:
        file.seek(message.offset)
        return file.read(message.length)


def at(name: str, change: Callable[[Values], Values], *leads: int) -> Plant:
    """A change of one variable at some leads, or at all."""

    def plant(run: Run) -> dict[tuple[str, int], Values]:
        chosen = [key for key in run if key[0] == name and (not leads or key[1] in leads)]
        return {key: change(run[key][1]) for key in chosen}

    return plant


def swapped(one: int, other: int, run: Run) -> dict[tuple[str, int], Values]:
    return {(WARM, one): run[WARM, other][1], (WARM, other): run[WARM, one][1]}


def with_holes(values: Values) -> Values:
    return np.where(np.arange(len(values)) % 2, np.nan, values)


def run_of(tmp_path: Path, model: Model, files: list[Path], **more: object) -> IngestReport:
    request = {"files": files, "bucket": str(tmp_path / "bucket"), "work": tmp_path / "work", "force": True}
    return ingest(model, IngestRequest.model_validate(request | more))


def stored(tmp_path: Path, model: str = "gfs") -> Store:
    manifest = read_manifest(open_bucket(str(tmp_path / "bucket")), model)
    assert manifest is not None
    return Store.open(tmp_path / "bucket" / manifest.key)


ONE_FIELD: dict[str, tuple[Plant, str, list[int]]] = {
    "zeros where temperature should be": (at(WARM, np.zeros_like, 10), WARM, [10]),
    "100 K more": (at(WARM, lambda values: values + 100, 10), WARM, [10]),
    "100 K less": (at(WARM, lambda values: values - 100, 10), WARM, [10]),
    "Celsius": (at(WARM, lambda values: values - 273.15, 10), WARM, [10]),
    "half of it missing": (at(WARM, with_holes, 10), WARM, [10]),
    "a part for per cent": (at(CLOUD, lambda values: values / 100, 10), CLOUD, [10]),
    "no rain on earth": (at(RATE, np.zeros_like, 10), RATE, [10]),
    "the lead before once more": (lambda run: {(WARM, 10): run[WARM, 9][1]}, WARM, [9, 10]),
    "the place of another": (partial(swapped, 10, 20), WARM, [10, 20]),
}


@pytest.mark.parametrize("fault", ONE_FIELD)
def test_a_spoiled_field_is_withheld_and_the_run_published_without_it(
    sound: dict[int, Path], tmp_path: Path, fault: str
) -> None:
    plant, name, leads = ONE_FIELD[fault]
    report = run_of(tmp_path, GFS, [planted(sound[0], plant, tmp_path / "run.grib2")])
    assert report.outcome is Outcome.PUBLISHED
    assert list(report.withheld) == [name]
    assert report.withheld[name].startswith(f"lead {', '.join(map(str, leads))} h: ")
    assert f"withheld {name}, lead {leads[0]}" in report.in_words()
    assert report.withheld[name] in result_text(report)
    with stored(tmp_path) as store:
        assert store.schema.withheld == report.withheld
        series = store.point(Cell(9, 18))
        gone = np.flatnonzero(np.isnan(series[store.index[name]])).tolist()
        assert gone == leads
        assert store.schema.provenance["gate"]["findings"]


WHOLE: dict[str, tuple[Plant, set[str]]] = {
    "Celsius": (at(WARM, lambda values: values - 273.15), {WARM}),
    "100 K less": (at(WARM, lambda values: values - 100), {WARM}),
    "parts for per cent": (at(CLOUD, lambda values: values / 100), {CLOUD}),
    "half of it missing": (at(WARM, with_holes), {WARM}),
    "another unit of rain": (at(RATE, lambda values: values * 3), {RATE}),
}


@pytest.mark.parametrize("fault", WHOLE)
def test_a_variable_that_changed_altogether_is_withheld_whole_and_stays_so(
    sound: dict[int, Path], tmp_path: Path, fault: str
) -> None:
    """Held against the run before; and against it again by the next run, which has the same fault."""
    plant, names = WHOLE[fault]
    assert run_of(tmp_path, GFS, files_of(sound[0])).withheld == {}
    file = planted(sound[6], plant, tmp_path / "run.grib2")
    for _ in range(2):
        report = run_of(tmp_path, GFS, [file])
        assert set(report.withheld) == names
        assert all(why.startswith("all leads: ") for why in report.withheld.values())
        with stored(tmp_path) as store:
            assert not names & set(store.index)
            storms = 0 if GFS.storm in names else len(STORM)
            assert len(store.index) == len(GFS.wanted) + storms - len(names)
    healed = run_of(tmp_path, GFS, files_of(sound[6]))
    assert healed.withheld == {}
    assert healed.gate == []


def test_without_a_last_run_that_is_said(sound: dict[int, Path], tmp_path: Path) -> None:
    report = run_of(tmp_path, GFS, files_of(sound[0]))
    assert report.gate == ["gate: 24 of 24 variables have no last run to be compared with"]
    assert report.gate[0] in report.in_words()
    assert run_of(tmp_path, GFS, files_of(sound[6])).gate == []
    open_bucket(str(tmp_path / "bucket")).write("gfs/statistics.json", b"spoiled")
    report = run_of(tmp_path, GFS, files_of(sound[6]))
    assert "statistics.json holds no statistics" in report.gate[0]
    assert run_of(tmp_path, GFS, files_of(sound[6])).gate == []


def test_a_rate_and_an_amount_that_contradict_each_other_both_go(sound: dict[int, Path], tmp_path: Path) -> None:
    """There is no last run to tell which of them is wrong."""
    report = run_of(tmp_path, GFS, [planted(sound[0], WHOLE["another unit of rain"][0], tmp_path / "run.grib2")])
    assert set(report.withheld) == {RAIN, RATE}
    assert f"{RATE} add up to" in report.withheld[RAIN]


def everything(run: Run) -> dict[tuple[str, int], Values]:
    return {key: np.zeros_like(values) for key, (_, values) in run.items() if not key[0].startswith("categorical")}


def test_a_run_of_nothing_is_refused_and_the_published_one_stays(sound: dict[int, Path], tmp_path: Path) -> None:
    before = run_of(tmp_path, GFS, files_of(sound[0]))
    file = planted(sound[6], everything, tmp_path / "run.grib2")
    with pytest.raises(GateFailed, match=r"gfs 2026-04-20T06.*required variables would be withheld.*--no-gate"):
        run_of(tmp_path, GFS, [file])
    with stored(tmp_path) as store:
        assert store.schema.init_time == before.init_time
    report = run_of(tmp_path, GFS, [file], no_gate=True)
    assert report.withheld == {}
    assert report.gate[0].startswith("gate: it was off and would have withheld fields: ")
    assert "air_temperature_2m" in report.in_words()


def test_what_a_model_withholds_comes_from_the_next(sound: dict[int, Path], tmp_path: Path) -> None:
    plant, _ = WHOLE["Celsius"]
    run_of(tmp_path, GFS, [planted(sound[0], plant, tmp_path / "run.grib2")])
    other = tmp_path / "ifs"
    simulate_run(other, IFS, RUN, range(0, 31, 3), GRID)
    assert run_of(tmp_path, IFS, files_of(other)).withheld == {}
    with stored(tmp_path) as gfs, stored(tmp_path, "ifs") as ifs:
        assert plan_of(gfs.schema).methods[INDEX["temperature"]] == 0
        assert plan_of(gfs.schema).methods[INDEX["pressure"]] != 0
        assert plan_of(ifs.schema).methods[INDEX["temperature"]] != 0


REAL = {
    "gfs poland": (GFS, "gfs/gfs.20200804*.poland.grib2"),
    "gfs, a grid of 2.5 degrees": (GFS, "gfs/gfs.20170322.t00z.pgrb2.2p50.f000.grib2"),
    "gfs, the globe": (GFS, "gfs/gfs.20210604.t12z.pgrb2.0p25.f00*.wind.grib2"),
    "gfs, 65 steps": (GFS, "gfs/gfs_20160229_06z_2t_65steps.grb1"),
    "gfs, zygrib": (GFS, "gfs/zygrib_gfs_20130214_06z_0-72h.grb1"),
    "ifs, 0-240 h": (IFS, "ecmwf/ecmwf_ifs_20260420_00z_0-240h_channel.grib2"),
    "ifs, 80 x 80": (IFS, "ecmwf/ecmwf_ifs_*80x80.grib2"),
    "ifs, the globe": (IFS, "ecmwf/gribberish_ecmwf-ifs-oper-surface.grib2"),
}


@pytest.mark.parametrize("which", REAL)
def test_real_runs_pass_alone_and_beside_themselves(shared_data: Path, tmp_path: Path, which: str) -> None:
    model, pattern = REAL[which]
    files = sorted(shared_data.glob(pattern))
    for _ in range(2):
        report = run_of(tmp_path, model, files)
        assert report.withheld == {}
    with stored(tmp_path, model.name) as store:
        assert store.schema.provenance["gate"]["findings"] == []


def test_simulated_runs_of_all_leads_pass(tmp_path: Path) -> None:
    for init_time in (RUN, RUN.replace(hour=12)):
        folder = tmp_path / f"{init_time:%H}"
        simulate_run(folder, IFS, init_time, IFS.leads(init_time), GRID)
        report = run_of(tmp_path, IFS, files_of(folder))
        assert report.withheld == {}
    assert report.gate == []
