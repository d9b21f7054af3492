"""The run as it is usually turned into series: ecCodes, xarray, Dask and zarr, three copies on disk and a zip.

Written as somebody would who knows these libraries well, and in favour of speed where there was a choice: messages are
found already, ecCodes reads them without cfgrib's index, the first copy is tiled so that no chunk of it is read twice,
and all variables share one array, which makes a thirtieth of the chunks.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dask
import dask.array as da
import eccodes
import numpy as np
import xarray as xr
import zarr
from dask.delayed import delayed
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from deployments.bench.measure import folder_bytes
from storage.grids import LatLonGrid
from storage.variables import Statistic
from tasks.wanted import StagedMessage, Wanted

CELLS = 3
"""Cells in a chunk of series, in each direction."""
TILE = 36
"""Rows of a Dask block: all variables and times of it at once."""
LEVEL = 3
"""Of zstd."""
WORKERS = 2


@dataclass(frozen=True)
class Plain:
    """A zip of point series, `forecast` [variable, time, y, x] float32, and the bytes of the copies it came from."""

    path: Path
    scratch_bytes: int


def plain_pipeline(
    wanted: Sequence[Wanted], messages: Sequence[StagedMessage], grid: LatLonGrid, folder: Path
) -> Plain:
    """All messages of a run, which lie on `grid` from north-west to south-east, to one zip in `folder`."""
    maps, series, path = folder / "maps.zarr", folder / "series.zarr", folder / "series.zarr.zip"
    with dask.config.set(scheduler="threads", num_workers=WORKERS):
        _save(stacked(wanted, messages, grid), maps, (len(wanted), 1, TILE, grid.nx))
        blocks = xr.open_zarr(maps, chunks={"variable": -1, "time": -1, "y": TILE, "x": -1}, consolidated=False)
        leads = len(blocks.time)
        _save(series_of(wanted, blocks), series, (len(wanted), leads, CELLS, CELLS))
    zipped(series, path)
    scratch = folder_bytes(maps) + folder_bytes(series)
    for copy in (maps, series):
        shutil.rmtree(copy)
    return Plain(path, scratch)


def stacked(wanted: Sequence[Wanted], messages: Sequence[StagedMessage], grid: LatLonGrid) -> xr.Dataset:
    """Not yet decoded: `forecast` as messages give it, `start` [variable, time] of their intervals; minutes."""
    by_lead: dict[int, dict[str, StagedMessage]] = defaultdict(dict)
    for message in messages:
        by_lead[message.lead][message.variable] = message
    leads, names = sorted(by_lead), [row.name for row in wanted]
    shape = len(names), grid.ny, grid.nx
    maps = [da.from_delayed(delayed(decoded)(names, by_lead[lead], shape), shape, np.float32) for lead in leads]
    starts = [[by_lead[lead][name].interval[0] if name in by_lead[lead] else -1 for lead in leads] for name in names]
    return xr.Dataset(
        {"forecast": (("variable", "time", "y", "x"), da.stack(maps, axis=1))},
        {"time": leads, "start": (("variable", "time"), starts)},
        {"variables": names},
    )


def decoded(names: Sequence[str], messages: dict[str, StagedMessage], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """All variables of one lead, [variable, y, x]; NaN where there is no message or no value."""
    values = np.full(shape, np.nan, np.float32)
    for number, name in enumerate(names):
        if name not in messages:
            continue
        message = messages[name]
        with open(message.blob, "rb") as file:
            handle = eccodes.codes_new_from_message(os.pread(file.fileno(), message.length, message.offset))
        try:
            found = eccodes.codes_get_values(handle)
            if eccodes.codes_get(handle, "numberOfMissing"):
                found[found == eccodes.codes_get_double(handle, "missingValue")] = np.nan
            values[number] = found.reshape(shape[1:])
        finally:
            eccodes.codes_release(handle)
    return values


def series_of(wanted: Sequence[Wanted], maps: xr.Dataset) -> xr.Dataset:
    """`forecast` with the amounts and means of each step; nothing is computed yet."""
    starts, times = maps.start.values, maps.time.values
    blocks = da.map_blocks(amounts, maps.forecast.data, wanted, starts, times, dtype=np.float32)
    return xr.Dataset({"forecast": (maps.forecast.dims, blocks)}, {"time": maps.time}, maps.attrs)


def amounts(
    block: NDArray[np.float32], wanted: Sequence[Wanted], starts: NDArray[np.int64], times: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Totals and means since a start [variable, time], minutes, become those of the time since the lead before.

    block: [variable, time, y, x], changed in place: it was read for this alone.
    """
    before = np.concatenate([[0], times[:-1]])
    for row, start, values in zip(wanted, starts, block, strict=True):
        if row.statistic in (Statistic.ACCUMULATION, Statistic.MEAN):
            mean = row.statistic is Statistic.MEAN
            goes_on = (start[1:] == start[:-1]) & (start[1:] < times[:-1])
            length = np.where(np.concatenate([[False], goes_on]), times - before, times - start).astype(np.float32)
            total = values * (times - start).astype(np.float32)[:, None, None] if mean else values.copy()
            values[:] = total
            values[1:][goes_on] -= total[:-1][goes_on]
            np.maximum(values, 0, out=values)
            if mean or row.rate:
                values /= (length * (1 if mean else 60))[:, None, None]
        if row.factor != 1:
            values *= np.float32(row.factor)
    return block


def _save(data: xr.Dataset, path: Path, chunks: tuple[int, ...]) -> None:
    codec = ZstdCodec(level=LEVEL)
    data.to_zarr(path, encoding={"forecast": {"chunks": chunks, "compressors": codec}}, consolidated=False)


def zipped(folder: Path, path: Path) -> None:
    """A folder's files in a zip, as they are."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder))


def open_series(path: Path) -> zarr.Array:
    """`forecast` of a zip that `plain_pipeline` wrote."""
    found = zarr.open_group(zarr.storage.ZipStore(path, mode="r"), mode="r")["forecast"]
    assert isinstance(found, zarr.Array)
    return found
