"""Bad input to `windlass ingest`, met as a user meets it: one line, a bad exit, and what was published stays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deployments.simulator.faults import FaultKind, FileFault, apply_faults, messages
from deployments.simulator.run import simulate_run
from deployments.simulator.server import Fault, serve
from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from flows.ingest import ingest
from flows.model import Model
from flows.report import IngestReport, Outcome
from flows.request import IngestRequest
from storage.bucket import open_bucket
from storage.grids import Cell, LatLonGrid
from storage.manifest import read_manifest
from storage.reader import Store
from tasks.errors import MirrorError
from tasks.fetch import fetch_leads
from tasks.mirrors import Patience
from tasks.wanted import Mirror

Run = Callable[..., Any]
NEXT = datetime(2026, 4, 20, 6, tzinfo=UTC)
USUAL = ("--leads", "0-2", "--init-time", "2026-04-20T06", "--direct")
LEAD1 = "gfs.20260420/06/atmos/gfs.t06z.pgrb2.0p25.f001"
LAST = "gfs.20260420/06/atmos/gfs.t06z.pgrb2.0p25.f002.idx"
FOR_LONG = (("Retry-After", "7000"),)


@pytest.fixture
def mirror(runs: Path, tmp_path: Path) -> Path:
    """A copy of the simulated runs, to be spoilt."""
    return Path(shutil.copytree(runs, tmp_path / "mirror"))


@pytest.fixture
def lead(mirror: Path) -> Path:
    """The file of lead 1 of the next run, to be spoilt."""
    return mirror / LEAD1


def spoil(mirror: Path, kind: FaultKind, model: Model = GFS) -> None:
    apply_faults(mirror, model, NEXT, [FileFault(kind, 1)])


def flip(file: Path, message: int, *places: int, bits: int = 0xFF) -> tuple[int, int]:
    """Flip bits of a message's bytes; returns where the message begins and ends."""
    data = bytearray(file.read_bytes())
    start, end = list(messages(data))[message]
    for place in places:
        data[(start if place >= 0 else end) + place] ^= bits
    file.write_bytes(data)
    return start, end


def test_a_cut_file_is_named_with_the_byte_where_it_breaks(run: Run, published: Any, lead: Path) -> None:
    whole = lead.read_bytes()
    start, end = list(messages(whole))[-2]
    lead.write_bytes(whole[: end - 9])
    error = run("ingest", "gfs", "--files", lead, "--direct").error
    assert f"gfs: {lead}: at byte {start} of {end - 9}: a message of {end - start} bytes is cut short" in error
    assert error.endswith("fetch the file again")
    published.stays()


@pytest.mark.parametrize(
    ("place", "told"),
    [(7, "GRIB edition 253 instead of 2"), (8, "is cut short"), (16, "broken section"), (-1, "does not end with 7777")],
)
def test_a_flipped_bit_in_a_frame_is_found_before_anything_is_decoded(
    run: Run, published: Any, lead: Path, place: int, told: str
) -> None:
    start, _ = flip(lead, 3, place)
    error = run("ingest", "gfs", "--files", lead, "--direct").error
    assert f"gfs: {lead}: at byte {start} of" in error
    assert told in error
    assert error.endswith("fetch the file again")
    published.stays()


@pytest.mark.parametrize(
    ("places", "told"),
    [
        # Octets 7 to 10 of section 3: the number of points.
        ((46,), "section 5 holds 684 values, section 3 748 points"),
        # Octet 20 of section 5: bits of a group's reference.
        ((162,), "cannot be decoded"),
    ],
)
def test_a_flipped_bit_in_a_message_names_run_variable_lead_and_file(
    run: Run, published: Any, lead: Path, places: Sequence[int], told: str
) -> None:
    flip(lead, 7, *places, bits=0x40)
    error = run("ingest", "gfs", "--files", lead, "--direct").error
    assert error.startswith("error: gfs 2026-04-20T06:00Z: air_temperature_2m at lead 1 h (")
    assert str(lead) in error
    assert told in error
    assert error.endswith("fetch the file again")
    published.stays()


