"""What a message says it is, held against ecCodes and against the rows of the models."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import eccodes
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from storage.variables import Statistic
from tasks.errors import MessageError
from tasks.field import FOREIGN, match
from tasks.grib import fields, message_length
from tasks.scan import scan_file
from tasks.wanted import Derived, Level, Parameter, Probability, Wanted
from tests.tasks.identity import eccodes_fields, same


def test_identities_are_those_of_eccodes_on_every_grib2_file(shared_data: Path) -> None:
    count = 0
    for file in sorted(shared_data.rglob("*.grib*")):
        with file.open("rb") as source:
            if source.read(8)[7:] != b"\x02":
                continue
        located, keys = scan_file(file), list(eccodes_fields(file))
        assert len(located) == len(keys), file
        for found, (key, one_range) in zip(located, keys, strict=True):
            field = found.field
            if field.level is None:
                # Wave templates, which no model here wants, have no place for a surface that we read.
                assert field.parameter is not None
                assert field.parameter.discipline == 10
                continue
            if one_range:
                assert same(field, key), (file, found, key)
            count += 1
    assert count > 5900


def test_fields_are_as_many_as_the_list_of_messages_says(shared_data: Path) -> None:
    rows = [line.split("\t") for line in (shared_data / "MESSAGES.tsv").read_text().splitlines()[1:]]
    counts = Counter(row[0] for row in rows if row[2] in ("1", "2"))
    for name, count in counts.items():
        assert len(scan_file(shared_data / name)) == count, name


def test_intervals_end_where_the_list_of_messages_says(shared_data: Path) -> None:
    """Without the cut-out files whose end of interval is wrong: the GFS of Poland and the IFS are right."""
    names = ("gfs/gfs.20200804.t12z.pgrb2.0p25.f012.poland.grib2", "ecmwf/ecmwf_ifs_20260420_00z_0-240h_channel.grib2")
    rows = [line.split("\t") for line in (shared_data / "MESSAGES.tsv").read_text().splitlines()[1:]]
    for name in names:
        steps = [row[7].split("-")[-1] for row in rows if row[0] == name]
        located = scan_file(shared_data / name)
        assert [f"{found.field.interval[1] // 60}" for found in located if found.field.interval] == steps


def rows_of(wanted: tuple[Wanted, ...], file: Path, lead: int) -> dict[str, list[tuple[int, int] | None]]:
    """Wanted variable -> the intervals of its fields that end at the lead (hours)."""
    found: dict[str, list[tuple[int, int] | None]] = {}
    for located in scan_file(file):
        for row in wanted:
            field = located.field
            if match(field, row) and field.interval and field.interval[1] == lead * 60:
                found.setdefault(row.name, []).append(field.interval)
    return found


@pytest.mark.parametrize("lead", [0, 6, 12])
def test_every_gfs_row_takes_one_field_of_a_real_run_and_never_a_mean_of_an_instant(
    shared_data: Path, lead: int
) -> None:
    file = shared_data / "gfs" / f"gfs.20200804.t12z.pgrb2.0p25.f{lead:03d}.poland.grib2"
    rows = tuple(row for row in GFS.wanted if row.product == "main" and row.from_lead <= lead)
    found = rows_of(rows, file, lead)
    absent = {row.name for row in rows} - set(found)
    # Version 15 of the model, before 2021-03, gave the mean of total cloud only.
    assert absent == {"cloud_cover_atmosphere"}
    amounts = found.pop("precipitation_amount_surface", [])
    assert sorted(amounts) == {0: [], 6: [(0, 360), (0, 360)], 12: [(0, 720), (360, 720)]}[lead]
    assert found.pop("downward_shortwave_flux_surface", []) == {0: [], 6: [(0, 360)], 12: [(360, 720)]}[lead]
    assert all(intervals == [(lead * 60, lead * 60)] for intervals in found.values())


@pytest.mark.parametrize("lead", [0, 3, 144, 150, 240])
def test_ifs_rows_take_one_field_each_of_a_real_run(shared_data: Path, lead: int) -> None:
    file = shared_data / "ecmwf" / "ecmwf_ifs_20260420_00z_0-240h_channel.grib2"
    found = rows_of(tuple(row for row in IFS.wanted if row.from_lead <= lead), file, lead)
    instants = {
        "air_pressure_mean_sea_level",
        "air_temperature_2m",
        "eastward_wind_10m",
        "northward_wind_10m",
        "air_pressure_surface",
    }
    assert set(found) == instants | ({"precipitation_amount_surface"} if lead else set())
    assert all(found[name] == [(lead * 60, lead * 60)] for name in instants)
    assert found.get("precipitation_amount_surface", [(0, 0)]) == [(0, lead * 60)]


def test_ifs_rows_know_production_messages(shared_data: Path) -> None:
    files = {"20250912120000-0h-oper-fc.msg89.grib2": 0, "gribberish_ecmwf-ifs-oper-surface.grib2": 0}
    found = set[str]()
    for name in files:
        for located in scan_file(shared_data / "ecmwf" / name):
            found |= {row.name for row in IFS.wanted if match(located.field, row)}
    assert found == {"precipitation_rate_surface", "precipitation_type_surface", "cloud_cover_atmosphere"}


@pytest.mark.parametrize(
    ("short", "steps", "name"),
    [
        ("2t", "6", "air_temperature_2m"),
        ("2d", "6", "dew_point_temperature_2m"),
        ("10u", "6", "eastward_wind_10m"),
        ("10v", "6", "northward_wind_10m"),
        ("10fg", "144-150", "wind_gust_10m"),
        ("10fg3", "3-6", "wind_gust_10m"),
        ("msl", "6", "air_pressure_mean_sea_level"),
        ("sp", "6", "air_pressure_surface"),
        ("tp", "0-6", "precipitation_amount_surface"),
        ("ssrd", "0-6", "downward_shortwave_flux_surface"),
        ("mucape", "6", "cape_most_unstable"),
        ("ptype", "6", "precipitation_type_surface"),
        ("tcc", "6", "cloud_cover_atmosphere"),
    ],
)
def test_ifs_rows_know_what_eccodes_makes_of_ecmwf_names(short: str, steps: str, name: str) -> None:
    handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
    try:
        eccodes.codes_set(handle, "centre", 98)
        eccodes.codes_set(handle, "shortName", short)
        eccodes.codes_set(handle, "stepRange", steps)
        message = bytes(eccodes.codes_get_message(handle))
    finally:
        eccodes.codes_release(handle)
    (field,) = fields(message)
    assert [row.name for row in IFS.wanted if match(field, row)] == [name]
    hours = [int(part) for part in steps.split("-")]
    assert field.interval == (hours[0] * 60, hours[-1] * 60)


@pytest.mark.parametrize("unit", ["tp in kg m-2", "tcc in percent"])
def test_a_message_in_another_unit_is_not_taken_for_the_declared_one(toy: SimpleNamespace, unit: str) -> None:
    row = next(
        row
        for row in IFS.wanted
        if row.name == ("cloud_cover_atmosphere" if "tcc" in unit else "precipitation_amount_surface")
    )
    other = replace(row, parameters=(Parameter(0, 6, 1) if "tcc" in unit else Parameter(0, 1, 52),))
    interval = (6, 6) if "tcc" in unit else (0, 6)
    (mine,) = fields(toy.grib2(row, interval))
    (field,) = fields(toy.grib2(other, interval))
    assert match(mine, row)
    assert not match(field, row)


def test_fields_of_a_message_are_numbered(toy: SimpleNamespace) -> None:
    both = toy.two_fields(toy.grib2(toy.temperature, (6, 6)), toy.grib2(toy.rain, (5, 6)))
    first, second = fields(both)
    assert (first.number, second.number) == (0, 1)
    assert first.length == second.length == len(both)
    assert second.interval == (300, 360)
    assert first.init_time == second.init_time == toy.run


def test_a_probability_says_of_what(shared_data: Path) -> None:
    located = scan_file(shared_data / "nbm" / "gribberish_nbm-asnow-prob-thresholds.grib2")
    # A tenth of an inch, half an inch and an inch, in metres.
    assert [found.field.meaning for found in located] == [Probability(inches * 0.0254) for inches in (0.1, 0.5, 1.0)]


@pytest.mark.parametrize(("name", "meaning"), [("avg", Derived.MEAN), ("spr", Derived.SPREAD)])
def test_a_mean_and_a_spread_of_members_are_told_apart(shared_data: Path, name: str, meaning: Derived) -> None:
    located = scan_file(shared_data / "gefs" / f"GFSE_20210416_0000_{name}_f006.grib2")
    assert {found.field.meaning for found in located} == {meaning}


def test_minutes_before_the_run_and_days_are_read(toy: SimpleNamespace) -> None:
    message = bytearray(toy.grib2(toy.temperature, (1, 1)))
    product = message.index(b"\x00\x00\x00\x22\x04")
    for unit, count, minutes in ((0, 15, 15), (1, 6, 360), (2, 1, 1440), (10, 1, 180), (13, 90 * 60, 90)):
        message[product + 17] = unit
        message[product + 18 : product + 22] = count.to_bytes(4, "big")
        assert fields(bytes(message))[0].interval == (minutes, minutes)
    message[product + 17 : product + 22] = b"\x01\x80\x00\x00\x06"
    assert fields(bytes(message))[0].interval == (-360, -360)
    message[product + 17] = 3
    assert fields(bytes(message))[0].interval is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda message: b"GRIP" + message[4:], "no GRIB message"),
        (lambda message: message[:7] + b"\x01" + message[8:], "edition 1"),
        (lambda message: message[:-1], "came as"),
        (lambda message: message + b"x", "came as"),
        (lambda message: message[:-1] + b"8", "7777"),
        (lambda message: message[:16] + b"\xff" + message[17:], "broken section"),
        (lambda message: b"", "no GRIB message"),
        (lambda message: message[:8] + (3).to_bytes(8, "big") + message[16:], "cannot be 3 bytes"),
    ],
)
def test_broken_framing_is_refused(toy: SimpleNamespace, change, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MessageError, match=words):
        fields(change(toy.grib2(toy.rain, (5, 6))))


def test_length_needs_the_whole_head() -> None:
    with pytest.raises(MessageError):
        message_length(b"GRIB\0\0\0\2")


@given(data=st.data())
def test_a_damaged_message_is_identified_or_refused(toy: SimpleNamespace, data: st.DataObject) -> None:
    both = toy.two_fields(toy.grib2(toy.temperature, (6, 6)), toy.grib2(toy.rain, (5, 6)))
    message = bytearray(both)
    for _ in range(data.draw(st.integers(1, 6))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(message)), st.integers(0, len(message)))))
    del message[start : end if data.draw(st.booleans()) else start]
    with suppress(MessageError):
        assert all(isinstance(str(field), str) for field in fields(bytes(message)))


@pytest.mark.parametrize("name", ["gfs/grib2io_gfs.png.grib2", "gefs/GFSE_20210416_0000_spr_f006.grib2"])
def test_every_bit_of_the_sections_of_a_real_message_may_flip(shared_data: Path, name: str) -> None:
    whole = (shared_data / name).read_bytes()
    head = len(whole) - int.from_bytes(whole[8:16], "big")
    assert head == 0
    # The sections before the data, and the data shortened so that each of the flips costs little.
    position = 16
    while whole[position + 4] != 7:
        position += int.from_bytes(whole[position : position + 4], "big")
    message = bytearray(whole[:position] + (5 + 16).to_bytes(4, "big") + b"\x07" + bytes(16) + b"7777")
    message[8:16] = len(message).to_bytes(8, "big")
    fields(bytes(message))
    for bit in range(8 * len(message)):
        message[bit // 8] ^= 1 << bit % 8
        with suppress(MessageError):
            fields(bytes(message))
        message[bit // 8] ^= 1 << bit % 8


def test_identity_in_words(toy: SimpleNamespace) -> None:
    (field,) = fields(toy.grib2(toy.rain, (5, 6)))
    assert str(field) == "0.1.8 at level 1 accumulation 300-360 min after 2026-04-20T06:00Z"


def test_matching_needs_name_level_and_statistic(toy: SimpleNamespace) -> None:
    (field,) = fields(toy.grib2(toy.temperature, (6, 6)))
    assert match(field, toy.temperature)
    assert match(field, replace(toy.temperature, level=Level(103)))
    assert not match(field, replace(toy.temperature, level=Level(103, 10)))
    assert not match(field, replace(toy.temperature, level=Level(1)))
    assert not match(field, replace(toy.temperature, statistic=Statistic.MAXIMUM))
    assert not match(field, toy.humidity)
    assert not match(replace(field, meaning=FOREIGN), toy.temperature)
    assert not match(replace(field, interval=None), toy.temperature)
    assert match(replace(field, init_time=field.init_time + timedelta(days=1)), toy.temperature)
