"""Radiation."""

from __future__ import annotations

from storage.variable import Interpolation, Statistic, Variable

LIGHT = (
    Variable(
        "downward_shortwave_flux_surface",
        "Downward shortwave flux at the surface, mean over the interval",
        "W m-2",
        0.05,
        0,
        1_600,
        "surface_downwelling_shortwave_flux_in_air",
        Statistic.MEAN,
        Interpolation.SOLAR,
    ),
    Variable(
        "downward_shortwave_flux_instant_surface",
        "Downward shortwave flux at the surface at one moment",
        "W m-2",
        0.05,
        0,
        1_600,
        "surface_downwelling_shortwave_flux_in_air",
    ),
    Variable(
        "downward_uvb_flux_surface",
        "Downward UV-B flux at the surface, mean over the interval",
        "W m-2",
        0.001,
        0,
        60,
        statistic=Statistic.MEAN,
        interpolation=Interpolation.SOLAR,
    ),
)
