"""Stores made of plain series, for tests of what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from storage.grids import Cell, Grid, LatLonGrid
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.variables import Statistic, variable

GLOBE = LatLonGrid(90.0, -0.25, 721, 0.0, 0.25, 1440)


@dataclass(frozen=True)
class SeriesStore:
    """A store that holds the same series in every cell. values: [variable, time] float32."""

    schema: StoreSchema
    values: NDArray[np.float32]

    def point(self, cell: Cell) -> NDArray[np.float32]:
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
