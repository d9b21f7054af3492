"""What lies in NBM's core files: the messages of a real one, and what NOAA's pages and users' logs say of later leads.

Real: every message of t19z f001 of 2022-11-17 as degrib lists them (parameters, levels, intervals, limits); the lines
here are what wgrib2 makes of those. Of leads after it there is no whole inventory at hand: single lines of 2026 are.
"""

from __future__ import annotations

from collections.abc import Iterator

_SPREAD = "ens std dev"
_CHANCE = "prob >{}:prob fcst 255/255"
_THUNDER = "probability forecast"


def core_lines(run: str, lead: int, winter: bool = True) -> tuple[str, ...]:
    """The lines of a lead (hours); `run`: YYYYMMDDHH. winter: whether snow, ice and kinds of precipitation are told."""
    contents = [*_moments(lead, winter), *_spans(int(run[8:]), lead, winter)]
    return tuple(f"{number}:{1000 * number}:d={run}:{line}" for number, line in enumerate(contents, 1))


def _moments(lead: int, winter: bool) -> Iterator[str]:
    def now(name: str, level: str, tail: str = "") -> str:
        return f"{name}:{level}:{lead} hour fcst:{tail}"

    yield now("APTMP", "2 m above ground")
    yield from (now("CAPE", "surface", tail) for tail in ("", _SPREAD))
    yield now("CEIL", "cloud ceiling")
    yield now("CEIL", "cloud ceiling", "prob <304.8:probability forecast")
    yield from (now("DPT", "2 m above ground", tail) for tail in ("", _SPREAD))
    yield now("DSWRF", "surface")
    for first, last in ((3, 4), (8, 9), (1, 2), (5, 7)) if winter else ():
        yield now("PTYPE", "surface", f"prob >={first} <{last}:prob fcst 1/1")
    yield now("PTYPE", "entire atmosphere", "prob >=8 <9:prob fcst 1/1")
    yield now("RH", "2 m above ground")
    yield from (now("TCDC", "surface", tail) for tail in ("", _SPREAD))
    yield from (now("TCDC", "reserved") for _ in range(3))
    yield now("TMP", "surface")
    yield from (now("TMP", "2 m above ground", tail) for tail in ("", _SPREAD))
    if lead <= 78:
        yield now("VIS", "surface")
        yield now("VIS", "surface", "prob <1609.34:probability forecast")
    for height in (30, 80, 10):
        yield now("WDIR", f"{height} m above ground")
        yield now("WIND", f"{height} m above ground")
    yield now("WIND", "10 m above ground", _SPREAD)
    yield from (now("GUST", "10 m above ground", tail) for tail in ("", _SPREAD))


def _spans(start: int, lead: int, winter: bool) -> Iterator[str]:
    for hours in (1, 6, 12):
        if lead < hours or (start + lead) % hours or (hours == 1 and lead > 48):
            continue
        over = f"surface:{lead - hours}-{lead} hour acc fcst:"
        yield from (f"APCP:{over}{_CHANCE.format(limit)}" for limit in (0.254, 2.54))
        if hours == 12:
            continue
        yield f"APCP:{over}"
        yield f"TSTM:{over}{_THUNDER}"
        for name, limit in (("ASNOW", 0.0254), ("FICEAC", 0.254)) if winter else ():
            yield f"{name}:{over}"
            yield f"{name}:{over}{_CHANCE.format(limit)}"
    if lead > 2 and lead <= 48:
        yield f"TSTM:surface:{lead - 3}-{lead} hour acc fcst:{_THUNDER}"
