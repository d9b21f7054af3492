"""The simulated weather: one continuous function of place and time that every run and every model agrees about.

Lows and highs are waves that run east; the wind follows their pressure; fronts lie where warm air meets cold in a low;
cloud and rain lie at the fronts and over the warm land of the afternoon; the sun shines through the cloud.
Fields are named as the catalogue names them and are in its units, float64 [ny, nx].
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

import numpy as np

from deployments.simulator.air import Air, Place
from deployments.simulator.chances import Chances
from deployments.simulator.climate import FREEZING, GAS_CONSTANT, GRAVITY, Field, spring
from deployments.simulator.clouds import Clouds
from deployments.simulator.physics import (
    FREEZING_RAIN,
    ICE_PELLETS,
    RAIN,
    RAIN_AND_SNOW,
    SNOW,
    WET_SNOW,
    apparent_temperature,
    part,
    precipitation_kind,
    reflectivity,
    rise,
    saturation,
    sunshine,
)
from storage.grids import Grid, LatLonGrid, MercatorGrid

FRESH_SNOW = 100.0
"""kg m-3."""
CLEAR = 20_000.0
"""Ceiling where there is none, m."""
DRY = 2e-6
"""Rain below this, kg m-2 s-1 (0.007 mm/h), does not reach the ground."""


class Weather:
    """The weather over a lattice of latitudes [ny] and longitudes [nx], or over places [ny, nx], degrees.

    `angle`: where winds are given along a grid, how far its y axis points to the east of north, radians [ny, nx].
    """

    def __init__(self, lats: Field, lons: Field, angle: Field | None = None) -> None:
        self._place, self._angle = Place(lats, lons), angle
        self.shape = self._place.inland.shape

    @classmethod
    def over(cls, grid: Grid, along: bool = False) -> Weather:
        """The weather at the points of a grid. along: winds are given along its rows and columns."""
        angle = grid.convergence() if along else None
        if isinstance(grid, LatLonGrid):
            return cls(*grid.axes()[1::2], angle)
        lats, lons = grid.latlons()
        return cls(lats[:, 0], lons[0], angle) if isinstance(grid, MercatorGrid) else cls(lats, lons, angle)

    def at(self, time: datetime, model: str = "", lead: float = 0.0) -> Moment:
        """The weather at a UTC time, as `model` forecasts it `lead` hours ahead: slightly misplaced, more and more."""
        return Moment(Air(self._place, time, model, lead), self._angle)


class Moment(Clouds, Chances):
    """The weather at one time. Every field is worked out when it is first asked for."""

    def __init__(self, air: Air, angle: Field | None = None) -> None:
        super().__init__(air)
        self._angle = angle

    @cached_property
    def precipitation_rate_surface(self) -> Field:
        rate = self._air.millimetres / 3600.0
        return np.where(rate < DRY, 0.0, rate)

    @property
    def ceiling_height_above_ground(self) -> Field:
        """Where lifted air begins to be cloud: 125 m higher for each kelvin of spread."""
        return np.where(self.cloud_cover_atmosphere > 60.0, 125.0 * self._spread, CLEAR)

    @cached_property
    def precipitable_water_atmosphere(self) -> Field:
        """By the vapour at the ground, above which it thins out by half every 1.6 km."""
        return 1.0 + 0.017 * saturation(self.dew_point_temperature_2m) * (1.0 + 0.01 * self._air.uneven)

    @cached_property
    def temperature_surface(self) -> Field:
        """Ground in the sun is warmer than the air, at night colder, the sea a little warmer."""
        air, place = self._air, self._place
        heated = place.inland * (5.0 * air.afternoon - 0.5) * (1.0 - 0.7 * air.cloud)
        return self.air_temperature_2m + heated + 0.8 * (1.0 - place.inland) + 0.1 * air.ragged

    @cached_property
    def air_temperature_2m(self) -> Field:
        air, place = self._air, self._place
        swing = (0.6 + 7.0 * place.inland) * (1.0 - 0.65 * air.cloud)
        uneven = (0.05 + 0.1 * place.inland) * air.uneven
        return air.temperature + swing * air.afternoon - 1.2 * np.tanh(air.millimetres) + uneven

    @cached_property
    def _spread(self) -> Field:
        """Temperature above the dew point, K, above zero."""
        air, place = self._air, self._place
        clear = (1.0 - air.cloud) ** 2 * (2.0 + 9.0 * place.inland + 6.0 * place.dry_belt * place.inland)
        heated = (0.5 + 3.0 * place.inland) * np.maximum(air.afternoon, 0.0)
        uneven = np.exp(0.02 * air.ragged)
        return 0.3 + (1.4 + clear + heated) * np.exp(-0.9 * air.millimetres) * uneven

    @cached_property
    def dew_point_temperature_2m(self) -> Field:
        return self.air_temperature_2m - self._spread

    @cached_property
    def relative_humidity_2m(self) -> Field:
        return 100.0 * saturation(self.dew_point_temperature_2m) / saturation(self.air_temperature_2m)

    @property
    def eastward_wind_10m(self) -> Field:
        return self._wind[0]

    @property
    def northward_wind_10m(self) -> Field:
        return self._wind[1]

    @cached_property
    def _wind(self) -> tuple[Field, Field]:
        """Eastward and northward; along the rows and columns of a grid where its y axis does not point to the north."""
        east, north = self._air.wind
        if self._angle is None:
            return east, north
        cos, sin = np.cos(self._angle), np.sin(self._angle)
        return cos * east - sin * north, cos * north + sin * east

    @cached_property
    def _speed(self) -> Field:
        east, north = self._air.wind
        return np.sqrt(east**2 + north**2)

    @cached_property
    def wind_gust_surface(self) -> Field:
        stirred = 0.18 + 0.2 * np.maximum(self._air.afternoon, 0.0) + 0.25 * np.tanh(0.4 * self._air.millimetres)
        return self._speed * (1.0 + stirred) + 0.4 + 0.1 * self._air.ragged

    @property
    def wind_gust_10m(self) -> Field:
        return self.wind_gust_surface

    @cached_property
    def apparent_temperature_2m(self) -> Field:
        return apparent_temperature(self.air_temperature_2m, self.dew_point_temperature_2m, self._speed)

    @cached_property
    def air_pressure_mean_sea_level(self) -> Field:
        return self._place.pressure + self._air.anomaly + 0.7 * self._air.ragged

    @cached_property
    def air_pressure_surface(self) -> Field:
        height = self._place.height
        column = self._air.temperature + 0.5 * 0.0065 * height
        return self.air_pressure_mean_sea_level * np.exp(-GRAVITY * height / (GAS_CONSTANT * column))

    @cached_property
    def visibility_surface(self) -> Field:
        fog = part(3.0 * (1.9 - self._spread)) * part(2.5 - self._speed)
        frozen = part((FREEZING - self.air_temperature_2m) / 0.8)
        haze = rise(0.75 - 0.35 * self._spread)
        return 50.0 + 24_085.0 / (1.0 + haze + self._air.millimetres * (0.9 + 4.0 * frozen) + 80.0 * fog**2)

    @cached_property
    def precipitation_type_surface(self) -> Field:
        """Code table 4.201; 0 where nothing falls."""
        kind = precipitation_kind(self.air_temperature_2m, self._air.warm)
        return np.where(self.precipitation_rate_surface > 0.0, kind, 0.0)

    def _is(self, *codes: int) -> Field:
        return np.isin(self.precipitation_type_surface, codes).astype(np.float64)

    @property
    def categorical_rain_surface(self) -> Field:
        return self._is(RAIN, RAIN_AND_SNOW)

    @property
    def categorical_snow_surface(self) -> Field:
        return self._is(SNOW, WET_SNOW)

    @property
    def categorical_ice_pellets_surface(self) -> Field:
        return self._is(ICE_PELLETS)

    @property
    def categorical_freezing_rain_surface(self) -> Field:
        return self._is(FREEZING_RAIN)

    @property
    def snowfall(self) -> Field:
        """Thickness of the snow that falls at this moment, m s-1."""
        return self.snowfall_water / FRESH_SNOW

    @property
    def snowfall_water(self) -> Field:
        """Water equivalent of the snow that falls at this moment, kg m-2 s-1."""
        return self._is(SNOW, WET_SNOW) * self.precipitation_rate_surface

    @cached_property
    def composite_reflectivity_atmosphere(self) -> Field:
        # Droplets of a cloud that does not rain echo as a drizzle would that is too fine to reach the ground.
        drizzle = 0.01 * np.tanh(3.0 * self._air.cloud)
        return reflectivity(self._air.millimetres + drizzle)

    @property
    def reflectivity_1000m(self) -> Field:
        """Of what reaches the ground: less than the strongest echo above."""
        return self.composite_reflectivity_atmosphere - 3.0

    @cached_property
    def smoke_mass_density_8m(self) -> Field:
        """Of fires on dry land, which the wind carries and rain washes out, kg m-3."""
        burning = self._place.inland * np.exp(0.5 * self._spread + 0.8 * self._air.uneven - 2.0 * self._air.millimetres)
        return 2e-9 * np.minimum(burning, 500.0)

    @cached_property
    def cape_surface(self) -> Field:
        warmth = np.maximum(self.dew_point_temperature_2m - 280.0, 0.0) / 10.0
        lifted = part(2.0 * (self._air.convection + 0.35))
        uneven = 1.0 + 0.1 * self._air.uneven
        return 900.0 * warmth**1.5 * lifted * (1.0 - np.tanh(0.1 * self._air.millimetres)) * uneven

    @cached_property
    def convective_inhibition_surface(self) -> Field:
        """What keeps warm, moist air down that nothing lifts, J kg-1, nought where showers fall."""
        warmth = np.maximum(self.dew_point_temperature_2m - 278.0, 0.0) / 10.0
        held = part(-2.0 * (self._air.convection + 0.1))
        return 90.0 * warmth * held * (1.0 + 0.08 * self._air.uneven)

    @property
    def cape_most_unstable(self) -> Field:
        return 1.2 * self.cape_surface + 10.0 * np.maximum(self._air.low, 0.0)

    @cached_property
    def ozone_column_atmosphere(self) -> Field:
        lifted = 25.0 * np.tanh(0.5 * self._air.low) + 0.25 * self._air.uneven
        return self._place.ozone.at(spring(self._air.hours)) + lifted

    @cached_property
    def shortwave(self) -> Field:
        """Downward shortwave flux at this moment, W m-2."""
        return sunshine(self._air.sun, self._air.cloud)

    @property
    def downward_shortwave_flux_instant_surface(self) -> Field:
        return self.shortwave

    @cached_property
    def uvb(self) -> Field:
        """Downward UV-B flux at this moment, W m-2."""
        filtered = (300.0 / self.ozone_column_atmosphere) ** 1.2
        return 25.0 * self._air.sun**2.4 * filtered * (1.0 - 0.6 * self._air.cloud**3.4)