def test_a_lead_that_no_run_has_is_a_damaged_file(run: Run, published: Any, lead: Path) -> None:
    # Octets 19 to 22 of section 4: the forecast time.
    flip(lead, 7, 109 + 18, bits=0x40)
    error = run("ingest", "gfs", "--files", lead, "--direct").error
    assert "gfs 2026-04-20T06Z" in error
    assert str(lead) in error
    assert "384 h" in error
    published.stays()


def test_a_grib1_message_of_a_day_that_does_not_exist_is_damaged(
    run: Run, published: Any, shared_data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "file.grb1"
    data = bytearray((shared_data / "gfs" / "zygrib_gfs_20130214_06z_0-72h.grb1").read_bytes())
    # Octet 14 of section 1: the month.
    data[8 + 13] ^= 0x20
    file.write_bytes(data)
    error = run("ingest", "gfs", "--files", file, "--direct").error
    assert f"gfs: {file}: at byte 0 of {len(data)}: a GRIB1 message of a date that does not exist: 20133414" in error
    published.stays()


SAID = {
    FaultKind.TRUNCATED: "is cut short",
    FaultKind.CORRUPT: "broken section",
    FaultKind.MISSING: "does not exist",
}


@pytest.mark.parametrize("kind", SAID)
def test_a_lead_that_a_folder_cannot_give_ends_the_ingest(
    run: Run, published: Any, mirror: Path, kind: FaultKind
) -> None:
    spoil(mirror, kind)
    error = run("ingest", "gfs", "--mirror", mirror, *USUAL).error
    assert "gfs 2026-04-20T06Z lead 1: no mirror delivers it. folder: " in error
    assert f"{mirror / LEAD1}" in error
    assert SAID[kind] in error
    assert "Try again later, name another --mirror, or leave the lead out with --leads" in error
    published.stays()
    left_out = run("ingest", "gfs", "--mirror", mirror, "--leads", "0,2", *USUAL[2:])
    assert left_out.returncode == 0, left_out.stderr


@pytest.mark.parametrize("over", ["folder", "http"])
def test_a_damaged_value_is_withheld_and_told_until_a_sound_one_comes(
    run: Run, published: Any, mirror: Path, lead: Path, runs: Path, over: str
) -> None:
    # Octets 12 to 15 of section 5: the reference value.
    flip(lead, 7, 154, 155, bits=0x40)
    command = ("ingest", "gfs", "--json", *USUAL)
    with serve(mirror) as server:
        done = run(*command, "--mirror", server.url if over == "http" else mirror)
    assert done.returncode == 0, done.stderr
    why = "lead 1 h: outside the valid range 100 % at 1 h, allowed 0 to 1"
    assert json.loads(done.stdout)["withheld"] == {"air_temperature_2m": why}
    with stored(published.windlass) as store:
        assert store.schema.withheld == {"air_temperature_2m": why}
        assert np.isnan(store.point(Cell(9, 9))[store.index["air_temperature_2m"]]).tolist() == [False, True, False]
    done = run("ingest", "gfs", "--mirror", runs, *USUAL)
    assert done.returncode == 0, done.stderr
    assert "withheld" not in done.stderr
    with stored(published.windlass) as store:
        assert not np.isnan(store.point(Cell(9, 9))[store.index["air_temperature_2m"]]).any()


def test_a_file_of_nothing_but_nonsense_is_refused_unless_the_operator_knows_better(
    run: Run, published: Any, lead: Path, tmp_path: Path
) -> None:
    start, end = flip(lead, 7, 154, 155, bits=0x40)
    alone = tmp_path / "alone.grib2"
    alone.write_bytes(lead.read_bytes()[start:end])
    error = run("ingest", "gfs", "--files", alone, "--direct").error
    assert error.startswith("error: gfs 2026-04-20T06:00Z: all variables would be withheld, and some must be left: ")
    assert "air_temperature_2m, all leads: outside the valid range 100 % at 1 h, allowed 0 to 1. " in error
    assert "ingest with --no-gate" in error
    published.stays()
    done = run("ingest", "gfs", "--files", alone, "--direct", "--no-gate")
    assert done.returncode == 0, done.stderr
    assert "gate: it was off and would have withheld fields: air_temperature_2m: outside the valid" in done.stderr


def stored(windlass: Any) -> Store:
    """The published store of GFS."""
    manifest = read_manifest(open_bucket(str(windlass.bucket)), "gfs")
    assert manifest is not None
    return Store.open(windlass.bucket / manifest.key)


@pytest.mark.parametrize("over", ["folder", "http"])
def test_a_lead_of_another_run_is_said(run: Run, published: Any, mirror: Path, over: str) -> None:
    spoil(mirror, FaultKind.OTHER_RUN)
    with serve(mirror) as server:
        base = server.url if over == "http" else str(mirror)
        error = run("ingest", "gfs", "--mirror", base, *USUAL).error
    assert "gfs 2026-04-20T06Z is incomplete: missing " in error
    assert "air_temperature_2m: 1;" in error
    assert f"{base}/{LEAD1}" in error
    assert "2026-04-20T00" in error
    assert "Try again later" in error
    published.stays()


@pytest.mark.parametrize("kind", [FaultKind.TRUNCATED, FaultKind.CORRUPT])
def test_a_lead_that_a_server_cannot_give_ends_the_ingest(
    run: Run, published: Any, mirror: Path, kind: FaultKind
) -> None:
    spoil(mirror, kind)
    with serve(mirror) as server:
        error = run("ingest", "gfs", "--mirror", server.url, *USUAL).error
    assert "gfs 2026-04-20T06Z lead 1: no mirror delivers it. 127.0.0.1:" in error
    assert f"{server.url}/{LEAD1}" in error
    assert SAID[kind] in error
    published.stays()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault("*", status=403), "HTTP 403"),
        (Fault("*", status=302, headers=(("Location", "/blocked"), *FOR_LONG)), "HTTP 302, a redirect"),
        (Fault("*", status=503, headers=FOR_LONG), "HTTP 503"),
        (Fault("*", status=404), "HTTP 404"),
        (Fault("*.idx", cut=0), "empty"),
    ],
)
def test_a_mirror_without_the_run_is_said_with_its_answer(
    run: Run, published: Any, runs: Path, fault: Fault, told: str
) -> None:
    with serve(runs, [fault]) as server:
        error = run("ingest", "gfs", "--mirror", server.url, *USUAL).error
        assert set(server.paths()) == {LAST}
    assert error.startswith("error: gfs 2026-04-20T06Z lead 2: ")
    assert f"{server.url}/{LAST}" in error
    assert told in error
    assert "Try again later" in error
    published.stays()


