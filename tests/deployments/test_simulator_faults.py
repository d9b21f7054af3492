"""Each fault of a simulated file does what it says, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployments.simulator.faults import FaultKind, FileFault, apply_faults, messages, parse_fault
from deployments.simulator.run import model_grid, simulate_run
from flows.crew import PlainCrew
from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from flows.ingest import ingest
from flows.model import Model
from flows.request import IngestRequest
from tasks.errors import IngestError, MessageError
from tasks.field import match
from tasks.grib import fields
from tasks.scan import scan_file

RUN = datetime(2026, 4, 20, tzinfo=UTC)
MODELS = {"gfs": GFS, "ifs": IFS}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Leads 3 and 6 of both models, nothing wrong with them."""
    folder = tmp_path_factory.mktemp("sound")
    for model in MODELS.values():
        simulate_run(folder, model, RUN, (3, 6), model_grid(model, 10.0))
    return folder


@pytest.fixture(params=["gfs", "ifs"])
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS[request.param]


Spoil = Callable[..., tuple[Path, Path]]


@pytest.fixture
def spoil(sound: Path, tmp_path: Path, model: Model) -> Spoil:
    """spoil(kind): a copy of `sound` with the fault at lead 6; gives its data and index file."""

    def spoil(kind: FaultKind) -> tuple[Path, Path]:
        shutil.copytree(sound, tmp_path / "bucket")
        apply_faults(tmp_path / "bucket", model, RUN, [FileFault(kind, 6)])
        product = model.product("main")
        return tmp_path / "bucket" / product.data_path(RUN, 6), tmp_path / "bucket" / product.index_path(RUN, 6)

    return spoil


def test_a_missing_lead_has_neither_data_nor_index(spoil: Spoil) -> None:
    data, index = spoil(FaultKind.MISSING)
    assert not data.exists()
    assert not index.exists()


def test_a_truncated_file_ends_inside_a_message(spoil: Spoil, sound: Path, tmp_path: Path) -> None:
    data, index = spoil(FaultKind.TRUNCATED)
    whole = sound / data.relative_to(tmp_path / "bucket")
    assert 0.7 * whole.stat().st_size < data.stat().st_size < whole.stat().st_size
    assert whole.read_bytes().startswith(data.read_bytes())
    with pytest.raises(MessageError, match="cut short"):
        scan_file(data)
    assert index.read_bytes() == (sound / index.relative_to(tmp_path / "bucket")).read_bytes()


def test_a_stale_index_names_the_same_messages_elsewhere(spoil: Spoil, sound: Path, tmp_path: Path) -> None:
    data, index = spoil(FaultKind.STALE_INDEX)
    before = (sound / index.relative_to(tmp_path / "bucket")).read_text().splitlines()
    after = index.read_text().splitlines()
    assert len(after) == len(before)
    assert sum(a == b for a, b in zip(after, before, strict=True)) <= 1
    assert data.read_bytes() == (sound / data.relative_to(tmp_path / "bucket")).read_bytes()


def test_a_corrupt_message_is_a_wanted_one_and_cannot_be_read(spoil: Spoil, sound: Path, tmp_path: Path) -> None:
    data, _ = spoil(FaultKind.CORRUPT)
    before, after = (sound / data.relative_to(tmp_path / "bucket")).read_bytes(), data.read_bytes()
    broken = [(a, b) for a, b in messages(before) if before[a:b] != after[a:b]]
    assert len(before) == len(after)
    assert len(broken) == 1
    ((start, end),) = broken
    with pytest.raises(MessageError):
        fields(after[start:end])


def test_a_mislabelled_message_is_dew_point_under_the_name_of_temperature(spoil: Spoil, model: Model) -> None:
    data, index = spoil(FaultKind.MISLABELLED)
    rows = {wanted.name: wanted for wanted in model.wanted}
    lines = index.read_text().splitlines()
    blob = data.read_bytes()
    names = {"gfs": (":TMP:2 m above ground", ":DPT:2 m above ground"), "ifs": ('"param": "2t"', '"param": "2d"')}
    for name, what in zip(names[model.name], ("dew_point_temperature_2m", "air_temperature_2m"), strict=True):
        (number,) = (number for number, line in enumerate(lines) if name in line)
        start, end = list(messages(blob))[number]
        assert match(fields(blob[start:end])[0], rows[what])


def test_another_runs_messages_say_so(spoil: Spoil) -> None:
    data, _ = spoil(FaultKind.OTHER_RUN)
    assert {entry.field.init_time for entry in scan_file(data)} == {RUN - timedelta(hours=6)}


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind is not FaultKind.MISSING])
def test_ingest_never_publishes_a_fault_as_weather(spoil: Spoil, model: Model, tmp_path: Path, kind: FaultKind) -> None:
    spoil(kind)
    request = IngestRequest(
        mirror=str(tmp_path / "bucket"),
        leads="3,6",
        init_time=RUN,
        bucket=str(tmp_path / "published"),
        work=tmp_path / "work",
        now=RUN,
    )
    if kind in (FaultKind.STALE_INDEX, FaultKind.MISLABELLED):
        # The data are sound: the file is scanned and indexed anew.
        assert ingest(model, request, PlainCrew(lambda text: None)).leads == [3, 6]
        return
    with pytest.raises(IngestError, match=model.name):
        ingest(model, request, PlainCrew(lambda text: None))


def test_a_fault_is_written_as_kind_and_lead() -> None:
    assert parse_fault("missing@6") == FileFault(FaultKind.MISSING, 6)
    assert parse_fault("stale-index@120:secondary") == FileFault(FaultKind.STALE_INDEX, 120, "secondary")
    for text in ("missing", "corupt@6", "missing@x", "@6"):
        with pytest.raises(ValueError, match="write KIND@LEAD, where KIND is missing, truncated"):
            parse_fault(text)


def test_faults_that_have_no_file_are_errors(sound: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        apply_faults(sound, GFS, RUN, [FileFault(FaultKind.TRUNCATED, 9)])
    with pytest.raises(LookupError, match="gfs has no product 'third'; products: main, secondary"):
        apply_faults(sound, GFS, RUN, [FileFault(FaultKind.TRUNCATED, 6, "third")])
