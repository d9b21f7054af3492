"""A run whose messages need both decoders, band after band."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from storage.grids import Box
from tasks.bands import strips_of
from tasks.errors import DecodeError
from tasks.fields import rows_of
from tasks.mixed import MixedFields, open_fields
from tasks.wanted import StagedMessage

NY, NX = 33, 24
WAVES = 280 + 10 * np.sin(np.arange(NY * NX).reshape(NY, NX) / 7.0)
GLOBE = {"lat0": 80.0, "dlat": -5.0, "ny": NY, "lon0": 0.0, "dlon": 15.0, "nx": NX}


def opened(messages: Sequence[StagedMessage], scratch: Path, box: Box | None = None) -> MixedFields:
    return open_fields(messages, scratch, box, lambda done, count: None)


def some_of(fields: MixedFields, numbers: Sequence[int], rows: range) -> NDArray[np.float32]:
    values = np.full((len(numbers) + 1, len(rows), fields.grid.nx), -1, np.float32)
    fields.fill(np.array(numbers), rows, values, np.arange(1, len(numbers) + 1))
    assert (values[0] == -1).all()
    return values[1:]


@pytest.fixture
def run(stage: Any, made: SimpleNamespace) -> list[StagedMessage]:
    """Leads in packings of both decoders, in turn; the value 1000 x lead is added to each."""
    plane = made.Plane(**GLOBE)
    packings = ["grid_complex_spatial_differencing", "grid_ccsds", "grid_simple", "grid_jpeg", "grid_complex"]
    return [
        stage.bytes(made.message(WAVES + 1000 * lead, plane, packing=packing), "air_temperature_2m", (0, 60 * lead))
        for lead, packing in enumerate(packings)
    ]


def test_each_message_comes_from_the_decoder_that_serves_it(run: list[StagedMessage], tmp_path: Path) -> None:
    with closing(opened(run, tmp_path)) as fields:
        assert fields.by_eccodes == 2
        assert fields.decoder().startswith("windlass; ecCodes 2.")
        assert fields.decoder().endswith(" for 2 messages")
        for rows in strips_of(range(NY)):
            found = rows_of(fields, range(5), rows)
            for lead in range(5):
                np.testing.assert_allclose(found[lead], WAVES[rows.start : rows.stop] + 1000 * lead, atol=0.01)
        np.testing.assert_allclose(some_of(fields, [3, 0], range(8))[:, 5], [WAVES[5] + 3000, WAVES[5]], atol=0.01)


def test_rows_may_be_left_out_and_asked_for_again(run: list[StagedMessage], tmp_path: Path) -> None:
    with closing(opened(run, tmp_path)) as fields:
        for row in (30, 4, 4, 17, 2):
            np.testing.assert_allclose(
                some_of(fields, [4, 2], range(row, row + 2))[1], WAVES[row : row + 2] + 2000, atol=0.01
            )


@pytest.mark.parametrize("westward", [False, True])
@pytest.mark.parametrize("alternating", [False, True])
def test_a_window_across_the_first_column_is_cut_out(
    stage: Any, made: SimpleNamespace, tmp_path: Path, westward: bool, alternating: bool
) -> None:
    plane = made.Plane(**GLOBE, westward=westward, alternating=alternating)
    lats, lons = plane.places()
    messages = [stage.field(field, plane=plane, bits=24) for field in (lats, lons % 360)]
    with closing(opened(messages, tmp_path, Box(-50, -31, 40, 52))) as fields:
        assert fields.by_eccodes == 0
        assert fields.grid.shape == (17, 6)
        strips = [rows_of(fields, range(2), rows) for rows in strips_of(range(17))]
        places = np.concatenate(strips, axis=1)
    np.testing.assert_allclose(places[0][:, 0], np.arange(50, -31, -5), atol=1e-4)
    np.testing.assert_allclose(places[1][0], [315, 330, 345, 0, 15, 30], atol=1e-4)


def test_a_run_of_one_decoder_says_so(run: list[StagedMessage], tmp_path: Path) -> None:
    with closing(opened([run[0], run[2]], tmp_path)) as fields:
        assert (fields.by_eccodes, fields.decoder()) == (0, "windlass")
    with closing(opened([run[1]], tmp_path)) as fields:
        assert fields.by_eccodes == 1
        assert fields.decoder().startswith("ecCodes")


def test_no_scratch_is_taken_for_what_is_decoded_here(run: list[StagedMessage], tmp_path: Path) -> None:
    with closing(opened([run[0]], tmp_path / "not there")) as fields:
        assert rows_of(fields, range(1), range(2)).shape == (1, 2, NX)


def test_values_beyond_their_section_are_an_error_that_names_the_message(
    stage: Any, made: SimpleNamespace, tmp_path: Path
) -> None:
    data = bytearray(made.message(WAVES, made.Plane(**GLOBE), packing="grid_complex_spatial_differencing"))
    at = 16
    while data[at + 4] != 5:
        at += int.from_bytes(data[at : at + 4], "big")
    # Octet 36, the reference of group widths: the groups become wider than their section holds.
    data[at + 35] += 12
    message = stage.bytes(bytes(data), "air_temperature_2m", (0, 120))
    with closing(opened([message], tmp_path)) as fields:
        told = r"air_temperature_2m at lead 2 h \(https://mirror.test/.*beyond the end of section 7"
        with pytest.raises(DecodeError, match=told):
            rows_of(fields, range(1), range(NY))


def test_a_corrupt_header_is_an_error_that_names_the_message(stage: Any, made: SimpleNamespace, tmp_path: Path) -> None:
    data = bytearray(made.message(WAVES, made.Plane(**GLOBE), packing="grid_complex"))
    at = 16
    while data[at + 4] != 5:
        at += int.from_bytes(data[at : at + 4], "big")
    data[at + 31 : at + 35] = b"\xff" * 4
    message = stage.bytes(bytes(data), "air_temperature_2m", (0, 120))
    with pytest.raises(
        DecodeError, match=r"air_temperature_2m at lead 2 h .*: it has 4294967295 groups for 792 values"
    ):
        opened([message], tmp_path)
