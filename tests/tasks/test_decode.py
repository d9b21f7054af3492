"""Messages to bands: every packing, several fields a message, and damage that must never be a crash."""

from __future__ import annotations

import os
import random
import resource
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import eccodes
import numpy as np
import pytest
from numpy.typing import NDArray

from storage.grids import Box
from tasks.bands import strips_of
from tasks.cut import single_field
from tasks.errors import DecodeError, DiskFull, MessageError
from tasks.fields import rows_of
from tasks.mixed import MixedFields, open_fields
from tasks.wanted import StagedMessage

WAVES = 280 + 10 * np.sin(np.arange(13 * 15).reshape(13, 15) / 7.0)


def by_eccodes_alone(message: memoryview) -> None:
    """What open_fields does not claim."""


def opened(messages: list[StagedMessage], scratch: Path, box: Box | None = None) -> MixedFields:
    return open_fields(messages, scratch, box, lambda done, count: None, by_eccodes_alone)


def values(messages: list[StagedMessage], scratch: Path) -> NDArray[np.float32]:
    """[message, y, x]."""
    with closing(opened(messages, scratch)) as fields:
        return np.concatenate(
            [rows_of(fields, range(len(messages)), rows) for rows in strips_of(range(fields.grid.ny))], axis=1
        )


def by_eccodes(data: bytes) -> NDArray[np.float64]:
    handle = eccodes.codes_new_from_message(data)
    eccodes.codes_set(handle, "missingValue", 1e30)
    found = eccodes.codes_get_array(handle, "values").reshape(13, 15)
    eccodes.codes_release(handle)
    return np.where(found == 1e30, np.nan, found)


@pytest.mark.parametrize("edition", [1, 2])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("bits", [0, 1, 8, 12, 16])
def test_simple_packing_is_exact(stage: Any, tmp_path: Path, made: Any, edition: int, gaps: bool, bits: int) -> None:
    field = np.full_like(WAVES, 281.5) if bits == 0 else WAVES.copy()
    if gaps:
        field[2:5, 3:9] = np.nan
    data = made.message(field, made.Plane(), edition=edition, bits=bits)
    found = values([stage.bytes(data, "air_temperature_2m", (0, 0))], tmp_path)[0]
    np.testing.assert_array_equal(found, by_eccodes(data).astype(np.float32))
    assert np.isnan(found).any() == gaps


@pytest.mark.parametrize(
    "packing",
    ["grid_complex", "grid_complex_spatial_differencing", "grid_ccsds", "grid_jpeg", "grid_ieee"],
)
def test_other_packings_are_within_what_they_say_of_themselves(
    stage: Any, tmp_path: Path, made: Any, packing: str
) -> None:
    data = made.message(WAVES, made.Plane(), packing=packing)
    message = stage.bytes(data, "air_temperature_2m", (0, 0))
    with closing(opened([message], tmp_path)) as fields:
        [step] = fields.steps
    assert np.abs(values([message], tmp_path)[0] - by_eccodes(data)).max() <= step / 2 + 3e-5
    assert step < 0.001


def test_more_than_sixteen_bits_lose_less_than_a_65000th_of_the_range(stage: Any, tmp_path: Path, made: Any) -> None:
    data = made.message(WAVES, made.Plane(), bits=24)
    message = stage.bytes(data, "air_temperature_2m", (0, 0))
    with closing(opened([message], tmp_path)) as fields:
        [step] = fields.steps
    assert step == pytest.approx(np.ptp(WAVES) / 65_532, rel=1e-3)
    assert np.abs(values([message], tmp_path)[0] - by_eccodes(data)).max() <= step / 2 + 3e-5


def test_each_field_of_a_message_with_several_is_its_own(stage: Any, tmp_path: Path, made: Any, toy: Any) -> None:
    """As NCEP writes u and v."""
    first, second = WAVES.copy(), WAVES[::-1] + 3
    first[0, :4] = second[0, :4] = np.nan
    one, other = (made.message(field, made.Plane()) for field in (first, second))
    both = toy.two_fields(one, other)
    bitmaps = both.count(b"\x06\x00")
    messages = [
        stage.bytes(both, "eastward_wind_10m", (0, 0)),
        stage.bytes(both, "northward_wind_10m", (0, 0), field=1),
    ]
    assert bitmaps
    found = values(messages, tmp_path)
    np.testing.assert_array_equal(found[0], by_eccodes(one).astype(np.float32))
    np.testing.assert_array_equal(found[1], by_eccodes(other).astype(np.float32))


