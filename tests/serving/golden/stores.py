"""Runs of made weather, published as sync leaves them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from storage.folder import FolderBucket
from storage.grids import Grid, LambertGrid, LatLonGrid
from storage.layout import SHARD, shard_grid, step_for
from storage.manifest import Manifest, manifest_key, store_key
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.static import STATIC
from storage.variables import Statistic, variable
from storage.writer import StoreWriter, encode_band
from tasks.static import publish_static
from tests.serving.golden.weather import Numbers, values_of

GLOBE = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)
STATES = LambertGrid(14, 24, 22.0, 240.0, 180_000.0, 180_000.0, 262.5, 38.5, 38.5, 6_371_229.0)
"""HRRR's cone, with cells of 180 km."""
FRESHNESS = Freshness(2400, 2700, 7200)

_BOTH = (
    "air_temperature_2m",
    "dew_point_temperature_2m",
    "eastward_wind_10m",
    "northward_wind_10m",
    "air_pressure_mean_sea_level",
    "air_pressure_surface",
    "cloud_cover_atmosphere",
    "precipitation_rate_surface",
    "precipitation_amount_surface",
)
_FLAGS = tuple(f"categorical_{kind}_surface" for kind in ("snow", "ice_pellets", "freezing_rain", "rain"))
_NOAA = ("relative_humidity_2m", "wind_gust_surface", "visibility_surface", "cape_surface", *_FLAGS)
_GFS = (
    "apparent_temperature_2m",
    "ozone_column_atmosphere",
    "downward_shortwave_flux_surface",
    "downward_uvb_flux_surface",
)
_STORM = ("storm_distance_surface", "storm_bearing_surface")


@dataclass(frozen=True)
class Made:
    """A model of the made weather: its grid, leads in hours and variables. warmer: than the truth, K."""

    name: str
    grid: Grid
    leads: tuple[int, ...]
    variables: tuple[str, ...]
    warmer: float

    def values(self, name: str, lat: Numbers, lon: Numbers, time: float, hours: float) -> Numbers:
        """What it holds of a variable."""
        told = values_of(name, lat, lon, time, hours)
        return told + self.warmer if name.endswith("temperature_2m") else told

    def hours_before(self, lead: int) -> int:
        """How long the interval is that ends at a lead."""
        number = self.leads.index(lead)
        return lead - self.leads[number - 1] if number else 0


GFS = Made(
    "gfs",
    GLOBE,
    (*range(121), *range(123, 241, 3)),
    (*_BOTH, *_NOAA, *_STORM, *_GFS),
    0.0,
)
IFS = Made(
    "ifs",
    GLOBE,
    (*range(0, 145, 3), *range(150, 241, 6)),
    (*_BOTH, "wind_gust_10m", "precipitation_type_surface", "cape_most_unstable", "downward_shortwave_flux_surface"),
    0.5,
)
GEFS = Made(
    "gefs",
    GLOBE,
    tuple(range(3, 241, 3)),
    ("precipitation_probability_surface", "precipitation_amount_spread_surface"),
    0.0,
)
HRRR = Made(
    "hrrr",
    STATES,
    tuple(range(49)),
    (*_BOTH, *_NOAA, "smoke_mass_density_8m", "downward_shortwave_flux_instant_surface", *_STORM),
    -0.5,
)


def publish(folder: Path, model: Made, init_time: datetime) -> None:
    """Write a run and name it."""
    key = store_key(model.name, init_time)
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = write(path, model, init_time)
    data = path.read_bytes()
    manifest = Manifest(
        model=model.name,
        init_time=init_time,
        key=key,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        generation=1,
        leads=len(schema.lead_times),
        last_lead=schema.lead_times[-1],
        published_at=init_time + timedelta(hours=6),
        freshness=schema.freshness,
    )
    (folder / manifest_key(model.name)).write_bytes(manifest.to_bytes())


def write(path: Path, model: Made, init_time: datetime) -> StoreSchema:
    """Every cell of every variable at every lead."""
    lats, lons = model.grid.latlons()
    intervals = [model.hours_before(lead) for lead in model.leads]
    values, stored = {}, []
    for name in model.variables:
        row = variable(name)
        started = [hours if row.statistic is not Statistic.INSTANT else 0 for hours in intervals]
        values[name] = np.stack(
            [
                model.values(name, lats, lons, init_time.timestamp() + 3600 * lead, hours)
                for lead, hours in zip(model.leads, started, strict=True)
            ]
        ).astype(np.float32)
        scale, offset, widened = step_for(row, float(np.nanmin(values[name])), float(np.nanmax(values[name])))
        stored.append(StoredVariable(row, scale, offset, tuple(60 * hours for hours in started), widened))
    schema = StoreSchema(
        model.name,
        init_time,
        tuple(60 * lead for lead in model.leads),
        tuple(stored),
        model.grid,
        FRESHNESS,
        "nobody",
        "none",
    )
    return _written(path, schema, values)


def ground(path: Path, height: float, model: str = "ground") -> StoreSchema:
    """A store of the ground: land, everywhere so high, m."""
    shape = (1, *GLOBE.shape)
    values = {
        "terrain_height_surface": np.full(shape, height, np.float32),
        "land_share_surface": np.ones(shape, np.float32),
    }
    stored = [
        StoredVariable(variable(name), *step_for(variable(name), float(each.min()), float(each.max()))[:2], (0,))
        for name, each in values.items()
    ]
    since = datetime.fromisoformat("2026-01-01T00:00Z")
    schema = StoreSchema(model, since, (0,), tuple(stored), GLOBE, FRESHNESS, "nobody", "none")
    return _written(path, replace(schema, traits=(STATIC,)), values)


def stand_on(folder: Path, model: str, height: float) -> None:
    """Publish the ground of a model."""
    path = folder / "ground.zarr.zip"
    schema = ground(path, height, model)
    publish_static(path, model, schema.init_time, None, f"{int(height):064x}", FolderBucket(folder))
    path.unlink()


def _written(path: Path, schema: StoreSchema, values: dict[str, np.ndarray]) -> StoreSchema:
    with StoreWriter(path, schema) as writer:
        for row in range(shard_grid(schema)[0]):
            rows = slice(row * SHARD, (row + 1) * SHARD)
            writer.append(encode_band(schema, row, lambda name, rows=rows: values[name][:, rows]))
    return schema
