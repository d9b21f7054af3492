"""What a store tells Zarr and CF readers: the `zarr.json` documents and the coordinate arrays.

Zarr v3 core 3.1, `sharding_indexed` 1.0, consolidated metadata inline in the root as zarr-python writes it; CF 1.11.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.grids import Grid
from storage.layout import ARRAY, FILL, HEADER, chunk_shape, shard_side
from storage.schema import StoreSchema

LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}
CRC = {"name": "crc32c"}
BLOSC = {
    "name": "blosc",
    "configuration": {"typesize": 2, "cname": "lz4", "clevel": 5, "shuffle": "shuffle", "blocksize": 0},
}
AXES: dict[str, dict[str, str]] = {
    "latitude": {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"},
    "longitude": {"standard_name": "longitude", "units": "degrees_east", "axis": "X"},
    "y": {"standard_name": "projection_y_coordinate", "units": "m", "axis": "Y"},
    "x": {"standard_name": "projection_x_coordinate", "units": "m", "axis": "X"},
}
EPOCH = "minutes since 1970-01-01 00:00:00"


@dataclass(frozen=True)
class Coordinate:
    """A small array kept as one chunk. `values` of strings are a list."""

    name: str
    dimensions: tuple[str, ...]
    values: NDArray[Any] | list[str]
    attrs: dict[str, Any]

    def document(self) -> dict[str, Any]:
        shape = list(np.shape(self.values))
        text = isinstance(self.values, list)
        return {
            "shape": shape,
            "data_type": "string" if text else np.asarray(self.values).dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shape}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": "" if text else 0,
            "codecs": [{"name": "vlen-utf8"} if text else LITTLE],
            "attributes": self.attrs,
            "dimension_names": list(self.dimensions),
            "zarr_format": 3,
            "node_type": "array",
            "storage_transformers": [],
        }

    def key(self) -> str:
        return "/".join((self.name, "c", *("0" for _ in self.dimensions)))

    def data(self) -> bytes:
        """The bytes of the one chunk."""
        if not isinstance(self.values, list):
            return np.ascontiguousarray(self.values).astype(self.values.dtype.newbyteorder("<")).tobytes()
        words = [word.encode() for word in self.values]
        return struct.pack("<I", len(words)) + b"".join(struct.pack("<I", len(word)) + word for word in words)


def horizontal(grid: Grid) -> list[Coordinate]:
    """The grid's one-dimensional coordinates and its CF grid mapping."""
    y_name, y, x_name, x = grid.axes()
    return [
        Coordinate(y_name, (y_name,), y, AXES[y_name]),
        Coordinate(x_name, (x_name,), x, AXES[x_name]),
        Coordinate("spatial_ref", (), np.array(0, np.int32), grid.grid_mapping()),
    ]


def coordinates(schema: StoreSchema) -> list[Coordinate]:
    """Every array of a store but `forecast`."""
    none = [0] * len(schema.lead_times)
    init = int(schema.init_time.timestamp()) // 60
    leads = np.array(schema.lead_times, np.int64)
    run = {"standard_name": "forecast_reference_time", "units": EPOCH, "calendar": "proleptic_gregorian"}
    valid = {"standard_name": "time", "units": EPOCH, "calendar": "proleptic_gregorian", "axis": "T"}
    scales = [1.0] * len(HEADER) + [stored.scale_factor for stored in schema.variables]
    offsets = [0.0] * len(HEADER) + [stored.add_offset for stored in schema.variables]
    intervals = [none] * len(HEADER) + [list(stored.intervals) for stored in schema.variables]
    units = ["days since 1970-01-01", "minutes", "days", "minutes"] + [row.variable.units for row in schema.variables]
    scaling = "value = forecast * scale_factor + add_offset"
    return [
        Coordinate("variable", ("variable",), [*HEADER, *schema.names], {"long_name": "name of the quantity"}),
        Coordinate("units", ("variable",), units, {"long_name": "unit of the quantity"}),
        Coordinate("scale_factor", ("variable",), np.array(scales), {"long_name": scaling}),
        Coordinate("add_offset", ("variable",), np.array(offsets), {"long_name": scaling}),
        Coordinate("time", ("time",), init + leads, valid),
        Coordinate("forecast_reference_time", (), np.array(init, np.int64), run),
        # "min" and not "minutes": xarray would turn the latter into timedelta64.
        Coordinate("forecast_period", ("time",), leads, {"standard_name": "forecast_period", "units": "min"}),
        Coordinate(
            "interval_minutes",
            ("variable", "time"),
            np.array(intervals, np.int32),
            {"long_name": "length of the interval that ends at time, 0 for an instant", "units": "min"},
        ),
        *horizontal(schema.grid),
    ]


def forecast_document(schema: StoreSchema) -> dict[str, Any]:
    """`zarr.json` of the one big array."""
    rows, times, *_ = chunk = chunk_shape(schema)
    side = shard_side(schema)
    y_name, _, x_name, _ = schema.grid.axes()
    auxiliary = "units scale_factor add_offset forecast_reference_time forecast_period interval_minutes"
    sharding = {
        "chunk_shape": list(chunk),
        "codecs": [LITTLE, BLOSC, CRC],
        "index_codecs": [LITTLE, CRC],
        "index_location": "end",
    }
    return {
        "shape": [rows, times, *schema.grid.shape],
        "data_type": "int16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [rows, times, side, side]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": FILL,
        "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
        "attributes": {
            "long_name": "all variables; value = forecast * scale_factor + add_offset",
            "_FillValue": FILL,
            "grid_mapping": "spatial_ref",
            "coordinates": auxiliary,
        },
        "dimension_names": ["variable", "time", y_name, x_name],
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    }


def global_attrs(schema: StoreSchema) -> dict[str, str]:
    """CF attributes of the whole dataset."""
    return {
        "Conventions": "CF-1.11",
        "title": f"{schema.model} forecast from {schema.init_time:%Y-%m-%dT%H:%MZ}",
        "source": schema.attribution,
        "license": schema.licence,
    }


def root_document(schema: StoreSchema) -> dict[str, Any]:
    """`zarr.json` of the group, with the documents of all arrays consolidated in it."""
    arrays = {ARRAY: forecast_document(schema)} | {row.name: row.document() for row in coordinates(schema)}
    return {
        "attributes": global_attrs(schema) | schema.to_attrs(),
        "zarr_format": 3,
        "node_type": "group",
        "consolidated_metadata": {"kind": "inline", "must_understand": False, "metadata": arrays},
    }


def documents(schema: StoreSchema) -> dict[str, bytes]:
    """Key -> bytes of everything in a store but the shards, the root last."""
    found = {f"{ARRAY}/zarr.json": _dump(forecast_document(schema))}
    for coordinate in coordinates(schema):
        found[f"{coordinate.name}/zarr.json"] = _dump(coordinate.document())
        found[coordinate.key()] = coordinate.data()
    found["zarr.json"] = _dump(root_document(schema))
    return found


def _dump(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
