"""From staged messages to a finished store, against what was put into the messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import eccodes
import numpy as np
import pytest
import xarray
from numpy.typing import NDArray

from storage.errors import DiskFull
from storage.grids import Box, Cell
from storage.reader import Store
from storage.schema import Freshness
from storage.short import short_of
from storage.variables import Statistic
from storage.verify import verify
from tasks.decode import opened
from tasks.errors import DecodeError, GateFailed
from tasks.gate import Gate
from tasks.wanted import Bucket, Level, StagedMessage, Wanted
from tasks.write import RunFacts, Written, write_store

RUN = datetime(2026, 4, 20, tzinfo=UTC)
FACTS = RunFacts("gfs", RUN, Freshness(330, 400, 7200), "someone", "free")
WARM = Wanted("air_temperature_2m", (), Level(103, 2))
DAMP = Wanted("relative_humidity_2m", (), Level(103, 2))
RAIN = Wanted("precipitation_amount_surface", (), Level(1), statistic=Statistic.ACCUMULATION, bucket=Bucket.INTERVAL)
WANTED = (WARM, DAMP, RAIN)
WAVES = 280 + 10 * np.sin(np.arange(23 * 25).reshape(23, 25) / 7.0)

Write = Callable[..., Written]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write(messages, box): the store of RUN in a folder of the test."""

    def write(messages: list[StagedMessage], box: Box | None = None, short: int | None = None, **more: Any) -> Written:
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        options = {"box": box, "scratch": scratch, "provenance": {"asked": "by a test"}, "progress": lambda *pair: None}
        facts = replace(FACTS, short=short)
        return write_store(facts, WANTED, messages, tmp_path / "run.zarr.zip", **options | more)

    return write


def cube(path: Path, name: str) -> NDArray[np.float32]:
    """[time, y, x] of a store."""
    with Store.open(path) as store:
        row = store.index[name]
        ny, nx = store.schema.grid.shape
        points = [[store.point(Cell(y, x))[row] for x in range(nx)] for y in range(ny)]
        return np.moveaxis(np.array(points), 2, 0)


def rising(stage: Any, leads: range) -> list[StagedMessage]:
    """Temperature and rain of hourly leads, and humidity of the last one only."""
    messages = [stage.field(WAVES + lead, interval=(lead * 60, lead * 60)) for lead in leads]
    messages += [
        stage.field(np.full_like(WAVES, 2.0 * lead), "precipitation_amount_surface", (0, lead * 60))
        for lead in leads
        if lead
    ]
    last = leads[-1]
    return [*messages, stage.field(WAVES - 250, "relative_humidity_2m", (last * 60, last * 60))]


def test_a_short_store_holds_the_first_leads_to_the_bit(stage: Any, write: Write) -> None:
    written = write(
        rising(stage, range(4)), short=120, provenance={"leads": {"0": {"bytes": 1}, "180": {"bytes": 2}}, "asked": "x"}
    )
    assert written.short
    verify(written.short.path)
    with Store.open(written.path) as whole, Store.open(written.short.path) as short:
        assert short.schema == short_of(whole.schema, 120) == written.short.schema
        assert (short.schema.lead_times, short.schema.names) == ((0, 60, 120), whole.schema.names)
        assert [stored.intervals for stored in short.schema.variables] == [(0, 0, 0), (0, 0, 0), (0, 60, 60)]
        assert short.schema.provenance["leads"] == {"0": {"bytes": 1}}
        assert short.schema.provenance["asked"] == "x"
        ny, nx = whole.schema.grid.shape
        for cell in (Cell(y, x) for y in range(ny) for x in range(nx)):
            np.testing.assert_array_equal(short.point(cell), whole.point(cell)[:, :3])


def test_without_any_first_lead_there_is_no_short_store(stage: Any, write: Write, tmp_path: Path) -> None:
    written = write(rising(stage, range(2, 4)), short=60)
    assert written.short is None
    assert [path.name for path in tmp_path.glob("*.zarr.zip*")] == ["run.zarr.zip"]


