"""What other servers of the format tell and this one does not, and why: for docs/api.md, and for the test that looks
for it in their answers."""

from __future__ import annotations

from typing import NamedTuple

_POLLUTANTS = ("pm25", "pm10", "ozoneConcentration", "no2Concentration", "so2Concentration", "coConcentration")
_INDEX = "airQualityIndex"


class Untold(NamedTuple):
    """Fields of some blocks. `top`: of the answer itself."""

    blocks: tuple[str, ...]
    names: tuple[str, ...]
    why: str


UNTOLD = (
    Untold(("currently", "minutely", "hourly", "day_night", "daily"), ("summary",), "texts are not written yet"),
    Untold(("top",), ("alerts",), "no source of warnings is here yet"),
    Untold(("currently", "hourly"), (_INDEX, *_POLLUTANTS), "no model of the air's quality is here yet"),
    Untold(
        ("daily",),
        tuple(f"{_INDEX}{end}" for end in ("", "Max", "MaxTime", "Min", "MinTime")),
        "no model of the air's quality is here yet",
    ),
    Untold(
        ("flags",),
        ("nearest-station", "isd-stations", "madis-stations", "darksky-stations", "lamp-stations"),
        "no stations answer here",
    ),
    Untold(("flags",), ("metno-license",), "`/models` tells the licence of every model"),
    Untold(("flags",), ("ingestVersion",), "runs that were ingested by several versions answer together"),
    Untold(
        ("flags",),
        ("processTime",),
        "an answer is the same on every machine until what it tells changes; the header `X-Handler-Time` says it",
    ),
    Untold(
        ("minutely",),
        ("precipAccumulation",),
        "one recorded answer of 2016 has it, where it is a rate and no amount; `snowIntensity` is that rate",
    ),
)
