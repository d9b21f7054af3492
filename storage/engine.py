"""`xarray.open_dataset(path, engine="windlass")`: a store as a lazy, decoded CF dataset, one variable per name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray
from numpy.typing import NDArray
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

from storage.errors import StoreError
from storage.grids import Grid
from storage.layout import BLOCKS, FILL, dequantise, shard_side
from storage.metadata import AXES, global_attrs, horizontal
from storage.reader import Store
from storage.schema import StoredVariable, StoreSchema
from storage.variables import Statistic

SUFFIX = ".zarr.zip"
PREFERRED = 10
"""Shards along each side of a dask chunk: about 8 MB a variable of 209 leads."""
METHODS = {
    Statistic.INSTANT: "time: point",
    Statistic.ACCUMULATION: "time: sum",
    Statistic.MEAN: "time: mean",
    Statistic.MINIMUM: "time: minimum",
    Statistic.MAXIMUM: "time: maximum",
}


class StoredArray(BackendArray):
    """One variable [time, y, x], float32 in its units, NaN = missing; reads the chunks that hold what is asked for."""

    def __init__(self, store: Store, row: int) -> None:
        self.store = store
        self.row = row
        self.stored = store.schema.variables[row]
        self.shape = (len(store.schema.lead_times), *store.schema.grid.shape)
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        support = indexing.IndexingSupport.OUTER
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[np.float32]:
        """key: an int, slice or one-dimensional array for each axis."""
        asked = [np.arange(length)[part] for length, part in zip(self.shape, key, strict=True)]
        times, ys, xs = (np.atleast_1d(part) for part in asked)
        steps = np.empty((len(times), len(ys), len(xs)), np.int16)
        variables = slice(self.row, self.row + 1)
        side, size = shard_side(self.store.schema), self.store.schema.block
        for shard_row, at_y, y in _by_shard(ys, side):
            for shard_column, at_x, x in _by_shard(xs, side):
                chunks = {int(b) for b in np.add.outer(np.unique(y // size) * BLOCKS, np.unique(x // size)).flat}
                block = self.store.block(shard_row, shard_column, variables=variables, chunks=chunks)[0]
                steps[:, at_y[:, None], at_x] = block[times[:, None, None], y[:, None], x]
        values = dequantise(steps, self.stored.scale_factor, self.stored.add_offset)
        return values[tuple(0 if part.ndim == 0 else slice(None) for part in asked)]


class PlaceArray(BackendArray):
    """Latitudes (axis 0) or longitudes (axis 1) [y, x] of a projected grid, worked out for what is asked for."""

    def __init__(self, grid: Grid, axis: int) -> None:
        self.grid = grid
        self.axis = axis
        self.shape = grid.shape
        self.dtype = np.dtype(np.float64)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        support = indexing.IndexingSupport.OUTER
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[np.float64]:
        asked = [np.arange(length)[part] for length, part in zip(self.shape, key, strict=True)]
        places = self.grid.latlons(*(np.atleast_1d(part) for part in asked))[self.axis]
        return places[tuple(0 if part.ndim == 0 else slice(None) for part in asked)]


def _by_shard(cells: NDArray[np.int64], side: int) -> Iterable[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Cells of one axis by shard: (shard, where they stand in `cells`, their place within the shard)."""
    shards = cells // side
    for shard in np.unique(shards):
        at = np.flatnonzero(shards == shard)
        yield int(shard), at, cells[at] % side


def variable_attrs(stored: StoredVariable) -> dict[str, Any]:
    """CF attributes of one variable; `interval_minutes` says per time how long the interval is that ends there."""
    row = stored.variable
    attrs: dict[str, Any] = {"long_name": row.long_name, "units": row.units}
    if row.statistic in METHODS:
        attrs["cell_methods"] = METHODS[row.statistic]
    if row.standard_name:
        attrs["standard_name"] = row.standard_name
    if row.flags:
        attrs["flag_values"] = np.array([flag.value for flag in row.flags], np.float32)
        attrs["flag_meanings"] = " ".join(flag.meaning for flag in row.flags)
    if any(stored.intervals):
        attrs["interval_minutes"] = np.array(stored.intervals, np.int32)
    return attrs | {"grid_mapping": "spatial_ref"}


def _coordinates(schema: StoreSchema, preferred: dict[str, int]) -> dict[str, xarray.Variable]:
    """`preferred`: cells of a dask chunk by dimension, y and x."""
    init_time = np.datetime64(schema.init_time.replace(tzinfo=None), "ns")
    leads = np.array(schema.lead_times, "timedelta64[m]").astype("timedelta64[ns]")
    time = {"standard_name": "time", "long_name": "valid time", "axis": "T"}
    found = {
        "time": xarray.Variable(("time",), init_time + leads, time),
        "forecast_period": xarray.Variable(("time",), leads, {"standard_name": "forecast_period"}),
        "forecast_reference_time": xarray.Variable((), init_time, {"standard_name": "forecast_reference_time"}),
    }
    for row in horizontal(schema.grid):
        found[row.name] = xarray.Variable(row.dimensions, row.values, row.attrs)
    for axis, name in enumerate(("latitude", "longitude")):
        if name not in found:
            places = indexing.LazilyIndexedArray(PlaceArray(schema.grid, axis))
            attrs = {key: text for key, text in AXES[name].items() if key != "axis"}
            found[name] = xarray.Variable(list(preferred), places, attrs, {"preferred_chunks": preferred})
    return found


class WindlassBackend(BackendEntrypoint):
    """Opens stores. Nothing is read before it is needed; datasets can be pickled and chunked for dask."""

    description = "Weather-model runs stored by Windlass"
    open_dataset_parameters = ("filename_or_obj", "drop_variables")

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
    ) -> xarray.Dataset:
        """Raises StoreError, CorruptStore, FileNotFoundError."""
        store = Store.open(os.fspath(filename_or_obj))
        schema = store.schema
        dropped = {drop_variables} if isinstance(drop_variables, str) else set(drop_variables or ())
        names = schema.grid.axes()[::2]
        most = PREFERRED * shard_side(schema)
        preferred = {name: min(size, most) for name, size in zip(names, schema.grid.shape, strict=True)}
        coords = _coordinates(schema, preferred)
        preferred = {"time": len(schema.lead_times)} | preferred
        variables = {
            stored.name: xarray.Variable(
                list(preferred),
                indexing.LazilyIndexedArray(StoredArray(store, row)),
                variable_attrs(stored),
                {
                    "dtype": np.dtype(np.int16),
                    "scale_factor": stored.scale_factor,
                    "add_offset": stored.add_offset,
                    "_FillValue": np.int16(FILL),
                    "preferred_chunks": preferred,
                },
            )
            for row, stored in enumerate(schema.variables)
        }
        run: dict[str, Any] = {"model": schema.model, "init_time": f"{schema.init_time:%Y-%m-%dT%H:%MZ}"}
        if schema.withheld:
            run["withheld"] = [f"{name}: {why}" for name, why in schema.withheld.items()]
        dataset = xarray.Dataset(
            {name: row for name, row in variables.items() if name not in dropped},
            {name: row for name, row in coords.items() if name not in dropped},
            global_attrs(schema) | run,
        )
        dataset.set_close(store.close)
        return dataset

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether it is the path of a store of this format."""
        if not isinstance(filename_or_obj, str | os.PathLike) or not str(filename_or_obj).endswith(SUFFIX):
            return False
        try:
            Store.open(os.fspath(filename_or_obj)).close()
        except (StoreError, OSError):
            return False
        return True
