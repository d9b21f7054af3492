"""The lines of an NCEP `.idx`, and messages held against their lines."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from storage.variables import Statistic
from tasks.entry import Entry, Target
from tasks.errors import InventoryError, MessageError
from tasks.idx import idx_window
from tasks.index import identify, read_index
from tasks.wanted import Bucket, Derived, IndexKind, Meaning, Percentile, Probability, Product, Slot, Wanted
from tests.tasks.lines import MIDNIGHT, RUN, URL, as_index, ecmwf_line, target


def main_rows(lead: int) -> tuple[Wanted, ...]:
    return tuple(row for row in GFS.wanted if row.product == "main" and row.from_lead <= lead)


# Variable -> line number, read off the inventories by eye.
ANALYSIS = {
    "air_pressure_mean_sea_level": 1,
    "composite_reflectivity_atmosphere": 9,
    "visibility_surface": 10,
    "wind_gust_surface": 14,
    "air_pressure_surface": 561,
    "air_temperature_2m": 580,
    "dew_point_temperature_2m": 582,
    "relative_humidity_2m": 583,
    "apparent_temperature_2m": 584,
    "eastward_wind_10m": 585,
    "northward_wind_10m": 586,
    "precipitation_rate_surface": 589,
    "categorical_snow_surface": 590,
    "categorical_ice_pellets_surface": 591,
    "categorical_freezing_rain_surface": 592,
    "categorical_rain_surface": 593,
    "cape_surface": 602,
    "ozone_column_atmosphere": 607,
    "cloud_cover_atmosphere": 611,
}
FORECAST = {
    "air_pressure_mean_sea_level": 1,
    "composite_reflectivity_atmosphere": 9,
    "visibility_surface": 10,
    "wind_gust_surface": 14,
    "air_pressure_surface": 561,
    "air_temperature_2m": 581,
    "dew_point_temperature_2m": 583,
    "relative_humidity_2m": 584,
    "apparent_temperature_2m": 585,
    "eastward_wind_10m": 588,
    "northward_wind_10m": 589,
    "precipitation_rate_surface": 593,
    "precipitation_amount_surface": 596,
    "categorical_snow_surface": 601,
    "categorical_ice_pellets_surface": 602,
    "categorical_freezing_rain_surface": 603,
    "categorical_rain_surface": 604,
    "cape_surface": 624,
    "ozone_column_atmosphere": 629,
    "cloud_cover_atmosphere": 636,
    "downward_shortwave_flux_surface": 653,
}
INVENTORIES = [
    ("dynamical_gfs.t00z.pgrb2.0p25.f000.idx", MIDNIGHT, 0, ANALYSIS),
    ("kerchunk_20221014_gfs.t00z.pgrb2.0p25.f000.idx", datetime(2022, 10, 14, tzinfo=UTC), 0, ANALYSIS),
    ("dynamical_gfs.t00z.pgrb2.0p25.f007.idx", MIDNIGHT, 7, FORECAST),
    ("kerchunk_20221014_gfs.t06z.pgrb2.0p25.f021.idx", datetime(2022, 10, 14, 6, tzinfo=UTC), 21, FORECAST),
    ("gribtract_GFS025_20260724.inv", datetime(2026, 7, 24, tzinfo=UTC), 0, ANALYSIS),
]


@pytest.mark.parametrize(("name", "init_time", "lead", "expected"), INVENTORIES, ids=lambda value: str(value)[:24])
def test_every_gfs_variable_is_the_right_line_of_production_inventories(
    shared_data: Path, name: str, init_time: datetime, lead: int, expected: dict[str, int]
) -> None:
    content = (shared_data / "idx" / name).read_bytes()
    lines = content.decode().splitlines()
    offsets = {int(line.split(":")[0]): int(line.split(":")[1]) for line in lines}
    found = read_index(IndexKind.IDX, content, target(init_time, lead, main_rows(lead)), URL)
    assert {entry.wanted.name: entry.offset for entry in found} == {
        variable: offsets[number] for variable, number in expected.items()
    }
    for entry in found:
        number = expected[entry.wanted.name]
        assert entry.length == offsets[number + 1] - offsets[number]
        start = {7: 6, 21: 18}.get(lead) if entry.wanted.statistic is not Statistic.INSTANT else lead
        assert entry.interval == ((start or 0) * 60, lead * 60)


def test_buckets_are_preferred_for_ncep_and_totals_where_a_model_gives_totals(shared_data: Path) -> None:
    content = (shared_data / "idx" / "dynamical_gfs.t00z.pgrb2.0p25.f007.idx").read_bytes()
    rain = next(row for row in GFS.wanted if row.name == "precipitation_amount_surface")
    for bucket, interval in ((Bucket.INTERVAL, (360, 420)), (Bucket.SINCE_START, (0, 420))):
        row = replace(rain, bucket=bucket)
        (entry,) = read_index(IndexKind.IDX, content, target(MIDNIGHT, 7, (row,)), URL)
        assert entry.interval == interval


def test_an_index_of_another_lead_has_nothing(shared_data: Path) -> None:
    content = (shared_data / "idx" / "dynamical_gfs.t00z.pgrb2.0p25.f007.idx").read_bytes()
    assert read_index(IndexKind.IDX, content, target(MIDNIGHT, 8, main_rows(8)), URL) == []


def test_members_means_and_probabilities_are_not_the_forecast(shared_data: Path) -> None:
    for name in ("dynamical_geavg.t00z.pgrb2s.0p25.f009.idx", "dynamical_gep01.t00z.pgrb2s.0p25.f015.idx"):
        content = (shared_data / "idx" / name).read_bytes()
        lead = int(name.split(".f")[1][:3])
        assert read_index(IndexKind.IDX, content, target(MIDNIGHT, lead, main_rows(lead)), URL) == []


def test_the_means_of_an_ensemble_are_found_by_who_asks_for_them(shared_data: Path) -> None:
    content = (shared_data / "idx" / "dynamical_geavg.t00z.pgrb2s.0p25.f009.idx").read_bytes()
    (row,) = [row for row in GFS.wanted if row.name == "air_temperature_2m"]
    mean = replace(row, meaning=Derived.MEAN)
    (entry,) = read_index(IndexKind.IDX, content, target(MIDNIGHT, 9, (mean,)), URL)
    assert (entry.offset, entry.length) == (3771594, 4195114 - 3771594)


def test_a_member_is_found_by_who_asks_for_it(shared_data: Path) -> None:
    content = (shared_data / "idx" / "dynamical_gep01.t00z.pgrb2s.0p25.f015.idx").read_bytes()
    rows = tuple(row for row in GFS.wanted if row.name == "air_temperature_2m")
    (entry,) = read_index(IndexKind.IDX, content, Target(MIDNIGHT, 15, rows, (900,), (1,)), URL)
    assert entry.slot == Slot("air_temperature_2m", 900, 1)
    assert read_index(IndexKind.IDX, content, Target(MIDNIGHT, 15, rows, (900,), (2, 3)), URL) == []


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("prob >0.254:prob fcst 255/255", Probability(above=0.254)),
        ("prob <304.8:prob fcst 3/7", Probability(below=304.8)),
        ("prob >=1 <2:prob fcst 1/8", Probability(1.0, 2.0)),
        ("10% level", Percentile(10)),
        ("ens spread", Derived.SPREAD),
    ],
)
def test_probabilities_and_percentiles_are_found_by_who_asks_for_them(text: str, meaning: Meaning) -> None:
    (row,) = [row for row in GFS.wanted if row.name == "precipitation_amount_surface"]
    line = "d=2025080100:APCP:surface:6-7 hour acc fcst"
    content = f"1:0:{line}:\n2:500:{line}:{text}\n3:900:{line}:prob >25.4:prob fcst 255/255\n".encode()
    (entry,) = read_index(IndexKind.IDX, content, target(MIDNIGHT, 7, (replace(row, meaning=meaning),)), URL)
    assert (entry.offset, entry.length) == (500, 400)
    (entry,) = read_index(IndexKind.IDX, content, target(MIDNIGHT, 7, (row,)), URL)
    assert entry.offset == 0


def test_a_file_of_quarters_gives_each_its_message(shared_data: Path) -> None:
    content = (shared_data / "idx" / "kerchunk_20221014_hrrr.t03z.wrfsubhf09.grib2.idx").read_bytes()
    product = Product("main", "", "", IndexKind.IDX, every=15)
    rows = tuple(row for row in GFS.wanted if row.name in ("air_temperature_2m", "precipitation_amount_surface"))
    file = Target.of(product, datetime(2022, 10, 14, 3, tzinfo=UTC), 9, rows)
    entries = read_index(IndexKind.IDX, content, file, URL)
    assert {entry.slot for entry in entries} == {slot for _, slot in file.slots()}
    rain = [entry.interval for entry in entries if entry.wanted.name == "precipitation_amount_surface"]
    assert rain == [(480, 495), (495, 510), (510, 525), (525, 540)]


def test_every_production_idx_can_be_read(shared_data: Path) -> None:
    files = [*(shared_data / "idx").glob("*.idx"), *(shared_data / "idx").glob("*.inv")]
    assert len(files) > 15
    for file in files:
        content = file.read_bytes()
        init_time = datetime.strptime(content.split(b":d=")[1][:10].decode(), "%Y%m%d%H").replace(tzinfo=UTC)
        for entry in read_index(IndexKind.IDX, content, target(init_time, 0, main_rows(0)), str(file)):
            assert entry.length is None or entry.length > 0


def test_fields_of_one_message_share_its_place(shared_data: Path) -> None:
    content = (shared_data / "idx" / "herbie_rap.t00z.awp130pgrbf00.grib2.idx").read_bytes()
    winds = tuple(row for row in GFS.wanted if row.name in ("eastward_wind_10m", "northward_wind_10m"))
    init_time = datetime(2023, 12, 1, tzinfo=UTC)
    east, north = read_index(IndexKind.IDX, content, target(init_time, 0, winds), URL)
    assert (east.offset, east.length) == (north.offset, north.length)
    lines = [line.split(":") for line in content.decode().splitlines()]
    after = next(int(line[1]) for line in lines if int(line[1]) > east.offset)
    assert east.length == after - east.offset


def test_the_last_line_has_no_end() -> None:
    content = b"1:0:d=2025080100:TMP:2 m above ground:anl:\n2:500:d=2025080100:RH:2 m above ground:anl:\n"
    entries = read_index(IndexKind.IDX, content, target(MIDNIGHT, 0, main_rows(0)), URL)
    assert [(entry.offset, entry.length) for entry in entries] == [(0, 500), (500, None)]


@pytest.mark.parametrize(
    ("text", "interval", "statistic"),
    [
        ("anl", (0, 0), Statistic.INSTANT),
        ("3 hour fcst", (180, 180), Statistic.INSTANT),
        ("495 min fcst", (495, 495), Statistic.INSTANT),
        ("1 day fcst", (1440, 1440), Statistic.INSTANT),
        ("6-7 hour ave fcst", (360, 420), Statistic.MEAN),
        ("0-1 day acc fcst", (0, 1440), Statistic.ACCUMULATION),
        ("480-495 min acc fcst", (480, 495), Statistic.ACCUMULATION),
        ("0-6 hour max fcst", (0, 360), Statistic.MAXIMUM),
        ("0-6 hour min fcst", (0, 360), Statistic.MINIMUM),
        ("0-0 day acc fcst", (0, 0), Statistic.ACCUMULATION),
        ("1 month fcst", None, None),
        ("0-6 hour stddev fcst", None, None),
    ],
)
def test_windows(text: str, interval: tuple[int, int] | None, statistic: Statistic | None) -> None:
    assert idx_window(text) == (interval, statistic)


def test_a_whole_number_of_days_is_an_hour_of_the_run_too() -> None:
    content = b"1:0:d=2025080100:APCP:surface:18-24 hour acc fcst:\n2:9:d=2025080100:APCP:surface:0-1 day acc fcst:\n"
    (entry,) = read_index(IndexKind.IDX, content, target(MIDNIGHT, 24, main_rows(24)), URL)
    assert entry.interval == (1080, 1440)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\xff\xfe", "not a text"),
        (b"<html><body>Please wait</body></html>", "line 1: not a line of an .idx"),
        (b"1:0:d=2025080100:TMP:2 m above ground:anl:\n2:50", "line 2: not a line of an .idx"),
        (b"1:0:d=2025080106:TMP:2 m above ground:anl:", "line 1: not of the run 2025-08-01T00Z"),
    ],
)
def test_a_broken_idx_is_named_with_its_line(content: bytes, words: str) -> None:
    with pytest.raises(InventoryError, match=f"{URL}.*{words}"):
        read_index(IndexKind.IDX, content, target(MIDNIGHT, 0, main_rows(0)), URL)


INDEX_LIKE = st.text('0123456789:d=-. TMPanlhourfcst\n{}",_', max_size=200).map(str.encode)


@given(content=st.binary(max_size=200) | INDEX_LIKE)
def test_whatever_an_index_holds_it_is_read_or_refused(content: bytes) -> None:
    for kind, wanted in ((IndexKind.IDX, GFS.wanted), (IndexKind.ECMWF, IFS.wanted)):
        with suppress(InventoryError):
            read_index(kind, content, target(RUN, 6, wanted), URL)


@given(cut=st.integers(0, 400))
def test_an_index_cut_short_anywhere_is_read_or_refused(cut: int) -> None:
    content = as_index(ecmwf_line("2t", "6", 0), ecmwf_line("msl", "6", 100))
    try:
        found = read_index(IndexKind.ECMWF, content[:cut], target(RUN, 6, IFS.wanted), URL)
    except InventoryError:
        return
    assert [entry.offset for entry in found] in ([0], [0, 100])


def test_a_message_is_what_its_entry_promised_or_refused(toy: SimpleNamespace) -> None:
    wanted = target(toy.run, 6, toy.wanted)
    rain = Entry(toy.rain, 360, 0, None, (300, 360))
    assert identify(toy.grib2(toy.rain, (5, 6)), rain, wanted).interval == (300, 360)
    both = toy.two_fields(toy.grib2(toy.temperature, (6, 6)), toy.grib2(toy.humidity, (6, 6)))
    assert identify(both, Entry(toy.humidity, 360, 0, None, (360, 360)), wanted).number == 1
    day_before = datetime(2026, 4, 19, 6, tzinfo=UTC)
    for message in (
        toy.grib2(toy.rain, (0, 6)),
        toy.grib2(toy.rain, (4, 5)),
        toy.grib2(toy.temperature, (6, 6)),
        toy.grib2(replace(toy.rain, statistic=Statistic.MEAN), (5, 6)),
        toy.grib2(replace(toy.rain, level=toy.temperature.level), (5, 6)),
        toy.grib2(toy.rain, (5, 6), day_before),
        both,
    ):
        with pytest.raises(MessageError, match="instead of precipitation_amount_surface 300-360 min after 2026-04-20"):
            identify(message, rain, wanted)


def test_a_message_whose_packing_cannot_be_is_refused(toy: SimpleNamespace) -> None:
    wanted = target(toy.run, 6, toy.wanted)
    message = bytearray(toy.grib2(toy.temperature, (6, 6)))
    at = message.index(b"\x05", 16)
    while message[at - 4 : at + 1] != b"\x00\x00\x00\x15\x05":
        at = message.index(b"\x05", at + 1)
    # Octets 12 to 15 of section 5: a reference value that is no number.
    message[at + 7 : at + 11] = b"\x7f\xc0\x00\x00"
    with pytest.raises(MessageError, match="reference value nan"):
        identify(bytes(message), Entry(toy.temperature, 360, 0, None, (360, 360)), wanted)
