"""Real files of NCEP and ECMWF, all the way into a store, against ecCodes' own nearest point."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import eccodes
import numpy as np
import pytest
from numpy.typing import NDArray

from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from flows.model import Model
from storage.grids import Cell
from storage.reader import Store
from storage.schema import StoredVariable
from storage.variables import Statistic
from tasks.check import check_store
from tasks.scan import stage_files
from tasks.wanted import StagedMessage, Wanted
from tasks.write import RunFacts, write_store

CELLS = 12


@dataclass(frozen=True)
class Run:
    """A store made of real files and the messages it was made of."""

    model: Model
    store: Store
    messages: tuple[StagedMessage, ...]

    def cells(self) -> list[Cell]:
        ny, nx = self.store.schema.grid.shape
        chance = random.Random(self.model.name)
        # Not the poles, where every column is the same place.
        return [Cell(chance.randrange(1, ny - 1), chance.randrange(nx)) for _ in range(CELLS)]

    def wanted(self, name: str) -> Wanted:
        return next(row for row in self.model.wanted if row.name == name)

    def stored(self, name: str) -> StoredVariable:
        return self.store.schema.variables[self.store.index[name]]

    def series(self, name: str, cell: Cell) -> NDArray[np.float64]:
        return self.store.point(cell)[self.store.index[name]].astype(np.float64)


def ingest(model: Model, files: list[Path], folder: Path) -> Run:
    staged = stage_files(files, model.wanted)
    facts = RunFacts(model.name, staged.init_time, model.freshness, model.attribution, model.licence)
    written = write_store(
        facts, model.wanted, staged.messages, folder / "run.zarr.zip", box=None, scratch=folder, provenance={},
        progress=lambda done, total: None,
    )  # fmt: skip
    assert written.anomalies == {}
    assert check_store(written.path, model.wanted, staged.messages) > 0
    return Run(model, Store.open(written.path), staged.messages)


def truth(message: StagedMessage, places: list[tuple[float, float]]) -> tuple[list[float], float]:
    """ecCodes' nearest values, NaN = missing, and the packing step; by the file, not by our reading of messages."""
    with open(message.blob, "rb") as file:
        file.seek(message.offset)
        handle = eccodes.codes_grib_new_from_file(file)
    if eccodes.codes_get(handle, "edition") == 1:
        # SailDocs writes a negative step between rows, which ecCodes cannot read.
        eccodes.codes_set(handle, "ijDirectionIncrementGiven", 0)
    found = [eccodes.codes_grib_find_nearest(handle, round(lat, 6), round(lon, 6))[0] for lat, lon in places]
    for (lat, lon), point in zip(places, found, strict=True):
        assert point.lat == pytest.approx(lat, abs=1e-3)
        assert (point.lon - lon + 180) % 360 == pytest.approx(180, abs=1e-3)
    missing = eccodes.codes_get(handle, "missingValue")
    step = 2.0 ** eccodes.codes_get(handle, "binaryScaleFactor") * 10.0 ** -eccodes.codes_get(
        handle, "decimalScaleFactor"
    )
    constant = eccodes.codes_get(handle, "bitsPerValue") == 0
    eccodes.codes_release(handle)
    return [np.nan if point.value == missing else point.value for point in found], 0.0 if constant else step


FILES = {
    "gfs poland": (GFS, "gfs/gfs.20200804*.poland.grib2"),
    "ifs channel": (IFS, "ecmwf/ecmwf_ifs_*channel.grib2"),
    "ifs 10 x 3": (IFS, "ecmwf/ecmwf_ifs_*10x3.grib2"),
    "ifs 40 x 40": (IFS, "ecmwf/ecmwf_ifs_*40x40.grib2"),
    "ifs 80 x 80": (IFS, "ecmwf/ecmwf_ifs_*80x80.grib2"),
    "grib1 65 steps": (GFS, "gfs/gfs_20160229_06z_2t_65steps.grb1"),
    "grib1 zygrib": (GFS, "gfs/zygrib_gfs_20130214_06z_0-72h.grb1"),
    "complex, whole globe": (GFS, "gfs/gfs.20210604.t12z.pgrb2.0p25.f000.wind.grib2"),
    "complex, 2.5 degrees": (GFS, "gfs/gfs.20170322.t00z.pgrb2.2p50.f000.grib2"),
    "ccsds, whole globe": (IFS, "ecmwf/gribberish_ecmwf-ifs-oper-surface.grib2"),
}


@pytest.fixture(scope="module", params=sorted(FILES))
def run(request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    model, pattern = FILES[request.param]
    return ingest(model, sorted(shared_data.glob(pattern)), tmp_path_factory.mktemp("real"))


def test_every_instant_is_eccodes_nearest_within_the_steps(run: Run) -> None:
    cells = run.cells()
    places = [run.store.schema.grid.latlon(cell) for cell in cells]
    chance = random.Random(1)
    compared = set()
    for name in run.store.schema.names:
        wanted = run.wanted(name)
        mine = [message for message in run.messages if message.variable == name]
        if wanted.statistic is not Statistic.INSTANT:
            continue
        for message in chance.sample(mine, min(3, len(mine))):
            values, step = truth(message, places)
            row = run.store.schema.lead_times.index(message.lead)
            found = [run.series(name, cell)[row] for cell in cells]
            allowed = (step * wanted.factor + run.stored(name).scale_factor) / 2
            expected = np.array(values) * wanted.factor
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=allowed)
            compared.add(name)
    assert compared


