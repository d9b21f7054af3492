"""One run with other weather each time: whoever mixes two publications of it tells a number that is in neither."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import eccodes

from deployments.simulator.faults import messages
from deployments.simulator.run import put, simulate_run
from flows.model import Model
from storage.grids import Grid
from tasks.grib import HEAD
from tasks.wanted import IndexKind

PLACE = (50.0, 10.0)
"""Latitude and longitude in degrees; a point of the grids, so that no interpolation comes between."""


@dataclass(frozen=True)
class Weather:
    """A mirror folder with one run. `truth`: Unix time -> 2 m temperature at PLACE in degrees Celsius, by ecCodes."""

    folder: Path
    truth: dict[int, float]


FIRST_DAY = date(2026, 4, 20)


def make_weather(
    folder: Path, model: Model, init_time: datetime, leads: Sequence[int], grid: Grid, number: int
) -> Weather:
    """The run of `init_time` with the weather of the run at that hour so many days after FIRST_DAY, labelled anew.

    `leads` in hours. The weather is the same whenever this is called, and so is what the gate thinks of it.
    """
    before = datetime.combine(FIRST_DAY, init_time.timetz()) + timedelta(days=number)
    simulate_run(folder / "before", model, before, leads, grid)
    truth: dict[int, float] = {}
    for lead in leads:
        for product in model.products:
            data = folder / "before" / product.data_path(before, lead)
            put(folder / product.data_path(init_time, lead), _relabelled(data.read_bytes(), init_time))
            index = (folder / "before" / product.index_path(before, lead)).read_text()
            text = _index_of(product.kind, index, init_time)
            put(folder / product.index_path(init_time, lead), text.encode())
        main = folder / model.products[0].data_path(init_time, lead)
        valid = int((init_time + timedelta(hours=lead)).timestamp())
        truth[valid] = _temperature(main)
    shutil.rmtree(folder / "before")
    return Weather(folder, truth)


def _relabelled(data: bytes, init_time: datetime) -> bytes:
    """All messages of a GRIB2 file with another reference time: octets 13 to 16 of section 1, and 17 for the minute."""
    labelled = bytearray(data)
    for start, _ in messages(data):
        at = start + HEAD + 12
        year, *rest = init_time.year, init_time.month, init_time.day, init_time.hour
        labelled[at : at + 5] = bytes((year >> 8, year & 0xFF, *rest))
    return bytes(labelled)


def _index_of(kind: IndexKind, text: str, init_time: datetime) -> str:
    lines = text.splitlines()
    if kind is IndexKind.IDX:
        parts = [line.split(":") for line in lines]
        lines = [":".join([*part[:2], f"d={init_time:%Y%m%d%H}", *part[3:]]) for part in parts]
    else:
        told = {"date": f"{init_time:%Y%m%d}", "time": f"{init_time:%H%M}"}
        lines = [json.dumps({**json.loads(line), **told}) for line in lines]
    return "".join(line + "\n" for line in lines)


def _temperature(path: Path) -> float:
    """Degrees Celsius at PLACE. Raises LookupError where the file has no 2 m temperature."""
    with path.open("rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            try:
                if eccodes.codes_get(handle, "shortName") == "2t":
                    (nearest,) = eccodes.codes_grib_find_nearest(handle, *PLACE)
                    return float(nearest["value"]) - 273.15
            finally:
                eccodes.codes_release(handle)
    raise LookupError(f"{path} has no 2 m temperature")
