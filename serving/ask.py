"""What a client asks for, out of the address it wrote. Anything malformed is told with what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

from serving.options import ForecastOptions
from serving.places import Place, timezone_at
from serving.preference import CONTRACT_SOURCES
from serving.units import System

LONGEST_LOCATION = 64
UNITS = {**{str(system): system for system in System}, "uk": System.UK2}
# Blocks of the contract. Those that are not served yet may be left out all the same: clients do so.
CONTRACT_BLOCKS = (
    "currently", "minutely", "hourly", "day_night", "daily", "alerts", "flags", "summary",
)  # fmt: skip

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


class BadRequest(ValueError):
    """The address can't be understood; the message says what to write."""


def shown(text: str, longest: int = 40) -> str:
    """A client's text, quoted, cut and in ASCII, fit for a message."""
    cut = text if len(text) <= longest else text[:longest] + "..."
    return repr(cut.encode("ascii", "backslashreplace").decode())


def parse_place(text: str) -> Place:
    """`lat,lon` in decimal degrees, -90..90 and -180..360; raises BadRequest."""
    if len(text) > LONGEST_LOCATION:
        raise BadRequest(f"the location {shown(text)} is too long: write latitude,longitude such as 52.52,13.41")
    parts = text.removesuffix("/").split(",")
    if len(parts) == 3 and parts[2]:
        raise BadRequest(f"{shown(text)} asks for a time: past times are not served yet, write latitude,longitude")
    if len(parts) != 2:
        raise BadRequest(f"{shown(text)} is not a location: write latitude,longitude such as 52.52,13.41")
    lat = _degrees("latitude", parts[0], -90.0, 90.0)
    lon = _degrees("longitude", parts[1], -180.0, 360.0)
    wrapped = lon if lon <= 180.0 else lon - 360.0
    return Place(lat, wrapped, timezone_at(lat, wrapped), None if wrapped == lon else lon)


def _degrees(what: str, text: str, low: float, high: float) -> float:
    if not _NUMBER.fullmatch(text):
        raise BadRequest(f"{shown(text)} is not a {what}: write decimal degrees such as 52.52,13.41, without spaces")
    value = float(text)
    if not low <= value <= high:
        raise BadRequest(f"the {what} {shown(text)} is not within {low:g} to {high:g} degrees")
    # -0.0 becomes 0.0.
    return value + 0.0


def parse_options(query: bytes, sources: Iterable[str] = ()) -> ForecastOptions:
    """units, exclude and extend of a query string; other parameters are ignored. Raises BadRequest.

    sources: names of the stores that are open; they may be excluded too.
    """
    if not query:
        return ForecastOptions()
    asked: dict[str, str] = {}
    excluded: list[str] = []
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name == "exclude":
            excluded += value.split(",") if value else []
        elif name in ("units", "extend") and asked.setdefault(name, value) != value:
            raise BadRequest(f"{name} is given twice: {shown(asked[name])} and {shown(value)}")
    units = asked.get("units", "us")
    if units not in UNITS:
        raise BadRequest(f"units {shown(units)} is none of {', '.join(UNITS)}")
    if asked.get("extend", "hourly") != "hourly":
        raise BadRequest(f"extend {shown(asked['extend'])} is not 'hourly', the only block that can be extended")
    return ForecastOptions(UNITS[units], _excluded(excluded, sources), "extend" in asked)


def _excluded(names: list[str], sources: Iterable[str]) -> frozenset[str]:
    exclude = frozenset(name.strip(" ") for name in names)
    unknown = exclude.difference(CONTRACT_BLOCKS, CONTRACT_SOURCES, sources)
    if unknown:
        known = ", ".join((*CONTRACT_BLOCKS, *sorted({*CONTRACT_SOURCES, *sources})))
        raise BadRequest(f"exclude holds {shown(min(unknown))}; write some of {known}, separated by commas")
    return exclude