def test_intervals_add_up_to_every_total_of_the_run(run: Run) -> None:
    """Of whatever convention the message is; for means, the means weighted with their lengths."""
    cells = run.cells()
    places = [run.store.schema.grid.latlon(cell) for cell in cells]
    for message in run.messages:
        wanted = run.wanted(message.variable)
        start, end = message.interval
        if wanted.statistic not in (Statistic.ACCUMULATION, Statistic.MEAN) or start == end or end % 720:
            continue
        stored = run.stored(message.variable)
        values, step = truth(message, places)
        leads = np.array(run.store.schema.lead_times)
        within = (leads > start) & (leads <= end)
        minutes = np.array(stored.intervals)[within]
        assert minutes.sum() == end - start
        weights = minutes / (end - start) if wanted.statistic is Statistic.MEAN else np.ones(len(minutes))
        for cell, value in zip(cells, values, strict=True):
            total = (run.series(message.variable, cell)[within] * weights).sum()
            allowed = weights.sum() * stored.scale_factor / 2 + 2 * step * wanted.factor
            assert total == pytest.approx(value * wanted.factor, abs=allowed)


def test_rain_of_two_buckets_is_the_rain_of_the_whole_twelve_hours(shared_data: Path, tmp_path: Path) -> None:
    run = ingest(GFS, sorted((shared_data / "gfs").glob("gfs.20200804*.poland.grib2")), tmp_path)
    rain = "precipitation_amount_surface"
    assert run.stored(rain).intervals == (0, 360, 360)
    whole = eccodes_rain(shared_data / "gfs" / "gfs.20200804.t12z.pgrb2.0p25.f012.poland.grib2", "0-12")
    found = np.array([[run.series(rain, Cell(y, x))[1:].sum() for x in range(49)] for y in range(33)])
    assert whole.max() > 10
    # Two packings of 0.0625 kg m-2 or finer lie between the three messages.
    np.testing.assert_allclose(found, whole, atol=0.13)


def test_the_run_total_of_twelve_hours_after_six_gives_the_second_bucket(shared_data: Path, tmp_path: Path) -> None:
    """Both conventions of the same file agree: 0-12 h less 0-6 h is 6-12 h."""
    files = sorted((shared_data / "gfs").glob("gfs.20200804*.poland.grib2"))
    staged = stage_files(files, GFS.wanted)
    messages = [message for message in staged.messages if message.variable == "precipitation_amount_surface"]
    where = message_at(files[-1], "0-12")
    last = replace(messages[-1], interval=(0, 720), offset=where[0], length=where[1])
    facts = RunFacts("gfs", staged.init_time, GFS.freshness, "", "")
    written = write_store(
        facts, GFS.wanted, [*messages[:-1], last], tmp_path / "run.zarr.zip", box=None, scratch=tmp_path,
        provenance={}, progress=lambda done, total: None,
    )  # fmt: skip
    assert written.schema.variables[0].intervals == (360, 360)
    bucket = eccodes_rain(files[-1], "6-12")
    with Store.open(written.path) as store:
        found = np.array([[store.point(Cell(y, x))[0, 1] for x in range(49)] for y in range(33)])
    known = ~np.isnan(found)
    assert known.mean() > 0.99
    np.testing.assert_allclose(found[known], bucket[known], atol=0.13)


def test_a_polar_stereographic_message_of_canada_answers_with_eccodes_nearest_values(
    shared_data: Path, tmp_path: Path
) -> None:
    name = "air_temperature_2m"
    model = replace(GFS, wanted=tuple(row for row in GFS.wanted if row.name == name))
    run = ingest(model, [shared_data / "other" / "CMC_hrdps_east_TMP_2m_20190811_P024.grib2"], tmp_path)
    grid = run.store.schema.grid
    assert (grid.kind, grid.shape) == ("polar_stereographic", (570, 765))
    cells = run.cells()
    expected, step = truth(run.messages[0], [grid.latlon(cell) for cell in cells])
    found = [float(run.series(name, cell)[0]) for cell in cells]
    np.testing.assert_allclose(found, expected, rtol=0, atol=run.stored(name).scale_factor / 2 + step)


def message_at(path: Path, step_range: str) -> tuple[int, int]:
    """Offset and length of the rain message of a file over a step range."""
    with path.open("rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            name, steps = eccodes.codes_get(handle, "shortName"), eccodes.codes_get(handle, "stepRange")
            place = eccodes.codes_get_message_offset(handle), eccodes.codes_get_message_size(handle)
            eccodes.codes_release(handle)
            if (name, steps) == ("tp", step_range):
                return place
    raise AssertionError(f"{path} has no tp over {step_range}")


def eccodes_rain(path: Path, step_range: str) -> NDArray[np.float64]:
    """[y, x] of the Poland crop, which runs from south to north."""
    offset, length = message_at(path, step_range)
    handle = eccodes.codes_new_from_message(path.read_bytes()[offset : offset + length])
    values = eccodes.codes_get_array(handle, "values").reshape(33, 49)
    eccodes.codes_release(handle)
    return values
