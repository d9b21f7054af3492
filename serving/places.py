"""A place on Earth and the clock on its wall."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import tzfpy


@dataclass(frozen=True)
class Place:
    """Latitude and longitude in degrees (-90..90, -180..180) and an IANA time zone name.

    asked_lon: the longitude as the client wrote it, where that lies beyond 180.
    """

    lat: float
    lon: float
    timezone: str
    asked_lon: float | None = None


def timezone_at(lat: float, lon: float) -> str:
    """The IANA zone of a place; at sea, and wherever no zone is drawn, the nautical one (`Etc/GMT+5`)."""
    return tzfpy.get_tz(lon, lat) or nautical_zone(lon)


def nautical_zone(lon: float) -> str:
    """The 15 degree wide zone of a meridian. In Etc names the sign is turned: `Etc/GMT+5` lies west."""
    hours = round(lon / 15.0)
    return "Etc/GMT" if not hours else f"Etc/GMT{-hours:+d}"


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """A zone's rules: those of the pinned package, whatever the machine has. Raises ZoneInfoNotFoundError."""
    try:
        with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as rules:
            return ZoneInfo.from_file(rules, name)
    except (OSError, ValueError) as error:
        raise ZoneInfoNotFoundError(f"tzdata has no zone {name!r}") from error
