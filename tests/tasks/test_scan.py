from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import eccodes
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from storage.variables import Statistic
from tasks.errors import InventoryError, MessageError
from tasks.field import match
from tasks.grib import Reading, drive
from tasks.scan import Located, scan_file, stage_files, walk
from tasks.wanted import Level


def offsets(path: Path) -> list[int]:
    return [found.offset for found in scan_file(path)]


def test_messages_are_found_behind_junk_and_each_other(toy: SimpleNamespace, tmp_path: Path) -> None:
    first, second = toy.grib2(toy.temperature, (6, 6)), toy.grib2(toy.rain, (5, 6))
    path = tmp_path / "some.grib2"
    path.write_bytes(b"\r\r\nWMO header GRI" + first + second + bytes(70_000) + first + b"GRI")
    start = 17
    assert offsets(path) == [
        start,
        start + len(first),
        start + len(first) + len(second) + 70_000,
    ]


@pytest.mark.parametrize("junk", range(65_530, 65_540))
def test_a_message_on_the_seam_of_two_searches_is_found(toy: SimpleNamespace, tmp_path: Path, junk: int) -> None:
    path = tmp_path / "some.grib2"
    path.write_bytes(bytes(junk) + toy.grib2(toy.temperature, (6, 6)))
    assert offsets(path) == [junk]