def test_a_bitmap_defined_before_is_used_again(made: Any, toy: Any) -> None:
    field = WAVES.copy()
    field[3] = np.nan
    one = made.message(field, made.Plane())
    at = 16
    while one[at + 4] != 6:
        at += int.from_bytes(one[at : at + 4], "big")
    size = int.from_bytes(one[at : at + 4], "big")
    short = one[:at] + (6).to_bytes(4, "big") + b"\x06\xfe" + one[at + size :]
    short = short[:8] + len(short).to_bytes(8, "big") + short[16:]
    both = toy.two_fields(one, short)
    assert single_field(both, 0) == single_field(both, 1) == one
    with pytest.raises(MessageError, match="a bitmap it does not hold"):
        single_field(short, 0)
    with pytest.raises(MessageError, match="holds 2 fields, not 3"):
        single_field(both, 2)


def test_a_grib1_message_is_one_field(made: Any) -> None:
    data = made.message(WAVES, made.Plane(), edition=1)
    assert single_field(data, 0) is data


def test_messages_keep_their_order_and_bands_may_be_read_again(stage: Any, tmp_path: Path) -> None:
    messages = [stage.field(np.full((23, 4), float(number)), interval=(0, number * 60)) for number in range(7)]
    done: list[tuple[int, int]] = []
    with closing(open_fields(messages, tmp_path, None, lambda *pair: done.append(pair), by_eccodes_alone)) as fields:
        assert done == [(number, 7) for number in range(1, 8)]
        for rows in (range(20, 23), range(10), range(12, 14), range(10)):
            found = rows_of(fields, range(2, 6), rows)
            assert found.shape == (4, len(rows), 4)
            assert (found == np.arange(2.0, 6.0)[:, None, None]).all()


def test_a_crop_keeps_only_the_window_in_scratch(stage: Any, tmp_path: Path, made: Any) -> None:
    plane = made.Plane(lat0=90.0, dlat=-1.0, ny=181, lon0=0.0, dlon=1.0, nx=360)
    message = stage.field(plane.places()[0], plane=plane)
    with closing(opened([message], tmp_path, Box(10, 40, 29, 59))) as fields:
        assert fields.grid.shape == (20, 20)
        found = rows_of(fields, range(1), range(10))
        assert (found.min(), found.max()) == pytest.approx((50, 59), abs=0.01)
        files = [path for path in Path("/proc/self/fd").iterdir() if str(tmp_path) in os.path.realpath(path)]
        assert {os.stat(file).st_size for file in files if "deleted" in os.readlink(file)} == {20 * 20 * 2}


def test_the_scratch_file_has_no_name(stage: Any, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with closing(opened([stage.field(WAVES)], scratch)):
        assert list(scratch.iterdir()) == []


def test_a_box_beside_the_grid_is_said(stage: Any, tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="the box holds nothing: no grid point lies within"):
        opened([stage.field(WAVES)], tmp_path, Box(100, 0, 110, 10))


def test_messages_of_different_grids_are_refused_by_name(stage: Any, tmp_path: Path) -> None:
    messages = [stage.field(WAVES), stage.field(WAVES[:, :-1], "relative_humidity_2m", (0, 120))]
    with pytest.raises(DecodeError, match=r"relative_humidity_2m at lead 2 h \(https:.*\) lies on another"):
        opened(messages, tmp_path)


def test_no_room_is_found_out_before_anything_is_decoded(stage: Any, tmp_path: Path) -> None:
    message = stage.field(WAVES)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The kernel treats a file beyond this as it treats one beyond the disk or the quota.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(DiskFull, match=r"no room for 390 B of decoded fields \(1 of 13 x 15 points\)"):
            opened([message], tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def damaged(stage: Any, message: StagedMessage, edit: Any) -> StagedMessage:
    data = bytearray(Path(message.blob).read_bytes()[message.offset : message.offset + message.length])
    edit(data)
    return stage.bytes(bytes(data), message.variable, message.interval)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("gone", "is gone"),
        ("blob cut", "ends 90 bytes too early"),
        ("no end", "does not end where it says"),
        ("section", "claims"),
    ],
)
def test_a_damaged_frame_names_variable_lead_url_and_cure(stage: Any, tmp_path: Path, what: str, told: str) -> None:
    good, bad = stage.field(WAVES), stage.field(WAVES, "relative_humidity_2m", (0, 180))
    if what == "gone":
        bad = replace(bad, blob=str(tmp_path / "nowhere"))
    elif what == "blob cut":
        os.truncate(bad.blob, bad.offset + bad.length - 90)
    elif what == "no end":
        bad = damaged(stage, bad, lambda data: data.__setitem__(slice(-4, None), b"7776"))
    else:
        bad = damaged(stage, bad, lambda data: data.__setitem__(slice(16, 18), b"\xff\xff"))
    with pytest.raises(DecodeError, match=told) as caught:
        opened([good, bad], tmp_path)
    text = str(caught.value)
    assert "relative_humidity_2m at lead 3 h (https://mirror.test/relative_humidity_2m.f003)" in text
    assert f"delete {bad.blob} and ingest again" in text


