"""The simulated ground: how high it lies, where it is land, what snow lies on it."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from deployments.simulator.air import Air
from deployments.simulator.climate import SHORE, Field, snow_water
from deployments.simulator.physics import snow_density


class Ground:
    """What lies under the air of one time."""

    def __init__(self, air: Air) -> None:
        self._air, self._place = air, air.place

    @property
    def terrain_height_surface(self) -> Field:
        return self._place.height

    @property
    def land_share_surface(self) -> Field:
        return self._place.inland

    @cached_property
    def snow_water_equivalent_surface(self) -> Field:
        """NaN over the sea, where NCEP writes none."""
        place = self._place
        water = snow_water(place.yearly, self._air.hours)
        return np.where(place.inland > SHORE, water * (1.0 + 0.25 * place.grain.ground), np.nan)

    @cached_property
    def snow_depth_surface(self) -> Field:
        return self.snow_water_equivalent_surface / snow_density(self.snow_water_equivalent_surface)
