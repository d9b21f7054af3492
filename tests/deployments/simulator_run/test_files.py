"""Files of a simulated run: where they lie, what their indexes say, the same bytes each time."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import eccodes
import pytest

from deployments.simulator.faults import messages
from deployments.simulator.index import window
from deployments.simulator.run import model_grid, simulate_run
from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from flows.model import Model
from storage.grids import Box, LatLonGrid
from storage.variables import Statistic
from tasks.field import match
from tasks.grib import fields
from tasks.wanted import IndexKind
from tests.deployments.simulator_run.files import LEADS, RUN, decoded, lines_of


def test_files_lie_where_the_buckets_have_them(runs: dict[str, Path]) -> None:
    for name in (
        "gfs.20260420/00/atmos/gfs.t00z.pgrb2.0p25.f007",
        "gfs.20260420/00/atmos/gfs.t00z.pgrb2.0p25.f007.idx",
        "gfs.20260420/00/atmos/gfs.t00z.pgrb2b.0p25.f126",
        "gfs.20260420/00/atmos/gfs.t00z.pgrb2b.0p25.f126.idx",
    ):
        assert (runs["gfs"] / name).stat().st_size > 0
    for name in ("9h-oper-fc.grib2", "9h-oper-fc.index"):
        assert (runs["ifs"] / f"20260420/00z/ifs/0p25/oper/20260420000000-{name}").stat().st_size > 0
    assert not [file for folder in runs.values() for file in folder.rglob("*.part")]


def test_every_index_line_points_at_the_message_it_names(runs: dict[str, Path], model: Model) -> None:
    for lead in LEADS[model.name]:
        for product in model.products:
            entries = lines_of(runs[model.name], product, lead)
            data = (runs[model.name] / product.data_path(RUN, lead)).read_bytes()
            assert b"".join(message for _, message in entries) == data
            assert len(list(messages(data))) == len(entries)
            for line, message in entries:
                with decoded(message) as handle:
                    named = eccodes.codes_get(handle, "shortName")
                    step = str(eccodes.codes_get(handle, "stepRange"))
                    if product.kind is IndexKind.ECMWF:
                        row = json.loads(line)
                        assert row["param"] == {"10fg3": "10fg", "10fg6": "10fg", "mx2t6": "mx2t3"}.get(named, named)
                        assert row["step"] == step.split("-")[-1] == str(lead)
                        assert (row["date"], row["time"]) == ("20260420", "0000")
                    else:
                        when = line.split(":")[5]
                        start, _, end = step.partition("-")
                        for word, hours in (("hour", 1), ("day", 24)):
                            if word in when:
                                told = re.findall(r"\d+", when)
                                assert [int(part) * hours for part in told] == [int(p) for p in (start, end) if p]
                        assert line.split(":")[2] == "d=2026042000"
                    assert eccodes.codes_get(handle, "dataDate") == 20260420
                    until = RUN + timedelta(hours=lead)
                    assert eccodes.codes_get(handle, "validityDate") == int(f"{until:%Y%m%d}")
                    assert eccodes.codes_get(handle, "validityTime") == int(f"{until:%H%M}")


def test_index_lines_read_as_noaa_writes_them(runs: dict[str, Path]) -> None:
    texts = {
        lead: {":".join(line.split(":")[3:6]) for line, _ in lines_of(runs["gfs"], GFS.products[0], lead)}
        for lead in LEADS["gfs"]
    }
    assert "TMP:2 m above ground:anl" in texts[0]
    assert "APCP:surface:6-7 hour acc fcst" in texts[7]
    assert "APCP:surface:0-7 hour acc fcst" in texts[7]
    assert "PRATE:surface:6-7 hour ave fcst" in texts[7]
    assert "APCP:surface:18-24 hour acc fcst" in texts[24]
    assert "APCP:surface:0-1 day acc fcst" in texts[24]
    assert "DSWRF:surface:120-126 hour ave fcst" in texts[126]
    assert "TOZNE:entire atmosphere (considered as a single layer):5 hour fcst" in texts[5]
    assert not any(text.startswith("APCP") for text in texts[0])
    assert window(Statistic.ACCUMULATION, (1440, 4320)) == "1-3 day acc fcst"


def test_a_real_inventory_has_every_line_of_ours(runs: dict[str, Path], shared_data: Path) -> None:
    real = (shared_data / "idx" / "dynamical_gfs.t00z.pgrb2.0p25.f007.idx").read_text().splitlines()
    there = {tuple(line.split(":")[3:6]) for line in real}
    ours = {tuple(line.split(":")[3:6]) for line, _ in lines_of(runs["gfs"], GFS.products[0], 7)}
    assert len(ours) > 30
    assert ours <= there


def test_every_wanted_variable_is_there_once_and_its_neighbours_are_not_it(runs: dict[str, Path], model: Model) -> None:
    for lead in LEADS[model.name]:
        every = [fields(m)[0] for product in model.products for _, m in lines_of(runs[model.name], product, lead)]
        for wanted in model.wanted:
            matching = [field for field in every if match(field, wanted)]
            if lead < wanted.from_lead:
                assert not matching
            elif wanted.name == "precipitation_amount_surface" and model is GFS:
                assert {field.interval for field in matching} == {((lead - 1) // 6 * 360, lead * 60), (0, lead * 60)}
            else:
                assert len(matching) == 1, wanted.name
        strangers = [field for field in every if not any(match(field, wanted) for wanted in model.wanted)]
        assert len(strangers) >= 3


def test_the_globe_is_laid_out_as_each_producer_does() -> None:
    assert model_grid(GFS) == LatLonGrid(90.0, -0.25, 721, 0.0, 0.25, 1440)
    assert model_grid(IFS) == LatLonGrid(90.0, -0.25, 721, 180.0, 0.25, 1440)
    assert model_grid(IFS, 2.0).shape == (91, 180)
    assert IFS.points == 721 * 1440
    with pytest.raises(ValueError, match="7 degrees does not divide 180"):
        model_grid(GFS, 7)


def test_the_same_arguments_give_the_same_bytes_whatever_the_threads(tmp_path: Path) -> None:
    for name, threads in (("one", 1), ("two", 3)):
        simulate_run(tmp_path / name, GFS, RUN, (1, 7), model_grid(GFS, 10.0), threads=threads)
    files = [file for file in (tmp_path / "one").rglob("*") if file.is_file()]
    assert len(files) == 8
    for file in files:
        assert file.read_bytes() == (tmp_path / "two" / file.relative_to(tmp_path / "one")).read_bytes()


def test_a_lead_is_the_same_alone_and_among_others(tmp_path: Path, runs: dict[str, Path]) -> None:
    simulate_run(tmp_path, GFS, RUN, (24,), model_grid(GFS, 10.0))
    path = GFS.products[0].data_path(RUN, 24)
    assert (tmp_path / path).read_bytes() == (runs["gfs"] / path).read_bytes()


def test_leads_no_run_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="gfs 2026-04-20T00:00Z has no lead 121, 122"):
        simulate_run(tmp_path, GFS, RUN, (120, 121, 122), model_grid(GFS, 10.0))
    assert not list(tmp_path.iterdir())


def test_progress_counts_leads(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    grid = model_grid(IFS, 10.0).crop(model_grid(IFS, 10.0).window(Box(0, 40, 20, 60)))
    simulate_run(tmp_path, IFS, RUN, (0, 3), grid, lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