def test_every_field_of_a_message_is_found(toy: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "some.grib2"
    path.write_bytes(toy.two_fields(toy.grib2(toy.temperature, (6, 6)), toy.grib2(toy.rain, (5, 6))))
    assert [(found.offset, found.field.number) for found in scan_file(path)] == [(0, 0), (0, 1)]


def test_a_walk_reads_heads_only(shared_data: Path) -> None:
    data = (shared_data / "gfs" / "gfs.20200804.t12z.pgrb2.0p25.f006.poland.grib2").read_bytes()
    read = 0

    def block(start: int, count: int) -> bytes:
        nonlocal read
        read += count
        return data[start : start + count]

    assert len(drive(walk(len(data)), block)) == 588
    assert read < 588 * 400


@pytest.mark.parametrize("cut", [1, 4, 5, 100, 180])
def test_a_file_cut_short_is_named_with_the_offset(toy: SimpleNamespace, tmp_path: Path, cut: int) -> None:
    message = toy.grib2(toy.temperature, (6, 6))
    path = tmp_path / "some.grib2"
    path.write_bytes((message * 2)[:-cut])
    with pytest.raises(MessageError, match=rf"some\.grib2: at byte {len(message)} of .*fetch the file again"):
        scan_file(path)


def test_files_without_messages(tmp_path: Path) -> None:
    for number, content in enumerate((b"", b"GRI", b"nothing here", bytes(100_000))):
        path = tmp_path / f"{number}.grib2"
        path.write_bytes(content)
        assert scan_file(path) == []
    with pytest.raises(FileNotFoundError):
        scan_file(tmp_path / "absent.grib2")


def test_a_grib1_message_has_no_identity_in_a_remote_file(shared_data: Path) -> None:
    data = (shared_data / "gfs" / "zygrib_gfs_20130214_06z_0-72h.grb1").read_bytes()
    with pytest.raises(MessageError, match=r"at byte 0 of .*edition 1"):
        drive(walk(len(data)), lambda start, count: data[start : start + count])


def steps(reading: Reading[list[Located]], data: bytes) -> int:
    """How many requests a walk makes; it may raise MessageError."""
    count = 0
    try:
        request = next(reading)
        while True:
            count += 1
            assert count < 10_000
            start, size = request
            assert 0 <= start <= len(data)
            assert size >= 0
            request = reading.send(data[start : start + size])
    except (StopIteration, MessageError):
        return count


@given(data=st.data())
def test_a_walk_through_a_damaged_file_ends(toy: SimpleNamespace, data: st.DataObject) -> None:
    content = bytearray(toy.grib2(toy.temperature, (6, 6)) + toy.grib2(toy.rain, (5, 6)) * 2)
    for _ in range(data.draw(st.integers(0, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    steps(walk(len(content)), bytes(content))


@given(content=st.lists(st.sampled_from([b"GRIB", b"GRI", b"\0\0\0\2", b"7777", b"\0" * 9, b"\x02"]), max_size=40))
def test_a_walk_through_pieces_of_messages_ends(content: list[bytes]) -> None:
    steps(walk(len(b"".join(content))), b"".join(content))


def test_grib1_files_are_read_as_eccodes_reads_them(shared_data: Path) -> None:
    path = shared_data / "gfs" / "zygrib_gfs_20130214_06z_0-72h.grb1"
    found = scan_file(path)
    with path.open("rb") as file:
        for entry in found:
            handle = eccodes.codes_grib_new_from_file(file)
            get = eccodes.codes_get
            field = entry.field
            assert entry.offset == eccodes.codes_get_message_offset(handle)
            assert field.length == get(handle, "totalLength")
            # Gusts are 180 in NCEP's table 2, which ecCodes has no name for.
            assert field.short == {"unknown": "2.180"}.get(get(handle, "shortName"), get(handle, "shortName"))
            assert field.interval == (get(handle, "startStep") * 60, get(handle, "endStep") * 60)
            assert f"{field.init_time:%Y%m%d%H}" == f"{get(handle, 'dataDate')}{get(handle, 'dataTime') // 100:02d}"
            eccodes.codes_release(handle)
        assert eccodes.codes_grib_new_from_file(file) is None


def test_a_real_grib1_run_is_staged(shared_data: Path) -> None:
    staged = stage_files([shared_data / "gfs" / "zygrib_gfs_20130214_06z_0-72h.grb1"], GFS.wanted)
    assert staged.init_time == datetime(2013, 2, 14, 6, tzinfo=UTC)
    counts = Counter(message.variable for message in staged.messages)
    assert counts == {
        "air_pressure_mean_sea_level": 13,
        "air_temperature_2m": 13,
        "eastward_wind_10m": 13,
        "northward_wind_10m": 13,
        "precipitation_amount_surface": 12,
        "relative_humidity_2m": 13,
        "wind_gust_surface": 13,
    }
    # The mean of cloud cover is not cloud cover.
    assert staged.unused == ("not a variable of the model: tcc at level type 10, mean (12)",)


def test_ecmwf_writes_heights_at_the_surface_in_grib1(shared_data: Path) -> None:
    located = scan_file(shared_data / "era5" / "era5-2mt-2019-03-uk.grib")
    assert len(located) == 744
    for found in located:
        assert [row.name for row in IFS.wanted if match(found.field, row)] == ["air_temperature_2m"]


def test_a_real_grib1_series_is_staged_at_each_step(shared_data: Path) -> None:
    staged = stage_files([shared_data / "gfs" / "gfs_20160229_06z_2t_65steps.grb1"], GFS.wanted)
    # The grid changes after 240 hours.
    assert len(staged.messages) == 41
    assert staged.unused == ("another grid, 21 x 21 points (24)",)
    assert {message.variable for message in staged.messages} == {"air_temperature_2m"}
    assert all(message.interval == (message.lead, message.lead) for message in staged.messages)


def test_real_gfs_files_are_staged_with_the_bucket_of_rain(shared_data: Path) -> None:
    files = sorted((shared_data / "gfs").glob("gfs.20200804*.poland.grib2"))
    staged = stage_files(files, GFS.wanted)
    rain = [message for message in staged.messages if message.variable == "precipitation_amount_surface"]
    assert [message.interval for message in rain] == [(0, 360), (360, 720)]
    assert any("a second version of precipitation_amount_surface" in line for line in staged.unused)
    keys = [(message.variable, message.lead) for message in staged.messages]
    assert len(set(keys)) == len(keys)


def test_a_real_ifs_file_is_staged_from_the_start_of_the_run(shared_data: Path) -> None:
    staged = stage_files([shared_data / "ecmwf" / "ecmwf_ifs_20260420_00z_0-240h_channel.grib2"], IFS.wanted)
    rain = [message for message in staged.messages if message.variable == "precipitation_amount_surface"]
    assert len(rain) == 64
    assert all(message.interval == (0, message.lead) for message in rain)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(*messages: bytes) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.grib2"
        path.write_bytes(b"".join(messages))
        return path

    return write


def test_staged_messages_lie_in_their_files(toy: SimpleNamespace, write: Callable[..., Path]) -> None:
    one = write(toy.grib2(toy.temperature, (6, 6)), toy.grib2(toy.rain, (5, 6)))
    two = write(toy.grib2(toy.temperature, (7, 7)))
    staged = stage_files([one, two], toy.wanted)
    assert [(message.variable, message.lead) for message in staged.messages] == [
        ("air_temperature_2m", 360),
        ("precipitation_amount_surface", 360),
        ("air_temperature_2m", 420),
    ]
    for message in staged.messages:
        data = Path(message.blob).read_bytes()[message.offset : message.offset + message.length]
        assert data[:4] + data[-4:] == b"GRIB7777"
    assert staged.unused == ()


def test_several_runs_need_a_choice(toy: SimpleNamespace, write: Callable[..., Path]) -> None:
    later = toy.run + timedelta(hours=6)
    path = write(toy.grib2(toy.temperature, (6, 6)), toy.grib2(toy.temperature, (6, 6), later))
    with pytest.raises(InventoryError, match=r"2 runs: 2026-04-20T06:00Z, 2026-04-20T12:00Z"):
        stage_files([path], toy.wanted)
    staged = stage_files([path], toy.wanted, later)
    assert staged.init_time == later
    assert staged.unused == ("another run: 2026-04-20T06:00Z (1)",)
    with pytest.raises(InventoryError, match="no field of the run 2026-04-21"):
        stage_files([path], toy.wanted, toy.run + timedelta(days=1))


def test_files_of_no_use_say_so(toy: SimpleNamespace, write: Callable[..., Path]) -> None:
    with pytest.raises(InventoryError, match="no GRIB message in"):
        stage_files([write(b"nothing")], toy.wanted)
    other = replace(toy.temperature, level=Level(1), statistic=Statistic.MAXIMUM)
    with pytest.raises(InventoryError, match="none of the 1 fields in"):
        stage_files([write(toy.grib2(other, (0, 6)))], toy.wanted)


def test_amounts_before_their_first_lead_are_left_aside(toy: SimpleNamespace, write: Callable[..., Path]) -> None:
    path = write(toy.grib2(toy.rain, (0, 0)), toy.grib2(toy.rain, (0, 1)))
    assert [message.lead for message in stage_files([path], toy.wanted).messages] == [60]
