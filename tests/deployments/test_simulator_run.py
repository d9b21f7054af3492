"""Simulated runs as files: names, indexes, identities and values, held against ecCodes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import eccodes
import numpy as np
import pytest

from deployments.simulator.amounts import Amounts
from deployments.simulator.faults import messages
from deployments.simulator.index import window
from deployments.simulator.parts import parts_of
from deployments.simulator.producers import ECMWF
from deployments.simulator.run import model_grid, simulate_run
from deployments.simulator.values import values_of
from deployments.simulator.weather import Moment, Weather
from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from flows.model import Model
from storage.grids import Box, LatLonGrid
from storage.variables import Statistic
from tasks.grib import FieldId, fields, match
from tasks.wanted import IndexKind, Product

RUN = datetime(2026, 4, 20, tzinfo=UTC)
LEADS = {"gfs": (0, 1, 5, 6, 7, 12, 24, 123, 126), "ifs": (0, 3, 6, 9, 24, 150)}
MODELS = {"gfs": GFS, "ifs": IFS}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folder of one run of each model on a 10 degree globe."""
    folders = {}
    for name, model in MODELS.items():
        folders[name] = tmp_path_factory.mktemp(name)
        simulate_run(folders[name], model, RUN, LEADS[name], model_grid(model, 10.0))
    return folders


@pytest.fixture(params=["gfs", "ifs"])
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS[request.param]


@contextmanager
def decoded(message: bytes) -> Iterator[int]:
    handle = eccodes.codes_new_from_message(message)
    try:
        yield handle
    finally:
        eccodes.codes_release(handle)


def value(message: bytes, lat: float, lon: float) -> float:
    """ecCodes' own nearest point."""
    with decoded(message) as handle:
        return float(eccodes.codes_grib_find_nearest(handle, lat, lon)[0].value)


def lines_of(folder: Path, product: Product, lead: int) -> list[tuple[str, bytes]]:
    """(index line, the message at its offset) of a file."""
    data = (folder / product.data_path(RUN, lead)).read_bytes()
    lines = (folder / product.index_path(RUN, lead)).read_text().splitlines()
    if product.kind is IndexKind.ECMWF:
        rows = [json.loads(line) for line in lines]
        return [(line, data[row["_offset"] :][: row["_length"]]) for line, row in zip(lines, rows, strict=True)]
    starts = [int(line.split(":")[1]) for line in lines]
    return [(line, data[a:b]) for line, a, b in zip(lines, starts, [*starts[1:], len(data)], strict=True)]


def found(model: Model, folder: Path, lead: int, name: str) -> list[tuple[FieldId, bytes]]:
    """Every message of a lead that is the wanted variable `name`."""
    (wanted,) = (wanted for wanted in model.wanted if wanted.name == name)
    pairs = [(fields(message)[0], message) for _, message in lines_of(folder, model.product(wanted.product), lead)]
    return [pair for pair in pairs if match(pair[0], wanted)]


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
    assert window(Statistic.ACCUMULATION, (24, 72)) == "1-3 day acc fcst"


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


def test_messages_are_packed_as_the_producer_packs_them(runs: dict[str, Path]) -> None:
    for model, lead, packing in ((GFS, 7, "grid_complex_spatial_differencing"), (IFS, 6, "grid_ccsds")):
        for _, message in lines_of(runs[model.name], model.products[0], lead):
            with decoded(message) as handle:
                assert eccodes.codes_get(handle, "packingType") == packing
                assert eccodes.codes_get(handle, "centre") == {"gfs": "kwbc", "ifs": "ecmf"}[model.name]
    ((_, message),) = found(GFS, runs["gfs"], 7, "air_temperature_2m")
    with decoded(message) as handle:
        assert eccodes.codes_get(handle, "decimalScaleFactor") == 1
        assert eccodes.codes_get(handle, "binaryScaleFactor") == 0


def test_values_decode_to_the_weather_within_the_packing_step(runs: dict[str, Path], model: Model) -> None:
    random = np.random.default_rng(7)
    for lead in LEADS[model.name][1:4]:
        lats, lons = random.choice(np.arange(-80, 90, 10), 6), random.choice(np.arange(-170, 180, 10), 6)
        for lat, lon in zip(lats, lons, strict=True):
            moment = Weather(np.array([float(lat)]), np.array([float(lon)])).at(
                RUN + timedelta(hours=lead), model.name, lead
            )
            for wanted in model.wanted:
                if not hasattr(Moment, wanted.name) or wanted.statistic is not Statistic.INSTANT:
                    continue
                ((_, message),) = found(model, runs[model.name], lead, wanted.name)
                with decoded(message) as handle:
                    scale = [eccodes.codes_get(handle, f"{base}ScaleFactor") for base in ("binary", "decimal")]
                step = 2.0 ** scale[0] / 10.0 ** scale[1]
                exact = float(getattr(moment, wanted.name)[0, 0]) / wanted.factor
                # The reference value is a float32.
                assert value(message, lat, lon) == pytest.approx(exact, abs=step * 0.51 + abs(exact) * 1e-7), (
                    wanted.name
                )