def test_what_fails_leaves_no_short_store_either(
    stage: Any, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(schema: Any, path: Any) -> None:
        if Path(path).name.startswith("run"):
            raise DiskFull("no room left")

    monkeypatch.setattr("storage.writer.spot_check", lambda path, schema: full(schema, path))
    with pytest.raises(DiskFull):
        write(rising(stage, range(4)), short=120)
    assert list(tmp_path.glob("*.zarr.zip*")) == []


def test_a_store_holds_what_was_put_into_the_messages(stage: Any, write: Write) -> None:
    messages = [stage.field(WAVES + lead, interval=(lead * 60, lead * 60)) for lead in (0, 1, 2)]
    messages += [stage.field(WAVES - 250 - lead, "relative_humidity_2m", (lead * 60, lead * 60)) for lead in (0, 2)]
    messages += [
        stage.field(np.full_like(WAVES, 2.0 * lead), "precipitation_amount_surface", (0, lead * 60)) for lead in (1, 2)
    ]
    written = write(messages[::-1])
    schema = written.schema
    assert schema.lead_times == (0, 60, 120)
    assert schema.names == ("air_temperature_2m", "relative_humidity_2m", "precipitation_amount_surface")
    assert [stored.intervals for stored in schema.variables] == [(0, 0, 0), (0, 0, 0), (0, 60, 60)]
    assert [stored.scale_factor for stored in schema.variables] == [0.01, 0.1, 0.001]
    assert not any(stored.widened for stored in schema.variables)
    warm = cube(written.path, "air_temperature_2m")
    np.testing.assert_allclose(warm, [WAVES, WAVES + 1, WAVES + 2], atol=0.0055)
    damp = cube(written.path, "relative_humidity_2m")
    np.testing.assert_allclose(damp, [WAVES - 250, np.full_like(WAVES, np.nan), WAVES - 252], atol=0.051)
    rain = cube(written.path, "precipitation_amount_surface")
    assert np.isnan(rain[0]).all()
    np.testing.assert_allclose(rain[1:], np.full((2, 23, 25), 2.0), atol=0.0005)
    verify(written.path)


def test_the_facts_of_the_run_are_in_the_store(stage: Any, write: Write) -> None:
    written = write([stage.field(WAVES)])
    with Store.open(written.path) as store:
        assert store.schema == written.schema
        assert (store.schema.model, store.schema.init_time) == ("gfs", RUN)
        assert store.schema.attribution == "someone"
        assert store.schema.provenance["asked"] == "by a test"
        assert store.schema.provenance["decoder"] == "windlass"
        assert store.schema.provenance["anomalies"] == {}


def test_a_great_total_of_small_amounts_costs_no_precision(stage: Any, write: Write) -> None:
    """The total bounds an amount by 900 kg m-2, for which a step of 0.02 would be taken."""
    amount = np.arange(23 * 25).reshape(23, 25) / 64
    amount[22, 24] = 30.0
    messages = [
        stage.field(lead * amount, "precipitation_amount_surface", (0, lead * 60), bits=16) for lead in range(1, 31)
    ]
    written = write(messages)
    [stored] = written.schema.variables
    assert (stored.scale_factor, stored.widened) == (0.001, False)
    totals = np.zeros((31, 23, 25))
    for total, message in zip(totals[1:], messages, strict=True):
        with opened(message) as handle:
            total[:] = eccodes.codes_get_values(handle).reshape(23, 25)
    assert totals.max() == 900
    rain = cube(written.path, "precipitation_amount_surface")
    np.testing.assert_allclose(rain, np.diff(totals, axis=0), atol=0.0005, rtol=1e-6)


def test_a_crop_over_the_antimeridian_holds_its_cells(stage: Any, made: Any, write: Write) -> None:
    plane = made.Plane(lat0=90.0, dlat=-5.0, ny=37, lon0=0.0, dlon=5.0, nx=72)
    message = stage.field(250 + plane.places()[1] / 10, plane=plane)
    written = write([message], Box(165, -20, -170, 20))
    assert written.schema.grid.shape == (9, 6)
    found = cube(written.path, "air_temperature_2m")[0]
    np.testing.assert_allclose(found[4], 250 + np.array([165, 170, 175, 180, 185, 190]) / 10, atol=0.006)


def test_what_nature_does_not_allow_is_missing_and_in_the_provenance(stage: Any, write: Write) -> None:
    odd = WAVES.copy()
    odd[7, 7] = 400.0
    dry = np.zeros_like(WAVES)
    wet = dry + 1
    wet[3, 3] = 1.5
    messages = [stage.field(odd)]
    messages += [
        stage.field(amount, "precipitation_amount_surface", (0, lead * 60)) for lead, amount in ((1, wet), (2, dry + 1))
    ]
    written = write(messages)
    assert np.isnan(cube(written.path, "air_temperature_2m")[0][7, 7])
    assert np.isnan(cube(written.path, "precipitation_amount_surface")[2][3, 3])
    assert written.anomalies == {
        "air_temperature_2m": {"outside_valid_range": 1},
        "precipitation_amount_surface": {"negative_amount": 1},
    }
    with Store.open(written.path) as store:
        assert store.schema.provenance["anomalies"] == written.anomalies


def test_what_the_gate_withholds_is_written_as_if_it_had_not_come(stage: Any, write: Write) -> None:
    """A total of nonsense spoils its own hour and the next; without it both are one interval of the right amount."""
    rain = np.full_like(WAVES, 1.0)
    messages = [
        stage.field(total * rain, "precipitation_amount_surface", (0, lead * 60))
        for lead, total in ((1, 2.0), (2, 9_000.0), (3, 5.0), (4, 6.0))
    ]
    messages += [stage.field(WAVES + lead + 300 * (lead == 1), interval=(0, lead * 60)) for lead in range(5)]
    seen: list[tuple[int, int]] = []
    written = write(messages, gate=lambda schema: Gate(), progress=lambda *pair: seen.append(pair))
    assert [(one.variable, one.lead) for one in messages if one not in written.messages] == [
        ("precipitation_amount_surface", 120),
        ("air_temperature_2m", 60),
    ]
    warm, wet = written.schema.variables
    assert (warm.name, wet.intervals) == ("air_temperature_2m", (0, 60, 0, 120, 60))
    found = cube(written.path, "precipitation_amount_surface")
    np.testing.assert_allclose(found[:, 3, 3], [np.nan, 2.0, np.nan, 3.0, 1.0], atol=0.0005)
    assert np.isnan(cube(written.path, "air_temperature_2m")[1]).all()
    assert written.schema.lead_times == (0, 60, 120, 180, 240)
    why = written.schema.withheld["air_temperature_2m"]
    assert why == "lead 1 h: outside the valid range 100 % at 1 h, allowed 0 to 1"
    assert written.schema.provenance["gate"]["findings"][0] == f"air_temperature_2m: {why.removeprefix('lead 1 h: ')}"
    with Store.open(written.path) as store:
        assert store.schema.withheld == written.schema.withheld == written.verdict.reasons()
    verify(written.path)
    assert (seen[-1], {total for _, total in seen}) == ((9, 9), {9})


def test_a_variable_without_any_lead_left_is_not_in_the_store(stage: Any, write: Write) -> None:
    messages = [stage.field(WAVES - 273.15, interval=(0, lead * 60)) for lead in range(4)]
    messages += [stage.field(WAVES - 250 - lead, "relative_humidity_2m", (lead * 60, lead * 60)) for lead in range(5)]
    written = write(messages, gate=lambda schema: Gate())
    assert written.schema.names == ("relative_humidity_2m",)
    assert written.schema.withheld["air_temperature_2m"].startswith("all leads: outside the valid range 100 % at 0 h")
    with Store.open(written.path) as store:
        assert list(store.index) == ["relative_humidity_2m"]
    with xarray.open_dataset(written.path, engine="windlass") as dataset:
        assert list(dataset.data_vars) == ["relative_humidity_2m"]
        assert dataset.attrs["withheld"] == [f"air_temperature_2m: {written.schema.withheld['air_temperature_2m']}"]


def test_steps_are_those_of_the_values_that_are_left(stage: Any, write: Write) -> None:
    rain = np.full_like(WAVES, 0.5)
    amounts = [
        stage.field((lead + 1_900 * (lead == 4)) * rain, "precipitation_amount_surface", (0, lead * 60))
        for lead in range(1, 5)
    ]
    assert write(amounts).schema.variables[0].widened
    written = write(amounts, gate=lambda schema: Gate())
    assert (written.schema.variables[0].scale_factor, written.schema.variables[0].widened) == (0.001, False)


def test_with_the_gate_off_all_is_written_and_told(stage: Any, write: Write) -> None:
    messages = [stage.field(WAVES + 300 * (lead == 1), interval=(0, lead * 60)) for lead in range(3)]
    written = write(messages, gate=lambda schema: Gate(off=True))
    assert written.messages == tuple(messages)
    assert written.schema.withheld == {}
    gate = written.schema.provenance["gate"]
    assert gate["off"] is True
    assert "air_temperature_2m: outside the valid range 100 % at 1 h, allowed 0 to 1" in gate["findings"]


def test_a_run_without_anything_sane_is_refused_and_leaves_no_file(stage: Any, write: Write, tmp_path: Path) -> None:
    messages = [stage.field(WAVES - 273.15, interval=(0, lead * 60)) for lead in range(3)]
    with pytest.raises(GateFailed, match=r"gfs 2026-04-20T00:00Z: all variables .* air_temperature_2m, all leads: "):
        write(messages, gate=lambda schema: Gate())
    assert not list(tmp_path.glob("run.zarr.zip*"))


def test_a_broken_message_names_model_run_variable_lead_and_url(stage: Any, write: Write, tmp_path: Path) -> None:
    messages = [stage.field(WAVES), replace(stage.field(WAVES, interval=(60, 60)), length=77)]
    with pytest.raises(DecodeError, match=r"gfs 2026-04-20T00:00Z: air_temperature_2m at lead 1 h \(https://mirror"):
        write(messages)
    assert not list(tmp_path.glob("run.zarr.zip*"))
    assert not list((tmp_path / "scratch").iterdir())


def test_two_messages_of_one_variable_and_lead_are_refused(stage: Any, write: Write) -> None:
    with pytest.raises(DecodeError, match="air_temperature_2m came twice at lead 1 h"):
        write([stage.field(WAVES, interval=(60, 60)), stage.field(WAVES, interval=(60, 60))])


@pytest.mark.parametrize(("names", "told"), [((), "no message is"), (("no_such",), "no_such is no variable")])
def test_nothing_to_write_is_an_error(stage: Any, write: Write, names: tuple[str, ...], told: str) -> None:
    with pytest.raises(DecodeError, match=told):
        write([stage.field(WAVES, name) for name in names])


def test_progress_counts_up_to_its_total_once(stage: Any, write: Write) -> None:
    seen: list[tuple[int, int]] = []
    write([stage.field(WAVES, interval=(0, lead * 60)) for lead in range(5)], progress=lambda *pair: seen.append(pair))
    assert seen[-1] == (5, 5)
    assert {total for _, total in seen} == {5}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_the_same_messages_give_the_same_bytes(stage: Any, write: Write) -> None:
    messages = [stage.field(WAVES + lead, interval=(0, lead * 60)) for lead in range(4)]
    first = write(messages).path.read_bytes()
    assert write(messages).path.read_bytes() == first
