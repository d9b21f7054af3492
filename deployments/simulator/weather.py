"""The simulated weather: one continuous function of place and time that every run and every model agrees about.

Lows and highs are waves that run east; the wind follows their pressure; fronts lie where warm air meets cold in a low;
cloud and rain lie at the fronts and over the warm land of the afternoon; the sun shines through the cloud.
Fields are named as the catalogue names them and are in its units, float64 [ny, nx].
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

import numpy as np

from deployments.simulator.climate import (
    EARTH_RADIUS,
    GAS_CONSTANT,
    GRAVITY,
    Field,
    land,
    mean_temperature,
    ozone_column,
    season,
    terrain,
    zonal_pressure,
)
from deployments.simulator.physics import (
    FREEZING,
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
from deployments.simulator.waves import EDDIES, LOWS, SHOWERS, Crests
from serving.sun import sun

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
DRY = 2e-6
"""Rain below this, kg m-2 s-1 (0.007 mm/h), does not reach the ground."""

_ROTATION = 7.292e-5
_AIR_DENSITY = 1.2
_LOW = 900.0
"""A usual departure of pressure from the mean, Pa."""


class Flows(NamedTuple):
    """What accumulates: rain (kg m-2 s-1), shortwave and UV-B (W m-2)."""

    rain: Field
    shortwave: Field
    uvb: Field


class Weather:
    """The weather over a lattice of latitudes [ny] and longitudes [nx], degrees."""

    def __init__(self, lats: Field, lons: Field) -> None:
        lat, lon = lats[:, None], lons[None, :]
        self.lat, self.lon = lat, np.radians(lon)
        self.sine, self.cosine = np.sin(np.radians(lat)), np.cos(np.radians(lat))
        self.inland, self.height = land(lat, lon), terrain(lat, lon)
        self.pressure = zonal_pressure(lat)
        self.pressure_slope = (zonal_pressure(lat + 1e-3) - zonal_pressure(lat - 1e-3)) / np.radians(2e-3)
        self.lows, self.showers = Crests(LOWS, lats, lons), Crests(SHOWERS, lats, lons)
        self.eddies = Crests(EDDIES, lats, lons)
        self.dry_belt = np.exp(-(((np.abs(lat) - 26.0) / 9.0) ** 2))

    def at(self, time: datetime, model: str = "", lead: float = 0.0) -> Moment:
        """The weather at a UTC time, as `model` forecasts it `lead` hours ahead: slightly misplaced, more and more."""
        return Moment(self, (time - EPOCH).total_seconds() / 3600.0, time.timestamp(), model, lead)


class Moment:
    """The weather at one time. Every field is worked out when it is first asked for."""

    def __init__(self, weather: Weather, hours: float, instant: float, model: str, lead: float) -> None:
        self._weather, self._hours, self._model, self._lead = weather, hours, model, lead
        self._declination, self._hour_angle = sun(instant)
        lows, showers = weather.lows, weather.showers
        self._turn = lows.turn(hours, lows.errors(model, lead))
        self._anomaly, ahead = lows.sums(self._turn)
        self._low = -self._anomaly / _LOW
        # East of a low the air comes from the equator, west of it from the pole; the step between is the front.
        self._warm = np.tanh(1.3 * ahead / _LOW)
        self._shower, _ = showers.sums(showers.turn(hours, showers.errors(model, lead)))

    def flows(self) -> Flows:
        return Flows(self.precipitation_rate_surface, self.shortwave, self.uvb)

    @cached_property
    def _sun(self) -> Field:
        """Sine of the sun's elevation, 0 at night."""
        w = self._weather
        turned = np.cos(self._hour_angle + w.lon)
        return np.maximum(w.sine * np.sin(self._declination) + w.cosine * np.cos(self._declination) * turned, 0.0)

    @cached_property
    def _afternoon(self) -> Field:
        """The daily wave of warmth, about -1 to 1, highest at 14:30 local solar time, flat where days have no noon."""
        w = self._weather
        noon = np.maximum(w.sine * np.sin(self._declination) + w.cosine * np.cos(self._declination), 0.0)
        late = self._hour_angle + w.lon - np.radians(37.5)
        return noon * (np.cos(late) + 0.2 * np.cos(2.0 * late))

    @cached_property
    def _eddies(self) -> tuple[Field, Field]:
        """Small eddies at two phases, about -1 to 1."""
        eddies = self._weather.eddies
        return eddies.sums(eddies.turn(self._hours, eddies.errors(self._model, self._lead)))

    @cached_property
    def _front(self) -> Field:
        """Nearness to a front, 0 to 1."""
        return np.exp(-(((self._warm - 0.15) / 0.5) ** 2))

    @cached_property
    def _air(self) -> Field:
        """Temperature without the hour of the day, K."""
        w = self._weather
        mean = mean_temperature(w.lat, w.inland, w.height, self._hours)
        reach = np.exp(-(((np.abs(w.lat) - 52.0) / 20.0) ** 2))
        return mean + 6.5 * self._warm * reach

    @cached_property
    def _summer(self) -> Field:
        """How much the season favours showers, 0 to 1."""
        w = self._weather
        high_sun = season(self._hours)
        belt = np.exp(-(((w.lat - 7.0 * high_sun) / 13.0) ** 2))
        return belt + 0.7 * part(6.0 * high_sun * w.sine - 1.5) * w.inland * w.cosine * (1.0 - 0.6 * w.dry_belt)

    @cached_property
    def _convection(self) -> Field:
        return self._summer * (0.55 + 0.75 * self._shower + 0.4 * self._afternoon) - 0.75

    @cached_property
    def _millimetres(self) -> Field:
        """Rain in the cloud, mm per hour."""
        steady = 0.50 * self._low + 0.85 * self._front - 0.90
        moisture = np.exp(0.045 * np.clip(self._air - 283.0, -40.0, 20.0))
        wide = 3.4 * rise(steady) * moisture * (1.0 - 0.8 * self._weather.dry_belt)
        return wide + 5.5 * rise(self._convection)

    @cached_property
    def precipitation_rate_surface(self) -> Field:
        rate = self._millimetres / 3600.0
        return np.where(rate < DRY, 0.0, rate)

    @cached_property
    def _cloud(self) -> Field:
        w = self._weather
        wave = 0.50 + 0.26 * self._low + 0.45 * self._front * part(self._low) + 0.35 * self._convection
        fair = 0.35 * w.dry_belt + 0.08 * w.inland
        return 1.0 - (1.0 - np.clip(wave - fair, 0.0, 1.0)) * np.exp(-2.0 * self._millimetres)

    @property
    def cloud_cover_atmosphere(self) -> Field:
        return 100.0 * self._cloud

    @cached_property
    def air_temperature_2m(self) -> Field:
        swing = (0.6 + 7.0 * self._weather.inland) * (1.0 - 0.65 * self._cloud)
        uneven = (0.15 + 0.35 * self._weather.inland) * self._eddies[0]
        return self._air + swing * self._afternoon - 1.2 * np.tanh(self._millimetres) + uneven

    @cached_property
    def _spread(self) -> Field:
        """Temperature above the dew point, K, above zero."""
        w = self._weather
        clear = (1.0 - self._cloud) ** 2 * (2.0 + 9.0 * w.inland + 6.0 * w.dry_belt * w.inland)
        heated = (0.5 + 3.0 * w.inland) * np.maximum(self._afternoon, 0.0)
        uneven = np.exp(0.12 * self._eddies[1])
        return 0.3 + (1.4 + clear + heated) * np.exp(-0.9 * self._millimetres) * uneven

    @cached_property
    def dew_point_temperature_2m(self) -> Field:
        return self.air_temperature_2m - self._spread

    @cached_property
    def relative_humidity_2m(self) -> Field:
        return 100.0 * saturation(self.dew_point_temperature_2m) / saturation(self.air_temperature_2m)

    @cached_property
    def _wind(self) -> tuple[Field, Field]:
        """Geostrophic wind, slowed and turned towards low pressure by the ground; trade winds near the equator."""
        w = self._weather
        turning = 2.0 * _ROTATION * w.sine
        # Near the equator the balance breaks down: the wind follows the pressure gradient less and less.
        scale = turning / (turning**2 + (2.0 * _ROTATION * 0.2) ** 2) / (_AIR_DENSITY * EARTH_RADIUS)
        by_lon, by_lat = w.lows.slopes(self._turn)
        east = -scale * (by_lat + w.pressure_slope)
        north = scale * by_lon / np.maximum(w.cosine, 1e-9)
        slowed = 0.72 - 0.2 * w.inland
        across = np.radians(12.0 + 10.0 * w.inland) * np.tanh(8.0 * w.sine)
        trades = np.exp(-((w.lat / 17.0) ** 2))
        eddies = 0.35 * self._eddies[0], 0.35 * self._eddies[1]
        return (
            eddies[0] + slowed * (east * np.cos(across) - north * np.sin(across)) - 4.5 * trades,
            eddies[1] + slowed * (north * np.cos(across) + east * np.sin(across)) - 2.2 * trades * np.tanh(w.lat / 6.0),
        )

    @property
    def eastward_wind_10m(self) -> Field:
        return self._wind[0]

    @property
    def northward_wind_10m(self) -> Field:
        return self._wind[1]

    @cached_property
    def _speed(self) -> Field:
        return np.hypot(*self._wind)

    @cached_property
    def wind_gust_surface(self) -> Field:
        stirred = 0.18 + 0.2 * np.maximum(self._afternoon, 0.0) + 0.25 * np.tanh(0.4 * self._millimetres)
        return self._speed * (1.0 + stirred) + 0.4

    @property
    def wind_gust_10m(self) -> Field:
        return self.wind_gust_surface

    @cached_property
    def apparent_temperature_2m(self) -> Field:
        return apparent_temperature(self.air_temperature_2m, self.dew_point_temperature_2m, self._speed)

    @cached_property
    def air_pressure_mean_sea_level(self) -> Field:
        return self._weather.pressure + self._anomaly

    @cached_property
    def air_pressure_surface(self) -> Field:
        height = self._weather.height
        column = self._air + 0.5 * 0.0065 * height
        return self.air_pressure_mean_sea_level * np.exp(-GRAVITY * height / (GAS_CONSTANT * column))

    @cached_property
    def visibility_surface(self) -> Field:
        fog = part(3.0 * (1.9 - self._spread)) * part(2.5 - self._speed)
        frozen = part((FREEZING - self.air_temperature_2m) / 0.8)
        return 50.0 + 24_085.0 / (1.0 + self._millimetres * (0.9 + 4.0 * frozen) + 80.0 * fog**2)

    @cached_property
    def precipitation_type_surface(self) -> Field:
        """Code table 4.201; 0 where nothing falls."""
        kind = precipitation_kind(self.air_temperature_2m, self._warm)
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

    @cached_property
    def composite_reflectivity_atmosphere(self) -> Field:
        return reflectivity(self._millimetres)

    @cached_property
    def cape_surface(self) -> Field:
        warmth = np.maximum(self.dew_point_temperature_2m - 280.0, 0.0) / 10.0
        return 900.0 * warmth**1.5 * part(2.0 * (self._convection + 0.35)) * (1.0 - np.tanh(0.1 * self._millimetres))

    @property
    def cape_most_unstable(self) -> Field:
        return 1.2 * self.cape_surface + 10.0 * np.maximum(self._low, 0.0)

    @cached_property
    def ozone_column_atmosphere(self) -> Field:
        return ozone_column(self._weather.lat, self._hours) + 25.0 * np.tanh(0.5 * self._low)

    @cached_property
    def shortwave(self) -> Field:
        """Downward shortwave flux at this moment, W m-2."""
        return sunshine(self._sun, self._cloud)

    @cached_property
    def uvb(self) -> Field:
        """Downward UV-B flux at this moment, W m-2."""
        filtered = (300.0 / self.ozone_column_atmosphere) ** 1.2
        return 25.0 * self._sun**2.4 * filtered * (1.0 - 0.6 * self._cloud**3.4)
