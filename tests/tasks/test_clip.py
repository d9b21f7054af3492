"""Messages that are cut down to a box, read by ecCodes and by our own decoder."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import eccodes
import numpy as np
import pytest
from numpy.typing import NDArray

from storage.grids import Box
from tasks.clip import Clipper
from tasks.decode import decode, read_message
from tasks.fields import rows_of
from tasks.mixed import open_fields
from tasks.wanted import StagedMessage
from tests.tasks.fields import Plane

NY, NX = 73, 144
WAVES = 280 + 10 * np.sin(np.arange(NY * NX).reshape(NY, NX) / 7.0)
GLOBE = Plane(lat0=90.0, dlat=-2.5, ny=NY, lon0=0.0, dlon=2.5, nx=NX)
EUROPE = Box(-11.0, 35.0, 31.0, 60.0)
PACKINGS = ["grid_complex_spatial_differencing", "grid_ccsds", "grid_simple", "grid_jpeg", "grid_complex", "grid_png"]


def values_of(data: bytes) -> NDArray[np.float64]:
    """As ecCodes decodes a message, in its own order, NaN = missing."""
    handle = eccodes.codes_new_from_message(data)
    try:
        eccodes.codes_set(handle, "missingValue", 1e30)
        values = eccodes.codes_get_array(handle, "values", float)
    finally:
        eccodes.codes_release(handle)
    return np.where(values == 1e30, np.nan, values)


def inside(plane: Plane, box: Box) -> NDArray[np.bool_]:
    """[point] of a message, by the places of its points: the box, and as much around it as a cell."""
    lats, lons = plane.places()
    east = (lons - box.west) % 360.0
    return np.asarray(
        plane.ordered(((lats >= box.south) & (lats <= box.north) & (east <= box.east - box.west)).astype(float))
    ).astype(bool)


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("gaps", [False, True], ids=["full", "gaps"])
def test_what_is_in_the_box_is_kept_to_the_bit(stage: Any, packing: str, gaps: bool) -> None:
    field = WAVES.copy()
    if gaps:
        field[::3, 1::5] = np.nan
        field[20:22] = np.nan
    message = stage.field(field, plane=GLOBE, packing=packing)
    before = values_of(read_message(message))
    (cut,) = Clipper(EUROPE).clip([message])
    after = values_of(read_message(cut))
    here = inside(GLOBE, EUROPE)
    assert np.isfinite(before[here]).any()
    np.testing.assert_array_equal(after[here], before[here])
    far = inside(GLOBE, Box(-14.0, 32.0, 34.0, 63.0))
    assert np.isnan(after[~far]).all()
    assert cut.length < message.length / 4
    assert (cut.field, cut.slot, cut.url) == (message.field, message.slot, message.url)
    assert os.stat(cut.blob).st_size == cut.length


@pytest.mark.parametrize(
    "plane",
    [
        replace(GLOBE, westward=True),
        replace(GLOBE, alternating=True),
        replace(GLOBE, lat0=-90.0, dlat=2.5),
        replace(GLOBE, lat0=-90.0, dlat=2.5, westward=True, alternating=True),
        replace(GLOBE, columns_first=True),
    ],
)
@pytest.mark.parametrize("box", [EUROPE, Box(170.0, -20.0, -170.0, 90.0), Box(-180.0, -90.0, 180.0, 90.0)])
def test_a_box_of_a_cut_message_is_that_of_the_whole_one(stage: Any, tmp_path: Path, plane: Plane, box: Box) -> None:
    messages = [stage.field(WAVES + lead, plane=plane, interval=(60 * lead, 60 * lead)) for lead in range(2)]
    with closing(open_fields(messages, tmp_path, box, lambda done, of: None)) as fields:
        before = [rows_of(fields, range(2), range(row, row + 1)).copy() for row in range(fields.grid.ny)]
        grid = fields.grid
    cut = Clipper(box).clip(messages)
    with closing(open_fields(cut, tmp_path, box, lambda done, of: None)) as fields:
        assert fields.grid == grid
        after = [rows_of(fields, range(2), range(row, row + 1)).copy() for row in range(fields.grid.ny)]
    np.testing.assert_array_equal(after, before)


def test_a_field_that_is_one_number_stays_that(stage: Any) -> None:
    message = stage.field(np.full((NY, NX), 273.125), plane=GLOBE)
    (cut,) = Clipper(EUROPE).clip([message])
    assert set(values_of(read_message(cut))[inside(GLOBE, EUROPE)]) == {273.125}
    nothing = stage.field(np.where(np.arange(NX) < 100, np.nan, WAVES), plane=GLOBE)
    (cut,) = Clipper(Box(10.0, 35.0, 31.0, 60.0)).clip([nothing])
    assert np.isnan(values_of(read_message(cut))).all()


def test_what_cannot_be_cut_stays_as_it_is(stage: Any) -> None:
    whole = [
        stage.field(WAVES, plane=GLOBE, packing="grid_ieee"),
        stage.field(WAVES, plane=GLOBE, edition=1, interval=(60, 60)),
        stage.field(WAVES, "precipitation_rate_surface", plane=GLOBE),
        stage.field(WAVES, plane=replace(GLOBE, columns_first=True), interval=(120, 120)),
    ]
    data = [read_message(message) for message in whole]
    cut = Clipper(EUROPE, but=("precipitation_rate_surface",)).clip(whole)
    assert [read_message(message) for message in cut] == data


def test_a_message_that_ends_its_decoder_stays_whole_and_so_do_those_behind_it(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = [stage.field(WAVES, plane=GLOBE, packing="grid_ccsds", interval=(60 * n, 60 * n)) for n in range(4)]
    data = [read_message(message) for message in messages]
    deadly = messages[1]

    def dying(message: StagedMessage, grid: Any) -> Any:
        return os.abort() if message == deadly else decode(message, grid)

    monkeypatch.setattr("tasks.clip.decode", dying)
    cut = Clipper(EUROPE).clip(messages)
    assert [read_message(message) == whole for message, whole in zip(cut, data, strict=True)] == [
        False,
        True,
        True,
        True,
    ]


def test_a_message_whose_numbers_do_not_decode_stays_whole(stage: Any) -> None:
    good = stage.field(WAVES, plane=GLOBE, packing="grid_complex")
    data = bytearray(read_message(good))
    section = data.index(len(WAVES.reshape(-1)).to_bytes(4, "big"), 100)
    # Octet 36 of section 5, the reference of the groups' widths: no number has so many bits.
    data[section - 5 + 35] = 40
    bad = stage.bytes(bytes(data), "air_temperature_2m", (60, 60))
    cut = Clipper(EUROPE).clip([good, bad])
    assert cut[0].length < good.length
    assert read_message(cut[1]) == bytes(data)


def test_the_files_of_members_are_cut_each(made: Any, tmp_path: Path) -> None:
    messages: list[StagedMessage] = []
    for member in range(2):
        stage = made.Stage(tmp_path / f"f006.{member}.grib2")
        messages += [
            replace(stage.field(WAVES + lead, plane=GLOBE, interval=(lead, lead)), member=member) for lead in (0, 60)
        ]
    before = sum(message.length for message in messages)
    cut = Clipper(EUROPE).clip(messages)
    assert [Path(message.blob).name for message in cut] == [Path(message.blob).name for message in messages]
    assert (
        sum(path.stat().st_size for path in tmp_path.glob("f006*"))
        == sum(message.length for message in cut)
        < before / 4
    )
    assert [message.offset for message in cut] == [0, cut[0].length, 0, cut[2].length]