def test_amounts_reset_every_six_hours_at_ncep_and_never_at_ecmwf(runs: dict[str, Path]) -> None:
    def amount(model: Model, lead: int, start: int, name: str) -> np.ndarray:
        for field, message in found(model, runs[model.name], lead, name):
            if field.interval == (start * 60, lead * 60):
                with decoded(message) as handle:
                    return np.asarray(eccodes.codes_get_values(handle))
        raise LookupError(f"{name} {start}-{lead}")

    rain = "precipitation_amount_surface"
    total = amount(GFS, 12, 0, rain)
    np.testing.assert_allclose(amount(GFS, 6, 0, rain) + amount(GFS, 12, 6, rain), total, atol=0.002)
    assert (amount(GFS, 7, 6, rain) <= amount(GFS, 12, 6, rain) + 0.001).all()
    assert total.max() > 1
    shine = "downward_shortwave_flux_surface"
    part, whole = amount(GFS, 7, 6, shine), amount(GFS, 12, 6, shine)
    assert (part <= 6 * whole + 0.5).all()
    assert (np.diff([amount(IFS, lead, 0, rain) for lead in (3, 6, 9, 24, 150)], axis=0) >= -1e-5).all()
    joules = amount(IFS, 24, 0, shine)
    assert 5e6 < joules.max() < 4.5e7
    # Both models see nearly the same rain: metres and kilograms per square metre.
    assert 1000 * amount(IFS, 6, 0, rain).mean() == pytest.approx(amount(GFS, 6, 0, rain).mean(), rel=0.05)


def test_flags_in_the_file_agree_with_rain_in_the_file(runs: dict[str, Path]) -> None:
    def array(model: Model, lead: int, name: str) -> np.ndarray:
        ((_, message),) = found(model, runs[model.name], lead, name)
        with decoded(message) as handle:
            return np.asarray(eccodes.codes_get_values(handle))

    for lead in (0, 6, 24):
        wet = array(GFS, lead, "precipitation_rate_surface") > 0
        flags = sum(
            array(GFS, lead, f"categorical_{kind}_surface") for kind in ("rain", "snow", "ice_pellets", "freezing_rain")
        )
        np.testing.assert_array_equal(flags, wet.astype(float))
        code = array(IFS, lead, "precipitation_type_surface")
        np.testing.assert_array_equal(code > 0, array(IFS, lead, "precipitation_rate_surface") > 0)
        assert set(code) <= {0, 1, 3, 5, 6, 7, 8}


def test_the_gust_of_a_step_is_the_strongest_of_its_hours() -> None:
    weather = Weather(np.array([50.0]), np.arange(0.0, 360.0, 10.0))
    amounts = Amounts(weather, RUN, "ifs", ())
    (part,) = (part for part in parts_of(IFS, IFS.products[0], ECMWF) if part.wanted.name == "wind_gust_10m")
    assert part.interval(150, 144, 0) == (144, 150)
    for start, end in ((0, 3), (3, 6)):
        amounts.advance(end, frozenset((start, end)))
        strongest = values_of(part, (start, end), amounts, amounts.moment(end))
        hours = [amounts.moment(hour).wind_gust_10m for hour in range(start, end + 1)]
        np.testing.assert_array_equal(strongest, np.max(hours, axis=0))


@pytest.mark.parametrize(
    "grid",
    [
        LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36),
        LatLonGrid(-90.0, 10.0, 19, 180.0, 10.0, 36),
        LatLonGrid(40.0, 0.25, 9, -1.0, 0.25, 9),
        LatLonGrid(42.0, -0.25, 9, 179.0, 0.25, 9),
    ],
    ids=["globe", "south to north from 180", "2 degrees across Greenwich", "2 degrees across 180"],
)
def test_any_grid_says_the_same_about_a_place(tmp_path: Path, grid: LatLonGrid, model: Model) -> None:
    simulate_run(tmp_path, model, RUN, (6,), grid)
    ((_, message),) = found(model, tmp_path, 6, "air_pressure_mean_sea_level")
    for y, x in ((0, 0), (grid.ny // 2, grid.nx // 2), (grid.ny - 1, grid.nx - 1)):
        lat, lon = grid.lat0 + y * grid.dlat, grid.lon0 + x * grid.dlon
        moment = Weather(np.array([lat]), np.array([lon])).at(RUN + timedelta(hours=6), model.name, 6)
        assert value(message, lat, lon) == pytest.approx(float(moment.air_pressure_mean_sea_level[0, 0]), abs=0.6)
    with decoded(message) as handle:
        assert eccodes.codes_get(handle, "jScansPositively") == (grid.dlat > 0)
        assert np.allclose(np.unique(eccodes.codes_get_array(handle, "distinctLatitudes")), sorted(grid.axes()[1]))


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
