from __future__ import annotations

import json
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
from tasks.errors import InventoryError, MessageError
from tasks.index import Entry, Target, identify, idx_window, read_index
from tasks.wanted import Bucket, IndexKind, Wanted

URL = "https://mirror.example/file.idx"
MIDNIGHT = datetime(2025, 8, 1, tzinfo=UTC)


def target(init_time: datetime, lead: int, wanted: tuple[Wanted, ...]) -> Target:
    return Target(init_time, lead, tuple(row for row in wanted if row.from_lead <= lead))


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


def ecmwf_line(param: str, step: str, offset: int, **more: object) -> dict[str, object]:
    """A line as ECMWF writes them."""
    return {
        "domain": "g",
        "date": "20260420",
        "time": "0600",
        "expver": "0001",
        "class": "od",
        "type": "fc",
        "stream": "oper",
        "step": step,
        "levtype": "sfc",
        "param": param,
        "_offset": offset,
        "_length": 100,
        **more,
    }


def as_index(*lines: dict[str, object]) -> bytes:
    return "\n".join(map(json.dumps, lines)).encode()


RUN = datetime(2026, 4, 20, 6, tzinfo=UTC)


def test_a_production_index_of_ecmwf_gives_the_surface_fields(shared_data: Path) -> None:
    file = shared_data / "idx" / "dynamical_aifs_single_20250301_00z_6h.index"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    init_time = datetime(2025, 3, 1, tzinfo=UTC)
    found = read_index(IndexKind.ECMWF, file.read_bytes(), target(init_time, 6, IFS.wanted), str(file))
    expected = {
        (row["param"], row["_offset"], row["_length"])
        for row in rows
        if row["levtype"] == "sfc" and row["param"] in {wanted.param for wanted in IFS.wanted}
    }
    assert {(entry.wanted.param, entry.offset, entry.length) for entry in found} == expected
    assert {"msl", "2t", "2d", "10u", "10v", "tp", "tcc", "sp", "ssrd"} <= {entry.wanted.param for entry in found}
    assert [entry.offset for entry in found] == sorted(entry.offset for entry in found)


def test_what_an_ecmwf_index_says_about_time() -> None:
    content = as_index(
        ecmwf_line("2t", "6", 0), ecmwf_line("tp", "6", 100), ecmwf_line("10fg", "6", 200), ecmwf_line("msl", "3", 300)
    )
    found = {
        entry.wanted.param: entry.interval
        for entry in read_index(IndexKind.ECMWF, content, target(RUN, 6, IFS.wanted), URL)
    }
    assert found == {"2t": (360, 360), "tp": (0, 360), "10fg": None}


@pytest.mark.parametrize("param", ["10fg", "10fg3", "10fg6"])
def test_gusts_go_by_three_names(param: str) -> None:
    content = as_index(ecmwf_line(param, "3-6", 0))
    (entry,) = read_index(IndexKind.ECMWF, content, target(RUN, 6, IFS.wanted), URL)
    assert entry.wanted.name == "wind_gust_10m"
    assert entry.interval == (180, 360)


def test_members_means_and_other_levels_of_ecmwf_are_left_aside() -> None:
    content = as_index(
        ecmwf_line("2t", "6", 0, number="3", type="pf"),
        ecmwf_line("2t", "6", 100, type="em"),
        ecmwf_line("tcc", "6", 200, levtype="pl", levelist="500"),
        ecmwf_line("2t", "0-24m", 300),
    )
    assert read_index(IndexKind.ECMWF, content, target(RUN, 6, IFS.wanted), URL) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (as_index(ecmwf_line("2t", "6", 0))[:-20], "line 1: not a line of an ECMWF .index"),
        (b"[1, 2]", "line 1: not a line"),
        (b'{"param": "2t"}', "line 1: not a line"),
        (as_index(ecmwf_line("2t", "6", 0), ecmwf_line("2d", "6", 0, time="0000")), "line 2: not of the run"),
        (as_index(ecmwf_line("2t", "6", -4)), "line 1: no place in a file"),
    ],
)
def test_a_broken_ecmwf_index_is_named_with_its_line(content: bytes, words: str) -> None:
    with pytest.raises(InventoryError, match=f"{URL}.*{words}"):
        read_index(IndexKind.ECMWF, content, target(RUN, 6, IFS.wanted), URL)


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
    wanted = Target(toy.run, 6, toy.wanted)
    rain = Entry(toy.rain, 0, None, (300, 360))
    assert identify(toy.grib2(toy.rain, (5, 6)), rain, wanted).interval == (300, 360)
    both = toy.two_fields(toy.grib2(toy.temperature, (6, 6)), toy.grib2(toy.humidity, (6, 6)))
    assert identify(both, Entry(toy.humidity, 0, None, (360, 360)), wanted).number == 1
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
    wanted = Target(toy.run, 6, toy.wanted)
    message = bytearray(toy.grib2(toy.temperature, (6, 6)))
    at = message.index(b"\x05", 16)
    while message[at - 4 : at + 1] != b"\x00\x00\x00\x15\x05":
        at = message.index(b"\x05", at + 1)
    # Octets 12 to 15 of section 5: a reference value that is no number.
    message[at + 7 : at + 11] = b"\x7f\xc0\x00\x00"
    with pytest.raises(MessageError, match="reference value nan"):
        identify(bytes(message), Entry(toy.temperature, 0, None, (360, 360)), wanted)
