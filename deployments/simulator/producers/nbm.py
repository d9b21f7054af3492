"""How NCEP writes NBM: rows that run to and fro, deviations and probabilities beside the values."""

from __future__ import annotations

from dataclasses import replace

from deployments.simulator.producer import Decoy, Packing, Producer, Span
from storage.grids import Box
from storage.variables import Statistic
from tasks.wanted import Derived, Level, Probability

COVERED = Box(-138.1, 21.0, -59.4, 54.0)
"""Of the states' grid, what some fields cover here; in production few fields have gaps, and those elsewhere."""


def _deviation(of: str, name: str) -> Decoy:
    return Decoy(of, name, meaning=Derived.SPREAD, scale=0.05)


def _others(of: str, name: str, limit: float) -> Decoy:
    """The probability of more than another limit."""
    return Decoy(
        of, name, statistic=Statistic.ACCUMULATION, span=Span.BUCKET, meaning=Probability(above=limit), scale=0.4
    )


_TCDC = tuple(
    Decoy("cloud_cover_atmosphere", "TCDC", level=Level(kind, 0.0), level_text="reserved", scale=scale)
    for kind, scale in ((195, 0.5), (196, 0.4), (197, 0.3))
)

STATES_25 = Producer(
    centre=7,
    process=104,
    tables_version=1,
    local_version=1,
    packing=Packing.COMPLEX,
    # Each row says over how many hours.
    bucket=60,
    level_zero=True,
    alternating_rows=True,
    tails={"TSTM": "probability forecast"},
    digits={
        "air_temperature_2m": 1,
        "apparent_temperature_2m": 1,
        "dew_point_temperature_2m": 1,
        "relative_humidity_2m": 0,
        "wind_speed_10m": 1,
        "wind_from_direction_10m": -1,
        "wind_gust_surface": 1,
        "cloud_cover_atmosphere": 0,
        "visibility_surface": 0,
        "cape_surface": 0,
        "downward_shortwave_flux_instant_surface": 0,
        "thunderstorm_probability_1h_surface": 0,
        "thunderstorm_probability_6h_surface": 0,
        **{f"precipitation_probability_{hours}h_surface": 0 for hours in (1, 6, 12)},
    },
    areas=dict.fromkeys(("apparent_temperature_2m", "visibility_surface", "precipitation_amount_1h_surface"), COVERED),
    decoys=(
        _deviation("air_temperature_2m", "TMP"),
        _deviation("dew_point_temperature_2m", "DPT"),
        _deviation("wind_speed_10m", "WIND"),
        _deviation("wind_gust_surface", "GUST"),
        _deviation("cloud_cover_atmosphere", "TCDC"),
        _deviation("cape_surface", "CAPE"),
        Decoy("air_temperature_2m", "TMP", level=Level(1), level_text="surface", shift=1.5),
        Decoy("wind_speed_10m", "WIND", level=Level(103, 80), level_text="80 m above ground", scale=1.3),
        Decoy("wind_from_direction_10m", "WDIR", level=Level(103, 80), level_text="80 m above ground"),
        _others("precipitation_probability_1h_surface", "APCP", 2.54),
        _others("precipitation_probability_6h_surface", "APCP", 2.54),
        _others("snowfall_thickness_6h_surface", "ASNOW", 0.0254),
        *_TCDC,
    ),
)
"""The states, 2.5 km."""


_REGIONS = ("alaska", "hawaii", "puerto_rico", "guam")
PRODUCERS = {"nbm": STATES_25, **{f"nbm_{region}": replace(STATES_25, areas={}) for region in _REGIONS}}
