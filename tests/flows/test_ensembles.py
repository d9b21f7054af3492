"""What stores of ensembles say, against NumPy over the values that ecCodes reads of all members."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import eccodes
import numpy as np
import pytest
from numpy.typing import NDArray

from deployments.simulator.run import model_grid, simulate_run
from flows import gefs, ifs_ens
from flows.ingest import ingest
from flows.model import Model
from flows.report import IngestReport
from flows.request import IngestRequest
from storage.grids import Cell
from storage.reader import Store
from tasks.errors import NoMirrorLeft

pytestmark = pytest.mark.usefixtures("in_one_process")

RUN = datetime(2026, 1, 20, tzinfo=UTC)
LEADS = (3, 6, 9, 12)
Fields = dict[tuple[str, int, int], NDArray[np.float64]]
"""(ecCodes' name of the parameter, end in hours, member) -> [y, x]."""
GRID = 19 * 36

SHORT = {
    (0, 0, 0): "t",
    (0, 2, 2): "u",
    (0, 2, 3): "v",
    (0, 1, 8): "rain",
    (0, 1, 193): "freezing rain or rain",
    (0, 1, 195): "snow",
    (0, 1, 19): "type",
}


def read(folder: Path) -> Fields:
    """Every message of a mirror's files at 2 m, 10 m or the ground."""
    found: Fields = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.suffix in (".idx", ".index"):
            continue
        with path.open("rb") as file:
            while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
                number = tuple(
                    eccodes.codes_get(handle, key) for key in ("discipline", "parameterCategory", "parameterNumber")
                )
                level = eccodes.codes_get(handle, "level")
                if number in SHORT and level in (0, 2, 10):
                    end, member = (eccodes.codes_get_long(handle, key) for key in ("endStep", "perturbationNumber"))
                    values = eccodes.codes_get_values(handle)
                    found[SHORT[number], end, member] = values.reshape(19, 36)
                eccodes.codes_release(handle)
    return found


class Ensemble:
    """A simulated run of an ensemble, its mirror and its messages."""

    def __init__(self, model: Model, folder: Path) -> None:
        self.model = model
        self.mirror = folder / "mirror"
        simulate_run(self.mirror, model, RUN, LEADS, model_grid(model, 10.0))
        self.fields = read(self.mirror)
        self.members = model.products[0].members

    def stack(self, name: str, lead: int) -> NDArray[np.float64]:
        """[member, y, x]."""
        return np.array([self.fields[name, lead, member] for member in self.members])

    def ingest(self, folder: Path, mirror: Path | None = None, leads: str = "3-12/3") -> tuple[IngestReport, Path]:
        request = IngestRequest(
            mirror=str(mirror or self.mirror),
            init_time=RUN,
            leads=leads,
            bucket=str(folder / "bucket"),
            work=folder / "work",
            now=RUN,
        )
        report = ingest(self.model, request)
        return report, folder / "bucket" / report.key


@pytest.fixture(scope="module")
def american(tmp_path_factory: pytest.TempPathFactory) -> Ensemble:
    return Ensemble(gefs.MODEL, tmp_path_factory.mktemp("gefs"))


@pytest.fixture(scope="module")
def european(tmp_path_factory: pytest.TempPathFactory) -> Ensemble:
    return Ensemble(ifs_ens.MODEL, tmp_path_factory.mktemp("ifs_ens"))


def in_store(path: Path) -> dict[str, NDArray[np.float64]]:
    """Variable -> [lead, y, x]."""
    with Store.open(path) as store:
        cells = [[store.point(Cell(y, x)) for x in range(36)] for y in range(19)]
        values = np.array(cells, np.float64).transpose(2, 3, 0, 1)
        return {name: values[number] for name, number in store.index.items()}


def close(found: NDArray[np.float64], expected: NDArray[np.float64], step: float) -> None:
    assert np.abs(found - expected).max() <= 0.51 * step + 2e-5


def amounts_of(ensemble: Ensemble, lead: int) -> NDArray[np.float64]:
    """mm of the last three hours, by hand: NCEP's buckets begin at every sixth hour, ECMWF's metres at the start."""
    if ensemble.model is gefs.MODEL:
        own = ensemble.stack("rain", lead)
        return np.maximum(own - (ensemble.stack("rain", lead - 3) if lead % 6 == 0 else 0.0), 0.0)
    total = [1000.0 * ensemble.stack("freezing rain or rain", end) for end in LEADS if end <= lead]
    return np.maximum(total[-1] - (total[-2] if lead > 3 else 0.0), 0.0)


@pytest.mark.parametrize("which", ["american", "european"])
def test_a_store_says_what_numpy_makes_of_all_members(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    ensemble: Ensemble = request.getfixturevalue(which)
    report, path = ensemble.ingest(tmp_path)
    assert (report.missing, report.withheld, report.problems) == ([], {}, [])
    store = in_store(path)
    assert store.keys() == {name for joint in ensemble.model.joints for name in joint.makes}
    count = len(ensemble.members)
    share = 100.0 / count
    for row, lead in enumerate(LEADS):
        warm, wind = (ensemble.stack("t", lead), np.hypot(ensemble.stack("u", lead), ensemble.stack("v", lead)))
        fallen = amounts_of(ensemble, lead)
        assert 0.0 < (fallen > 0.3).mean() < 1.0
        for percent in (10, 50, 90):
            close(store[f"air_temperature_p{percent}_2m"][row], np.percentile(warm, percent, axis=0), 0.01)
            close(store[f"wind_speed_p{percent}_10m"][row], np.percentile(wind, percent, axis=0), 0.01)
            close(store[f"precipitation_amount_p{percent}_surface"][row], np.percentile(fallen, percent, axis=0), 0.02)
        close(store["precipitation_amount_mean_surface"][row], fallen.mean(axis=0), 0.02)
        close(store["precipitation_amount_spread_surface"][row], fallen.std(axis=0, ddof=1), 0.02)
        # Amounts are multiples of the packing's step, and so may be the limit itself.
        edge = share * (np.abs(fallen - 0.3) < 1e-4).sum(axis=0)
        off = np.abs(store["precipitation_probability_surface"][row] - 100.0 * (fallen > 0.3).mean(axis=0))
        assert (off <= 0.051 + edge).all()
        if which == "american":
            flags = ensemble.stack("snow", lead)
            snow = np.clip(2 * flags - ensemble.stack("snow", lead - 3) if lead % 6 == 0 else flags, 0, 1) > 0.1
        else:
            snow = np.isin(ensemble.stack("type", lead), (5, 6, 9))
        # What falls out of a difference of two packed totals is no amount at times.
        dust = share * ((fallen > 0) & (fallen < 1e-6)).sum(axis=0)
        off = np.abs(store["snow_probability_surface"][row] - 100.0 * (snow & (fallen > 0)).mean(axis=0))
        assert (off <= 0.051 + dust).all()
        assert store["snow_probability_surface"][row].max() > 50


def test_every_member_has_weather_of_its_own(american: Ensemble) -> None:
    warm = american.stack("t", 12)
    assert all(np.abs(one - other).max() > 0.05 for one, other in pairwise(warm))


def without(ensemble: Ensemble, folder: Path, lost: Callable[[Path], bool]) -> Path:
    """The mirror without some files."""
    for path in ensemble.mirror.rglob("*"):
        if path.is_file() and not lost(path):
            copy = folder / path.relative_to(ensemble.mirror)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.hardlink_to(path)
    return folder


def test_a_missing_member_makes_a_smaller_ensemble_that_the_store_tells(american: Ensemble, tmp_path: Path) -> None:
    """Member 7 lacks 9 h: of the six hours to 12 h it cannot say what fell in the last three."""
    mirror = without(american, tmp_path / "mirror", lambda path: ".f009" in path.name and "gep07" in path.name)
    report, path = american.ingest(tmp_path, mirror)
    assert report.missing == []
    assert "lead 9: 30 of 31 members came, not p07" in report.problems
    assert "air_temperature_2m: 30 of 31 members at 9" in report.problems
    with Store.open(path) as store:
        members = store.schema.provenance["members"]
    assert members["air_temperature_2m"] == {"31": "3,6,12", "30": "9"}
    store_values = in_store(path)
    kept = [number for number, member in enumerate(american.members) if member != 7]
    for row, lead in enumerate(LEADS):
        own = kept if lead in (9, 12) else slice(None)
        expected = amounts_of(american, lead)[own].mean(axis=0)
        close(store_values["precipitation_amount_mean_surface"][row], expected, 0.02)
        own = kept if lead == 9 else slice(None)
        close(store_values["air_temperature_p50_2m"][row], np.median(american.stack("t", lead)[own], axis=0), 0.01)


def test_a_missing_member_of_a_common_file_is_told_too(european: Ensemble, tmp_path: Path) -> None:
    mirror = without(european, tmp_path / "mirror", lambda path: "-6h-" in path.name and path.suffix == ".index")
    (index,) = european.mirror.rglob("*-6h-*.index")
    lines = [line for line in index.read_text().splitlines() if json.loads(line).get("number") != "9"]
    (mirror / index.relative_to(european.mirror)).write_text("\n".join(lines))
    # What the index does not list is looked for in the file itself.
    data = mirror / index.relative_to(european.mirror).with_suffix(".grib2")
    whole = data.read_bytes()
    rows = [json.loads(line) for line in index.read_text().splitlines()]
    data.unlink()
    data.write_bytes(
        b"".join(
            (b"\0" * row["_length"]) if row.get("number") == "9" else whole[row["_offset"] :][: row["_length"]]
            for row in rows
        )
    )
    report, path = european.ingest(tmp_path, mirror, leads="3,6")
    assert report.missing == []
    assert "air_temperature_2m: 49 of 50 members at 6" in report.problems
    kept = [number for number, member in enumerate(european.members) if member != 9]
    expected = np.median(european.stack("t", 6)[kept], axis=0)
    close(in_store(path)["air_temperature_p50_2m"][1], expected, 0.01)


def test_too_few_members_fail_the_run(american: Ensemble, tmp_path: Path) -> None:
    mirror = without(american, tmp_path / "mirror", lambda path: "gep2" in path.name or "gep1" in path.name)
    with pytest.raises(NoMirrorLeft, match="11 of 31 members came, at least 20 are needed"):
        american.ingest(tmp_path, mirror)
    assert not (tmp_path / "bucket").exists() or not list((tmp_path / "bucket").rglob("*.zip"))
