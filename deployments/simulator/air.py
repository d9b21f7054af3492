"""The air at one time, as far as all weather follows from it: waves, fronts, warmth, cloud, rain in the cloud, wind.

Fields are float64 [ny, nx], in SI unless said otherwise.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from deployments.simulator.climate import (
    EARTH_RADIUS,
    Field,
    land,
    ozone_over_the_year,
    season,
    temperature_over_the_year,
    terrain,
    zonal_pressure,
)
from deployments.simulator.grain import Grain
from deployments.simulator.lattice import lattice_of
from deployments.simulator.physics import part, rise
from deployments.simulator.waves import LOWS, SHOWERS, Crests, phase_error
from serving.sun import sun

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

_ROTATION = 7.292e-5
_AIR_DENSITY = 1.2
_LOW = 900.0
"""A usual departure of pressure from the mean, Pa."""


class Place:
    """What stays, over a lattice of latitudes [ny] and longitudes [nx] or over places [ny, nx], degrees."""

    def __init__(self, lats: Field, lons: Field) -> None:
        lat, lon = (lats[:, None], lons[None, :]) if lats.ndim == 1 else (lats, lons)
        self.lat = lat
        self.sine, self.cosine = np.sin(np.radians(lat)), np.cos(np.radians(lat))
        self._east = np.exp(1j * np.radians(lon))
        self.grain = Grain(lat, lon)
        self.inland = land(lat, lon)
        self.height = terrain(lat, lon) * (1.0 + 0.12 * self.inland * self.grain.ground)
        self.pressure = zonal_pressure(lat)
        self.pressure_slope = (zonal_pressure(lat + 1e-3) - zonal_pressure(lat - 1e-3)) / np.radians(2e-3)
        lattice = lattice_of(lats, lons)
        self.lows, self.showers = Crests(LOWS, lattice), Crests(SHOWERS, lattice)
        self.dry_belt = np.exp(-(((np.abs(lat) - 26.0) / 9.0) ** 2))
        self.yearly = temperature_over_the_year(lat, self.inland, self.height)
        # By how much warm air is warmer, K: most where the lows are.
        self.reach = 6.5 * np.exp(-(((np.abs(lat) - 52.0) / 20.0) ** 2))
        self.ozone = ozone_over_the_year(lat)
        self.balance, self.trades = self._balance(), self._trades()

    def _balance(self) -> NDArray[np.complex128]:
        """What turns a slope of pressure into wind, m s-1 per Pa a radian; eastward and northward as complex numbers.

        Near the equator the geostrophic balance breaks down: the wind follows the pressure gradient less and less. The
        ground slows the wind and turns it towards low pressure.
        """
        turning = 2.0 * _ROTATION * self.sine
        scale = turning / (turning**2 + (2.0 * _ROTATION * 0.2) ** 2) / (_AIR_DENSITY * EARTH_RADIUS)
        across = np.radians(12.0 + 10.0 * self.inland) * np.tanh(8.0 * self.sine)
        balance: NDArray[np.complex128] = scale * (0.72 - 0.2 * self.inland) * (np.cos(across) + 1j * np.sin(across))
        return balance

    def _trades(self) -> NDArray[np.complex128]:
        """From the east, and towards the equator."""
        trades: NDArray[np.complex128] = np.exp(-((self.lat / 17.0) ** 2)) * (-4.5 - 2.2j * np.tanh(self.lat / 6.0))
        return trades

    def day(self, angle: float) -> Field:
        """Cosine of longitude + `angle`, radians: the wave of a day."""
        return self._east.real * np.cos(angle) - self._east.imag * np.sin(angle)


class Air:
    """The air over a place at a UTC time, as `model` forecasts it `lead` hours ahead.

    `low`: depth of the lows, usually -2 to 2. `warm`: -1 behind a front to 1 before it. `anomaly`: of pressure, Pa.
    `uneven`, `ragged`: what is as small as the grid, -1 to 1.
    """

    def __init__(self, place: Place, time: datetime, model: str, lead: float) -> None:
        self.place = place
        self.hours = (time - EPOCH).total_seconds() / 3600.0
        self._declination, self._hour_angle = sun(time.timestamp())
        lows, showers = place.lows, place.showers
        self._turn = lows.turn(self.hours, model, lead)
        self.anomaly, ahead = lows.sums(self._turn)
        self.low = -self.anomaly / _LOW
        # East of a low the air comes from the equator, west of it from the pole; the step between is the front.
        self.warm = np.tanh(1.3 * ahead / _LOW)
        self._shower = showers.sum(showers.turn(self.hours, model, lead))
        self.uneven, self.ragged = place.grain.air(self.hours, phase_error(model, lead, "grain"))

    @cached_property
    def sun(self) -> Field:
        """Sine of the sun's elevation, 0 at night."""
        place = self.place
        turned = place.cosine * np.cos(self._declination) * place.day(self._hour_angle)
        sine = place.sine * np.sin(self._declination) + turned
        return np.maximum(sine, 0.0)

    @cached_property
    def afternoon(self) -> Field:
        """The daily wave of warmth, about -1 to 1, highest at 14:30 local solar time, flat where days have no noon."""
        place = self.place
        noon = np.maximum(place.sine * np.sin(self._declination) + place.cosine * np.cos(self._declination), 0.0)
        late = place.day(self._hour_angle - np.radians(37.5))
        # Its second harmonic: cos 2x = 2 cos^2 x - 1.
        return noon * (late + 0.4 * late**2 - 0.2)

    @cached_property
    def _front(self) -> Field:
        """Nearness to a front, 0 to 1."""
        return np.exp(-(((self.warm - 0.15) / 0.5) ** 2))

    @cached_property
    def temperature(self) -> Field:
        """Temperature without the hour of the day, K."""
        place = self.place
        return place.yearly.at(season(self.hours)) + place.reach * self.warm

    @cached_property
    def _summer(self) -> Field:
        """How much the season favours showers, 0 to 1."""
        place = self.place
        high_sun = season(self.hours)
        belt = np.exp(-(((place.lat - 7.0 * high_sun) / 13.0) ** 2))
        half = part(6.0 * high_sun * place.sine - 1.5)
        return belt + 0.7 * half * place.inland * place.cosine * (1.0 - 0.6 * place.dry_belt)

    @cached_property
    def convection(self) -> Field:
        """Showers where it is above zero."""
        return self._summer * (0.55 + 0.75 * self._shower + 0.4 * self.afternoon) - 0.75

    @cached_property
    def _sheet(self) -> Field:
        """Cover of the cloud that brings no more than drizzle, 0 to 1."""
        place = self.place
        wave = 0.50 + 0.26 * self.low + 0.45 * self._front * part(self.low) + 0.35 * self.convection
        fair = 0.35 * place.dry_belt + 0.08 * place.inland
        return np.clip(wave - fair + 0.05 * self.uneven, 0.0, 1.0)

    @cached_property
    def millimetres(self) -> Field:
        """Rain in the cloud, mm per hour."""
        steady = 0.50 * self.low + 0.85 * self._front - 0.90
        moisture = np.exp(0.045 * np.clip(self.temperature - 283.0, -40.0, 20.0))
        wide = 3.4 * rise(steady) * moisture * (1.0 - 0.8 * self.place.dry_belt)
        drizzle = 0.2 * rise(self._sheet - 0.38)
        return (wide + 5.5 * rise(self.convection) + drizzle) * (1.0 + 0.3 * self.ragged)

    @cached_property
    def cloud(self) -> Field:
        """Cloud cover, 0 to 1."""
        return 1.0 - (1.0 - self._sheet) * np.exp(-2.0 * self.millimetres)

    @cached_property
    def wind(self) -> tuple[Field, Field]:
        """Geostrophic wind near the ground, and trade winds; eastward and northward, m s-1."""
        place = self.place
        by_lon, by_lat = place.lows.slopes(self._turn)
        wind = place.balance * (1j * by_lon / np.maximum(place.cosine, 1e-9) - by_lat - place.pressure_slope)
        wind += place.trades
        return wind.real + 0.1 * self.uneven, wind.imag + 0.1 * self.ragged