def test_the_cure_for_a_given_file_is_to_fetch_it_again(stage: Any, tmp_path: Path) -> None:
    message = replace(stage.field(WAVES), blob=str(tmp_path / "nowhere"), mirror="file")
    with pytest.raises(DecodeError, match="fetch the file again"):
        opened([message], tmp_path)


@pytest.mark.parametrize(
    ("name", "tries"),
    [
        ("gfs/gfs_tmp2m_1deg_anl.grib2", 25),
        ("gfs/grib2io_gfs.jpeg.grib2", 6),
        ("gfs/gfs_20160229_06z_2t_65steps.grb1", 15),
    ],
)
def test_flipped_bits_are_an_error_or_a_field_but_never_a_crash(
    shared_data: Path, stage: Any, tmp_path: Path, name: str, tries: int
) -> None:
    data = (shared_data / name).read_bytes()
    length = int.from_bytes(data[8:16], "big") if data[7] == 2 else int.from_bytes(data[4:7], "big")
    chance = random.Random(1)
    refused: list[str] = []
    for _ in range(tries):
        flipped = bytearray(data[:length])
        for _ in range(3):
            flipped[chance.randrange(16, min(400, length - 4))] ^= 1 << chance.randrange(8)
            flipped[chance.randrange(16, length - 4)] ^= 1 << chance.randrange(8)
        stage.blob.unlink(missing_ok=True)
        try:
            opened([stage.bytes(bytes(flipped), "air_temperature_2m", (0, 60))], tmp_path).close()
        except DecodeError as error:
            refused.append(str(error))
    assert refused
    assert all("air_temperature_2m at lead 1 h (https://mirror.test/air_temperature_2m.f001)" in one for one in refused)


def test_a_message_that_brings_eccodes_down_is_named(
    stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = [stage.field(WAVES, interval=(0, lead * 60)) for lead in range(5)]
    decode = eccodes.codes_get_array

    def fall(handle: int, key: str, kind: type) -> Any:
        found = decode(handle, key, kind)
        if found.max() > 400:
            os.abort()
        return found

    monkeypatch.setattr(eccodes, "codes_get_array", fall)
    messages[3] = stage.field(WAVES + 200, interval=(0, 180))
    with pytest.raises(DecodeError, match=r"at lead 3 h .* cannot be decoded: its decoding ended with SIGABRT"):
        opened(messages, tmp_path)


@pytest.mark.usefixtures("nobody_is_left")
def test_children_are_gone_however_it_ends(stage: Any, tmp_path: Path) -> None:
    opened([stage.field(WAVES) for _ in range(4)], tmp_path).close()
    with pytest.raises(DecodeError):
        opened([stage.field(WAVES), stage.field(WAVES[:4])], tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "gfs/grib2io_gfs.complex.grib2",
        "gfs/grib2io_gfs.jpeg.grib2",
        "gfs/grib2io_gfs.png.grib2",
        "gfs/gribberish_gfs.t12z.pgrb2.0p25.f023-PV-TMP-missing.grib2",
        "ecmwf/20250912120000-0h-oper-fc.msg89.grib2",
    ],
)
def test_production_packings_are_exact(shared_data: Path, stage: Any, tmp_path: Path, name: str) -> None:
    data = (shared_data / name).read_bytes()
    found = values([stage.bytes(data, "air_temperature_2m", (0, 0))], tmp_path)
    handle = eccodes.codes_new_from_message(data)
    truth = eccodes.codes_get_array(handle, "values")
    truth[truth == eccodes.codes_get(handle, "missingValue")] = np.nan
    eccodes.codes_release(handle)
    np.testing.assert_array_equal(found.ravel(), truth.astype(np.float32))
