"""What each field tells, in a line, and when it is told: for the OpenAPI document and docs/api.md."""

from __future__ import annotations

from dataclasses import dataclass

from serving.day_fields import DayField, Statistic
from serving.fields import Field
from serving.units import UNITS, Dimension, System

_SECONDS = "Unix s"
# Units of what no system converts.
_FIXED = {
    "humidity": "0..1",
    "cloudCover": "0..1",
    "precipProbability": "0..1",
    "fireIndex": "index",
    "fireIndexMax": "index",
    "icon": "word",
    "moonPhase": "0..1",
    "windBearing": "degrees",
    "nearestStormBearing": "degrees",
    "uvIndex": "index",
    "ozone": "DU",
    "solar": "W/m²",
    "solarMax": "W/m²",
    "cape": "J/kg",
    "capeMax": "J/kg",
    "precipType": "word",
}

_MEANINGS = {
    "icon": "what matters most, in a word: see [icons](#icons)",
    "precipProbability": "how likely precipitation is",
    "precipIntensityError": "standard deviation of precipIntensity among the members of an ensemble",
    "sleetIntensity": "rate of ice pellets and freezing rain, as water",
    "smoke": "smoke in the air near the ground",
    "fireIndex": "Fosberg's fire weather index",
    "stationPressure": "air pressure at the ground",
    "nearestStormDistance": "how far the nearest storm is, more than 0.2 mm/h; 0 within one; absent beyond 1000 km",
    "nearestStormBearing": "where the nearest storm is, clockwise from north; absent within one",
    "precipIntensity": "rate of all precipitation, as water",
    "precipType": "what falls: rain, snow, sleet (ice pellets), ice (freezing rain) or mixed; absent when dry",
    "rainIntensity": "rate of rain",
    "snowIntensity": "rate of snowfall, as depth: ten times its water",
    "iceIntensity": "rate of ice pellets and freezing rain, as water",
    "precipAccumulation": "what falls: rain, depth of snow, and ice",
    "liquidAccumulation": "rain that falls",
    "snowAccumulation": "snow that falls, as depth",
    "iceAccumulation": "ice that falls, as water",
    "temperature": "air temperature at 2 m",
    "apparentTemperature": "Steadman's apparent temperature",
    "feelsLike": "the model's own apparent temperature",
    "dewPoint": "dew point at 2 m",
    "humidity": "relative humidity at 2 m",
    "pressure": "air pressure at mean sea level",
    "windSpeed": "wind speed at 10 m",
    "windGust": "wind gust",
    "windBearing": "where the wind comes from, clockwise from north; absent in a calm",
    "cloudCover": "share of the sky under cloud",
    "uvIndex": "UV index",
    "visibility": "visibility, up to 10 miles",
    "ozone": "ozone in the whole column",
    "solar": "shortwave radiation from sun and sky on level ground",
    "cape": "energy for convection",
    "currentDayLiquid": "rain since local midnight",
    "currentDaySnow": "snow since local midnight, as depth",
    "currentDayIce": "ice since local midnight, as water",
    "dawnTime": "when the sun's centre passes -6 degrees in the morning",
    "sunriseTime": "sunrise; absent in polar day and night",
    "sunsetTime": "sunset; absent in polar day and night",
    "duskTime": "when the sun's centre passes -6 degrees in the evening",
    "moonriseTime": "the day's first moonrise; absent where the moon does not rise that day",
    "moonsetTime": "the day's first moonset; absent where the moon does not set that day",
    "moonPhase": "0 new moon, 0.25 first quarter, 0.5 full moon",
}
_TIMES = {
    "currently": "now: the minute that runs, or the moment that is asked for",
    "minutely": "start of the minute",
    "day_night": "04:00 or 17:00, local time: a day ends where its night begins, and that at 04:00",
    "hourly": "start of the hour, whole on the local clock",
    "daily": "start of the local day",
}
_WINDOWS = {
    "High": "highest after 06:00 up to 18:00, local time: {}",
    "Low": "lowest after 18:00 up to 06:00 of the next day, local time: {}",
    "Min": "lowest of the day: {}",
    "Max": "highest of the day: {}",
}


_STATISTICS: dict[Statistic | None, str] = {
    Statistic.MAXIMUM: "highest of the day: {}",
    Statistic.MEAN: "mean of the day: {}",
    Statistic.BEARING: "of the day's mean wind: {}",
    Statistic.KIND: "the most of the day, or mixed: {}",
    Statistic.SUM: "sum of the day: {}",
    Statistic.HIGH_OR_LOW: "highest by day, lowest by night: {}",
}


@dataclass(frozen=True)
class Meaning:
    """A field in words. `units`: per system, the same word where nothing is converted; `told`: when, "" for always."""

    name: str
    text: str
    units: dict[System, str]
    told: str


def meaning(block: str, field: Field) -> Meaning:
    """What a field of a block tells, in which units and when; raises KeyError for a field that nobody described."""
    return Meaning(field.name, _text(block, field), {system: _unit(field, system) for system in System}, _told(field))


def _told(field: Field) -> str:
    conditions = []
    if field.version > 1:
        conditions.append(f"version {field.version}")
    if field.extra:
        conditions.append(f"extraVars={field.extra}")
    if not field.past:
        conditions.append("not of the past without tmextra")
    return ", ".join(conditions)


def _unit(field: Field, system: System) -> str:
    if field.dimension is not Dimension.NONE:
        return UNITS[system][field.dimension].name
    if is_time(field):
        return _SECONDS
    return _FIXED[field.name]


def is_time(field: Field) -> bool:
    """Whether the field is an instant."""
    return field.name == "time" or field.name.endswith("Time")


def _text(block: str, field: Field) -> str:
    if field.name == "time":
        return _TIMES[block]
    if field.name in _MEANINGS:
        statistic = field.statistic if isinstance(field, DayField) else None
        told = _STATISTICS.get(statistic, "{}").format(_MEANINGS[field.name])
        return told.replace("of the day", "of the half") if block == "day_night" else told
    if field.name.endswith("Time"):
        return f"when {field.name.removesuffix('Time')} is reached: the start of that hour"
    suffix = next(suffix for suffix in _WINDOWS if field.name.endswith(suffix))
    told = _WINDOWS[suffix].format(_MEANINGS[field.name.removesuffix(suffix)])
    return told.replace("of the day", "of the half") if block == "day_night" else told


def units_in_words(told: Meaning) -> str:
    """`°F` and `°C` as `us °F, else °C`; one word where all systems agree."""
    words = set(told.units.values())
    if len(words) == 1:
        return next(iter(words))
    us, si, ca, uk2 = (told.units[system] for system in (System.US, System.SI, System.CA, System.UK2))
    if si == ca == uk2:
        return f"us {us}, else {si}"
    parts = [("us", us), ("si", si), ("ca", ca), ("uk2", uk2)]
    return ", ".join(f"{name} {unit}" for name, unit in parts)
