"""Maps of heights that people use: whom to thank, under which terms, and what their numbers mean.

Sources: the user guide of ETOPO 2022 (NOAA NCEI), USGS Open-File Report 2011-1073 (GMTED2010), the readme of the public
buckets of the Copernicus DEM.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Atlas:
    """A map of heights. sea_floor: it tells the depth of the sea; missing_is_sea: where it tells nothing is the sea."""

    name: str
    attribution: str
    licence: str
    sea_floor: bool = False
    missing_is_sea: bool = False


ATLASES = {
    atlas.name: atlas
    for atlas in (
        Atlas(
            "etopo2022",
            "ETOPO 2022, NOAA National Centers for Environmental Information, doi:10.25921/fd45-gt74",
            "public domain (United States government)",
            sea_floor=True,
        ),
        Atlas("gmted2010", "GMTED2010, U.S. Geological Survey and NGA", "public domain (United States government)"),
        Atlas(
            "copernicus",
            "Copernicus DEM, (c) DLR e.V. 2010-2014 and (c) Airbus Defence and Space GmbH 2014-2018, provided under "
            "COPERNICUS by the European Union and ESA; all rights reserved",
            "free of charge under the licence of the Copernicus DEM, with this attribution",
            missing_is_sea=True,
        ),
    )
}
