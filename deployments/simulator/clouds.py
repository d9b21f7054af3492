"""The simulated clouds: how much of the sky they hide, in all and by layers."""

from __future__ import annotations

from functools import cached_property

from deployments.simulator.climate import Field
from deployments.simulator.ground import Ground
from deployments.simulator.physics import part


class Clouds(Ground):
    """Cover by clouds above the ground, per cent."""

    @property
    def cloud_cover_atmosphere(self) -> Field:
        return 100.0 * self._air.cloud

    @cached_property
    def _low_share(self) -> Field:
        """How much of the cloud is low: less before a front, where it comes down from above."""
        return part(0.3 - 1.2 * self._air.warm + 0.15 * self._air.ragged)

    @cached_property
    def cloud_cover_low(self) -> Field:
        return self.cloud_cover_atmosphere * self._low_share

    @cached_property
    def cloud_cover_middle(self) -> Field:
        return self.cloud_cover_atmosphere * part(1.5 * self._air.low - 0.8 + 0.1 * self._air.uneven)

    @cached_property
    def cloud_cover_high(self) -> Field:
        # Low and high cloud together hide what all cloud hides.
        return self.cloud_cover_atmosphere * (1.0 - 0.6 * self._low_share)
