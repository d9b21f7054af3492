"""What lies under the weather, as a model sees it, and does not change from run to run."""

from __future__ import annotations

from storage.variable import Variable

GROUND = (
    Variable(
        "terrain_height_surface",
        "Height of the model's ground above sea level",
        "m",
        0.2,
        -500,
        9_000,
        "surface_altitude",
    ),
    Variable(
        "land_share_surface",
        "Share of land in a cell",
        "1",
        0.0001,
        0,
        1,
        "land_area_fraction",
    ),
)
