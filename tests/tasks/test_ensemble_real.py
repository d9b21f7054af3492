"""What NCEP says of GEFS' members, against what our kernels make of them; and NCEP's own means and spreads, decoded."""

from __future__ import annotations

import csv
from pathlib import Path

import eccodes
import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.errors import InventoryError
from tasks.members import add_up, addresses_of
from tasks.mixed import open_fields
from tasks.scan import stage_files
from tasks.wanted import Derived, Level, Meaning, Parameter, Wanted

MEMBERS = Path(__file__).parents[1] / "fixtures" / "gefs_tucson.csv"
"""Temperatures at 2 m around Tucson, run of 2019-05-15T00Z, 20 members and NCEP's mean and spread (public domain):
every eighth time of the NetCDF files of SolarArbiter/solarforecastarbiter-core (sfa_gefs_*.nc)."""
STEP = 0.1
"""K, of GEFS' packing; the files hold hundredths."""


def table() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Means, spreads [row], and members [member, row]."""
    with MEMBERS.open(newline="") as file:
        rows = np.array([[float(value) for value in row] for row in list(csv.reader(file))[1:]])
    return rows[:, 1], rows[:, 2], rows[:, 3:].T


def test_mean_and_sample_deviation_of_the_members_are_what_ncep_says() -> None:
    mean, spread, members = table()
    shape = (1, 1, len(mean))
    arrays = [one.astype(np.float32).reshape(shape) for one in members]
    _, found, deviation = made = [np.empty(shape, np.float32) for _ in range(3)]
    add_up(addresses_of(arrays), shape, np.zeros(1), 1, *made)
    assert len(members) == 20
    assert np.abs(found[0, 0] - mean).max() <= STEP / 2 + 0.005
    assert np.abs(deviation[0, 0] - spread).max() <= STEP / 2 + 0.005
    # Divided by the members it would be another number.
    assert np.abs(members.std(axis=0) - spread).max() > STEP


@pytest.mark.parametrize(("name", "meaning"), [("avg", Derived.MEAN), ("spr", Derived.SPREAD)])
def test_rows_with_a_meaning_read_real_means_and_spreads(
    name: str, meaning: Meaning, shared_data: Path, tmp_path: Path
) -> None:
    path = shared_data / "gefs" / f"GFSE_20210416_0000_{name}_f006.grib2"
    row = Wanted("air_temperature_2m", (Parameter(0, 0, 0),), Level(103, 2), meaning=meaning)
    (message,) = stage_files([path], [row]).messages
    for other in (None, Derived.MEAN, Derived.SPREAD):
        if other != meaning:
            with pytest.raises(InventoryError, match="none of the"):
                stage_files([path], [Wanted(row.name, row.parameters, row.level, meaning=other)])
    fields = open_fields([message], tmp_path, None, lambda done, of: None)
    with path.open("rb") as file:
        file.seek(message.offset)
        handle = eccodes.codes_new_from_message(file.read(message.length))
    expected = eccodes.codes_get_values(handle).reshape(fields.grid.ny, fields.grid.nx)
    eccodes.codes_release(handle)
    found = np.empty((1, fields.grid.ny, fields.grid.nx), np.float32)
    for first in range(0, fields.grid.ny, 2):
        rows = range(first, min(first + 2, fields.grid.ny))
        fields.fill(np.zeros(1, np.int64), rows, found[:, rows.start : rows.stop], np.zeros(1, np.int64))
    fields.close()
    np.testing.assert_allclose(found[0], expected, rtol=3e-7, atol=fields.steps[0] / 2)
    assert expected.min() > 150 if meaning is Derived.MEAN else 0 <= expected.min() <= expected.max() < 30