def test_an_empty_folder_has_no_run(run: Run, published: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    error = run("ingest", "gfs", "--mirror", tmp_path / "empty", "--now", "2026-04-20T12", "--direct").error
    assert "gfs 2026-04-20T12Z lead 120 or 384 and 3 runs before it, back to 2026-04-19T18Z: not there" in error
    assert f"{tmp_path / 'empty' / 'gfs.20260420'}" in error
    assert "Try again later" in error
    assert len(error) < 600
    published.stays()


def test_nobody_listens_at_the_mirror(run: Run, published: Any) -> None:
    error = run("ingest", "gfs", "--mirror", "http://127.0.0.1:9", *USUAL).error
    assert "gfs 2026-04-20T06Z lead 2: no mirror can be asked" in error
    assert f"http://127.0.0.1:9/{LAST} cannot be reached" in error
    published.stays()


def test_a_model_that_does_not_exist_touches_nothing(run: Run, published: Any, runs: Path) -> None:
    assert "there is no model 'gsf'; models: gfs, ifs" in run("ingest", "gsf", "--mirror", runs, *USUAL).error
    published.stays()


@pytest.fixture(scope="session")
def ifs_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror folder with the IFS run of 06Z, leads 0 and 3, on a 10 degree grid. Not to be written."""
    folder = tmp_path_factory.mktemp("ifs")
    simulate_run(folder, IFS, NEXT, (0, 3), LatLonGrid(90.0, -10.0, 19, 180.0, 10.0, 36))
    return folder


@pytest.mark.parametrize("kind", [FaultKind.STALE_INDEX, FaultKind.MISLABELLED])
@pytest.mark.parametrize("model", [GFS, IFS], ids=lambda model: model.name)
@pytest.mark.parametrize("over", ["folder", "http"])
def test_a_lying_index_is_found_out_and_the_file_scanned(
    run: Run, runs: Path, ifs_runs: Path, windlass: Any, tmp_path: Path, over: str, model: Model, kind: FaultKind
) -> None:
    source, leads = (runs, "0-2") if model is GFS else (ifs_runs, "0,3")
    spoilt = Path(shutil.copytree(source, tmp_path / "spoilt"))
    lead = int(leads[-1])
    apply_faults(spoilt, model, NEXT, [FileFault(kind, lead)])
    usual = ("ingest", model.name, "--leads", leads, *USUAL[2:])

    def point(mirror: str) -> tuple[Any, Any]:
        done = run(*usual, "--mirror", mirror)
        assert done.returncode == 0, done.stderr
        key = json.loads((windlass.bucket / model.name / "latest.json").read_text())["key"]
        shown = run("store", "show", windlass.bucket / key, "--json")
        told = run("store", "point", windlass.bucket / key, "52.5", "13.4", "--json")
        return json.loads(told.stdout), json.loads(shown.stdout)["provenance"]

    healthy, nothing = point(str(source))
    assert nothing["problems"] == []
    if over == "http":
        with serve(spoilt) as server:
            base = server.url
            found, provenance = point(base)
    else:
        base = str(spoilt)
        found, provenance = point(base)
    assert found == healthy
    (problem,) = provenance["problems"]
    assert f"{base}/{model.products[0].data_path(NEXT, lead).split('.f0')[0]}" in problem
    assert problem.endswith("the file was scanned instead")


HASTY = Patience(tries=2, first_delay=0.001, longest_delay=0.002, lead=1.0, not_yet=0.05, aside=0.0)


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch, windlass: Any) -> Callable[..., IngestReport]:
    """bring(url, ...): the recipe with mirrors of these URLs, which has little patience."""
    monkeypatch.setattr("flows.staging.fetch_leads", partial(fetch_leads, patience=HASTY))

    def bring(*urls: str) -> IngestReport:
        mirrors = tuple(Mirror(f"mirror{number}", url) for number, url in enumerate(urls, 1))
        request = IngestRequest(leads="0-2", init_time=NEXT, bucket=str(windlass.bucket), work=windlass.work)
        return ingest(replace(GFS, mirrors=mirrors), request)

    return bring


@pytest.mark.parametrize("kind", [FaultKind.TRUNCATED, FaultKind.CORRUPT, FaultKind.OTHER_RUN, FaultKind.MISSING])
def test_a_healthy_second_mirror_takes_over(
    bring: Callable[..., IngestReport], mirror: Path, runs: Path, kind: FaultKind
) -> None:
    spoil(mirror, kind)
    with serve(mirror) as bad, serve(runs) as good:
        report = bring(bad.url, good.url)
    assert report.outcome is Outcome.PUBLISHED
    assert report.missing == []
    assert report.mirrors == ["mirror1", "mirror2"]
    assert all(problem.startswith(f"mirror1: {bad.url}/{LEAD1}") for problem in report.problems), report.problems
    assert report.problems


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault("*.f001*", status=404), "HTTP 404"),
        (Fault("*.f001", status=403), "HTTP 403"),
        (Fault("*.f001", status=503), "HTTP 503"),
        (Fault("*.f001", status=302), "HTTP 302, a redirect"),
        (Fault("*.f001", reset_after=100), "f001"),
    ],
)
def test_a_lead_that_never_comes_ends_with_the_last_answer(
    bring: Callable[..., IngestReport], published: Any, runs: Path, fault: Fault, told: str
) -> None:
    with serve(runs, [fault]) as server, pytest.raises(MirrorError) as caught:
        bring(server.url)
    assert "gfs 2026-04-20T06Z lead 1: no mirror delivers it. mirror1: " in str(caught.value)
    assert f"{server.url}/{LEAD1}" in str(caught.value)
    assert told in str(caught.value)
    published.stays()
