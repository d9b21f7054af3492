"""Stores made of plain series, for tests of what becomes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from serving.stores import Stores
from storage.grids import Around, Grid, LatLonGrid
from storage.layout import SHARD, shard_grid, step_for
from storage.manifest import Manifest, manifest_key, store_key
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.variables import Statistic, variable
from storage.writer import StoreWriter, encode_band
from tests.serving.client import INIT, NOW, Ask, Client, with_client

GLOBE = LatLonGrid(90.0, -0.25, 721, 0.0, 0.25, 1440)
COARSE = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)


@dataclass(frozen=True)
class SeriesStore:
    """A store that holds the same series in every cell. values: [variable, time] float32."""

    schema: StoreSchema
    values: NDArray[np.float32]

    def mixed(self, around: Around) -> NDArray[np.float32]:
        return self.values


@pytest.fixture(scope="session")
def series_store() -> Callable[..., SeriesStore]:
    """`series_store(model, init_time, leads, series)`: leads in hours; intervals reach back to the lead before."""

    def make(
        model: str,
        init_time: datetime,
        leads: Sequence[float],
        series: Mapping[str, ArrayLike],
        *,
        grid: Grid = GLOBE,
        stale_after: int = 7200,
    ) -> SeriesStore:
        minutes = [round(60 * lead) for lead in leads]
        steps = tuple(int(step) for step in np.diff(minutes, prepend=minutes[0]))
        none = (0,) * len(leads)
        stored = tuple(
            StoredVariable(
                variable(name),
                variable(name).precision,
                0.0,
                none if variable(name).statistic is Statistic.INSTANT else steps,
            )
            for name in series
        )
        values = np.array([np.broadcast_to(row, len(leads)) for row in series.values()], dtype=np.float32)
        schema = StoreSchema(
            model, init_time, tuple(minutes), stored, grid, Freshness(330, 400, stale_after), "nobody", "none"
        )
        return SeriesStore(schema, values)

    return make


@pytest.fixture(scope="session")
def weather_store(series_store: Callable[..., SeriesStore]) -> Callable[..., SeriesStore]:
    """`weather_store(model, init_time, leads)`: every variable of GFS or IFS with plausible smooth values."""

    def make(
        model: str = "gfs", init_time: datetime = datetime(2026, 11, 24, tzinfo=UTC), leads: Sequence[int] | None = None
    ) -> SeriesStore:
        if leads is None:
            leads = (*range(121), *range(123, 385, 3)) if model == "gfs" else (*range(0, 145, 3), *range(150, 361, 6))
        hour = np.array(leads, dtype=float)
        step = np.diff(hour, prepend=hour[0])
        none_first = np.where(hour == hour[0], np.nan, 1.0)
        temperature = 281.0 + 6.0 * np.sin(2 * np.pi * (hour + init_time.hour - 9) / 24) - hour / 60
        sun = np.maximum(0.0, np.sin(2 * np.pi * (hour + init_time.hour - 6) / 24))
        rain = np.maximum(0.0, np.sin(hour / 9.0)) * step * none_first
        series: dict[str, ArrayLike] = {
            "air_temperature_2m": temperature,
            "dew_point_temperature_2m": temperature - 2.5,
            "eastward_wind_10m": 4 * np.sin(hour / 11),
            "northward_wind_10m": 4 * np.cos(hour / 11),
            "air_pressure_mean_sea_level": 101_000 + 300 * np.sin(hour / 30),
            "cloud_cover_atmosphere": 50 + 50 * np.sin(hour / 9),
            "precipitation_rate_surface": rain / np.where(step > 0, step, 1) / 3600,
            "precipitation_amount_surface": rain,
            "downward_shortwave_flux_surface": 400 * sun * none_first,
        }
        if model == "gfs":
            falls = np.nan_to_num(rain) > 0
            series |= {
                "relative_humidity_2m": 84.0,
                "apparent_temperature_2m": temperature - 1.5,
                "wind_gust_surface": 7.0,
                "visibility_surface": 24_100.0,
                "ozone_column_atmosphere": 310.0,
                "cape_surface": 120.0,
                "downward_uvb_flux_surface": 5 * sun * none_first,
                "categorical_snow_surface": falls & (temperature < 273.15),
                "categorical_ice_pellets_surface": 0.0,
                "categorical_freezing_rain_surface": 0.0,
                "categorical_rain_surface": falls & (temperature >= 273.15),
            }
        else:
            series |= {
                "wind_gust_10m": 8.0 * none_first,
                "precipitation_type_surface": np.where(np.nan_to_num(rain) > 0, 1, 0),
                "cape_most_unstable": 90.0,
            }
        return series_store(model, init_time, leads, series)

    return make


Publish = Callable[..., Manifest]


def write_store(path: Path, store: SeriesStore, grid: Grid) -> StoreSchema:
    """The same series in every cell of a real store."""
    of_name = dict(zip(store.schema.names, store.values, strict=True))
    stored = []
    for row in store.schema.variables:
        values = of_name[row.name]
        present = values[np.isfinite(values)]
        low, high = (float(present.min()), float(present.max())) if present.size else (np.nan, np.nan)
        scale, offset, widened = step_for(row.variable, low, high)
        stored.append(replace(row, scale_factor=scale, add_offset=offset, widened=widened))
    schema = replace(store.schema, grid=grid, variables=tuple(stored))
    ny, nx = grid.shape
    with StoreWriter(path, schema) as writer:
        for row in range(shard_grid(schema)[0]):
            shape = (len(schema.lead_times), min(SHARD, ny - row * SHARD), nx)
            writer.append(
                encode_band(schema, row, lambda name, shape=shape: np.broadcast_to(of_name[name][:, None, None], shape))
            )
    return schema


@pytest.fixture(scope="session")
def publish() -> Publish:
    """`publish(folder, store, generation, grid)`: write it as sync would, file first, then the manifest, renamed."""

    def publish(folder: Path, store: SeriesStore, generation: int = 1, grid: Grid = COARSE) -> Manifest:
        model, init_time = store.schema.model, store.schema.init_time
        key = store_key(model, init_time, None if generation == 1 else generation)
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        schema = write_store(path, store, grid)
        data = path.read_bytes()
        manifest = Manifest(
            model=model,
            init_time=init_time,
            key=key,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            generation=generation,
            leads=len(schema.lead_times),
            last_lead=schema.lead_times[-1],
            published_at=init_time + timedelta(hours=6),
            freshness=schema.freshness,
        )
        name_it(folder, manifest)
        return manifest

    return publish


def name_it(folder: Path, manifest: Manifest) -> None:
    """Swap the model's manifest."""
    part = folder / f"{manifest.model}/.latest.json.part"
    part.write_bytes(manifest.to_bytes())
    part.replace(folder / manifest_key(manifest.model))


@pytest.fixture(scope="module")
def folder(weather_store: Any, publish: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of GFS, whole globe, and one of IFS."""
    folder = tmp_path_factory.mktemp("stores")
    for model in ("gfs", "ifs"):
        publish(folder, weather_store(model, INIT))
    return folder


@pytest.fixture(scope="module")
def ask(folder: Path) -> Ask:
    """ask(path, method, headers): one answer."""

    def ask(
        path: str, method: str = "GET", *, stores: Path = folder, now: datetime = NOW, **more: Any
    ) -> httpx.Response:
        async def talk(client: Client, _: Stores) -> httpx.Response:
            # A path may begin with two slashes, and would be a host if it stood alone.
            return await client.request(method, f"http://api{path}", **more)

        answer: httpx.Response = with_client(stores, talk, now)
        return answer

    return ask
