"""What a blend of models tells beside the weather itself: how likely things are, and wind by speed and direction."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from deployments.simulator.climate import Field
from deployments.simulator.physics import part
from storage.variables import Variable

MELTING = 274.3
"""Air temperature at which snow and rain are as likely, K."""


class Known(Protocol):
    """The weather at one time, as far as chances follow from it."""

    @property
    def air_temperature_2m(self) -> Field: ...
    @property
    def eastward_wind_10m(self) -> Field: ...
    @property
    def northward_wind_10m(self) -> Field: ...
    @property
    def cape_surface(self) -> Field: ...
    @property
    def precipitation_rate_surface(self) -> Field: ...
    @property
    def categorical_freezing_rain_surface(self) -> Field: ...


def shares_of_kinds(temperature: Field) -> dict[str, Field]:
    """How likely each kind of precipitation is if any falls, %: together 100."""
    frozen = part((MELTING - temperature) / 0.8)
    icy = np.exp(-(((temperature - 272.4) / 1.3) ** 2))
    weights = {
        "rain": 1.0 - frozen,
        "freezing_rain": 0.5 * icy * (1.0 - 0.6 * frozen),
        "snow": frozen * (1.0 - 0.3 * icy),
        "ice_pellets": 0.25 * icy * frozen,
    }
    total = sum(weights.values())
    return {kind: 100.0 * weight / total for kind, weight in weights.items()}


class Chances:
    """Fields of a moment that follow from others."""

    @property
    def rain_conditional_probability_surface(self: Known) -> Field:
        return shares_of_kinds(self.air_temperature_2m)["rain"]

    @property
    def freezing_rain_conditional_probability_surface(self: Known) -> Field:
        return shares_of_kinds(self.air_temperature_2m)["freezing_rain"]

    @property
    def snow_conditional_probability_surface(self: Known) -> Field:
        return shares_of_kinds(self.air_temperature_2m)["snow"]

    @property
    def ice_pellets_conditional_probability_surface(self: Known) -> Field:
        return shares_of_kinds(self.air_temperature_2m)["ice_pellets"]

    @property
    def glaze(self: Known) -> Field:
        """Ice that accretes at this moment, kg m-2 s-1."""
        return 0.7 * self.precipitation_rate_surface * self.categorical_freezing_rain_surface

    @property
    def wind_speed_10m(self: Known) -> Field:
        return np.hypot(self.eastward_wind_10m, self.northward_wind_10m)

    @property
    def wind_from_direction_10m(self: Known) -> Field:
        """Degrees clockwise from north, 0 to 360."""
        return np.degrees(np.arctan2(-self.eastward_wind_10m, -self.northward_wind_10m)) % 360.0


def chance_of(variable: Variable, amount: Field, moment: Known) -> Field:
    """How likely it is, %, over an interval in which `amount` of rain falls, kg m-2, and that ends at `moment`."""
    wet = -np.expm1(-amount / 0.6)
    if variable.name.startswith("thunderstorm"):
        return 80.0 * wet * -np.expm1(-moment.cape_surface / 900.0)
    return 100.0 * wet
