"""The icon of a moment: one word for what matters most, by the thresholds of the contract.

Precipitation comes first, a thunderstorm before all other, then fog and what else dims the view, then wind, then the
sky. The plain set is Dark Sky's; the `pirate` set tells how much, and what is only possible. An icon needs to know what
falls; without precipitation it needs wind or poor visibility, or the cloud cover. Else there is none.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from serving.derived import ICE, MIXED, NONE, RAIN, SLEET, SNOW
from serving.fields import COLUMN
from serving.sky import Track, height
from serving.sun import SIN_RISE
from storage.kernels import kernel

# So much water an hour shows (mm/h): 0.2 mm of snow.
SHOWS = 0.02
# Below this precipitation is possible, no more.
LIKELY = 0.25
# Where the next class begins, mm/h: of rain, sleet and ice, and of snow as it lies.
CLASSES = np.array([0.4, 2.5, 10.0])
SNOW_CLASSES = np.array([1.3, 8.3, 33.3])
# J/kg of CAPE.
THUNDER_POSSIBLE, THUNDER = 1250.0, 2500.0
# m/s.
BREEZY, WINDY, DANGEROUS = 6.7056, 10.0, 17.8816
# m of visibility; K between temperature and dew point; kg m-3 of smoke.
FOGGY, DIM = 1000.0, 5000.0
FOG_SPREAD, MIST_SPREAD = 2.0, 3.0
SMOKY = 25e-9
# Shares of the sky under cloud, each to be exceeded.
CLEAR, MOSTLY_CLEAR, PARTLY, MOSTLY_CLOUDY, OVERCAST = range(5)
LEVELS = np.array([0.125, 0.375, 0.625, 0.875])

_FALLING = (
    (RAIN, ("drizzle", "light-rain", "rain", "heavy-rain")),
    (SNOW, ("flurries", "light-snow", "snow", "heavy-snow")),
    (SLEET, ("very-light-sleet", "light-sleet", "sleet", "heavy-sleet")),
    (ICE, ("freezing-drizzle", "light-freezing-rain", "freezing-rain", "heavy-freezing-rain")),
    (MIXED, ("mixed",) * 4),
    # Something, and nobody knows what.
    (NONE, ("precipitation",) * 4),
)
_PLAIN_FALLING = {RAIN: "rain", SNOW: "snow", SLEET: "sleet", ICE: "sleet", MIXED: "sleet"}
_POSSIBLE = {
    RAIN: "rain",
    SNOW: "snow",
    SLEET: "sleet",
    ICE: "freezing-rain",
    MIXED: "precipitation",
    NONE: "precipitation",
}
_SKIES = ("clear", "mostly-clear", "partly-cloudy", "mostly-cloudy", "cloudy")
_PLAIN_SKIES = ("clear", "clear", "partly-cloudy", "partly-cloudy", "cloudy")
_TIMES = ("day", "night")


def _by_time(word: str) -> tuple[str, str]:
    return (word, word) if word == "cloudy" else (f"{word}-day", f"{word}-night")


ICON_WORDS = tuple(
    dict.fromkeys(
        (
            *(word for _, words in _FALLING for word in words),
            "thunderstorm",
            *("fog", "smoke", "mist", "haze"),
            *("breezy", "wind", "dangerous-wind"),
            *(word for sky in _SKIES for word in _by_time(sky)),
            *(word for kind in _POSSIBLE.values() for word in _by_time(f"possible-{kind}")),
            *_by_time("possible-thunderstorm"),
        )
    )
)
"""Every icon of both sets."""

PLAIN_ICON_WORDS = tuple(
    word
    for word in ICON_WORDS
    if word in {*_PLAIN_FALLING.values(), "thunderstorm", "fog", "wind"}
    or word in {each for sky in _PLAIN_SKIES for each in _by_time(sky)}
)
"""The icons of the plain set."""

_NUMBER = {word: float(number) for number, word in enumerate(ICON_WORDS)}


def _numbers(*words: str) -> NDArray[np.float64]:
    return np.array([_NUMBER[word] for word in words])


# [set, kind, class], [kind, night], [night], [set, level, night]: set 0 plain, 1 pirate.
_FALL = np.full((2, len(_FALLING), 4), math.nan)
for _kind, _words in _FALLING:
    _FALL[1, _kind] = _numbers(*_words)
    if _kind in _PLAIN_FALLING:
        _FALL[0, _kind] = _NUMBER[_PLAIN_FALLING[_kind]]
_MAYBE = np.array([_numbers(*_by_time(f"possible-{_POSSIBLE[kind]}")) for kind in range(len(_FALLING))])
_MAYBE_THUNDER = _numbers(*_by_time("possible-thunderstorm"))
_SKY = np.array([[_numbers(*_by_time(word)) for word in words] for words in (_PLAIN_SKIES, _SKIES)])
THUNDERSTORM = _NUMBER["thunderstorm"]
"""Icons up to this one are of what falls, lighter ones of a kind before heavier ones."""
_FOG, _SMOKE, _MIST, _HAZE = _numbers("fog", "smoke", "mist", "haze")
_BREEZY, _WIND, _DANGEROUS = _numbers("breezy", "wind", "dangerous-wind")
_INTENSITY, _SNOW_INTENSITY, _KIND = COLUMN["intensity"], COLUMN["snow_intensity"], COLUMN["kind"]
_SPEED, _VISIBILITY, _CLOUD, _CAPE = COLUMN["wind_speed"], COLUMN["visibility"], COLUMN["cloud_cover"], COLUMN["cape"]
_TEMPERATURE, _DEW_POINT = COLUMN["temperature"], COLUMN["dew_point"]
_PROBABILITY, _SMOKE_DENSITY = COLUMN["probability"], COLUMN["smoke"]


@kernel
def class_of(amount: float, limits: NDArray[np.float64]) -> int:
    """How many of the limits an amount reaches."""
    reached = 0
    for limit in limits:
        if amount >= limit:
            reached += 1
    return reached


@kernel
def cloud_level(cover: float) -> int:
    """CLEAR to OVERCAST of a cloud cover of 0..1."""
    level = 0
    for limit in LEVELS:
        if cover > limit:
            level += 1
    return level


@kernel
def fall_icon(kind: float, intensity: float, snow_intensity: float, pirate: bool) -> float:
    """What falls and how much of it; NaN where the plain set has no word, as nobody knows what falls."""
    number = 0 if math.isnan(kind) else int(kind)
    if number == SNOW:
        return _FALL[int(pirate), number, class_of(snow_intensity, SNOW_CLASSES)]
    return _FALL[int(pirate), number, class_of(intensity, CLASSES)]


@kernel
def maybe_icon(kind: float, night: bool) -> float:
    """What may fall."""
    return _MAYBE[0 if math.isnan(kind) else int(kind), int(night)]


@kernel
def view_icon(columns: NDArray[np.float64], n: int, pirate: bool) -> float:
    """Fog, smoke, mist or haze where there is little wind; NaN where the view is not that poor."""
    visibility = columns[_VISIBILITY, n]
    if columns[_SPEED, n] >= BREEZY or not visibility < DIM:
        return math.nan
    spread = columns[_TEMPERATURE, n] - columns[_DEW_POINT, n]
    if visibility < FOGGY and spread <= FOG_SPREAD:
        return _FOG
    told = math.nan
    if columns[_SMOKE_DENSITY, n] >= SMOKY:
        told = _SMOKE
    elif spread <= MIST_SPREAD:
        told = _MIST
    elif spread > MIST_SPREAD:
        told = _HAZE
    return told if pirate or math.isnan(told) else _FOG


@kernel
def wind_icon(speed: float, pirate: bool) -> float:
    """How windy it is; NaN below a breeze."""
    if not speed >= BREEZY:
        return math.nan
    if not pirate or WINDY <= speed < DANGEROUS:
        return _WIND
    return _BREEZY if speed < WINDY else _DANGEROUS


@kernel
def sky_icon(level: int, night: bool, pirate: bool) -> float:
    """The sky under so much cloud."""
    return _SKY[int(pirate), level, int(night)]


@kernel
def dry_icon(columns: NDArray[np.float64], n: int, night: bool, pirate: bool) -> float:
    """View, wind or sky at a slot; NaN where nothing of it is known."""
    told = view_icon(columns, n, pirate)
    if math.isnan(told):
        told = wind_icon(columns[_SPEED, n], pirate)
    if math.isnan(told) and not math.isnan(columns[_CLOUD, n]):
        told = sky_icon(cloud_level(columns[_CLOUD, n]), night, pirate)
    return told


@kernel
def point_icon(columns: NDArray[np.float64], n: int, night: bool, pirate: bool, warns: bool) -> float:
    """The icon of a slot. warns: whether a thunderstorm that is only possible is told."""
    intensity, kind = columns[_INTENSITY, n], columns[_KIND, n]
    if math.isnan(intensity):
        return math.nan
    if intensity > 0.0:
        likely = not columns[_PROBABILITY, n] < LIKELY
        cape = columns[_CAPE, n]
        if likely and intensity >= SHOWS:
            if cape >= THUNDER:
                return THUNDERSTORM
            if pirate and warns and cape >= THUNDER_POSSIBLE:
                return _MAYBE_THUNDER[int(night)]
            return fall_icon(kind, intensity, columns[_SNOW_INTENSITY, n], pirate)
        if pirate:
            if warns and cape >= THUNDER_POSSIBLE:
                return _MAYBE_THUNDER[int(night)]
            return maybe_icon(kind, night)
    return dry_icon(columns, n, night, pirate)


def fill_icons(
    columns: NDArray[np.float64],
    icons: NDArray[np.float64],
    starts: NDArray[np.int64],
    sun: Track,
    first: int,
    count: int,
    lat: float,
    lon: float,
    pirate: bool,
    warns: bool,
) -> None:
    """Put the icons of slots first..first + count into icons[slot]; by day and night where the sun is at the start.

    columns: [column, slot]; starts: [slot] Unix seconds; sun: its track, which holds them.
    """
    place = math.radians(lat), math.radians(lon)
    sky = sun.positions, sun.first, sun.sidereal
    _fill_icons(columns, icons, starts, first, first + count, *sky, *place, pirate, warns)


@kernel
def _fill_icons(
    columns: NDArray[np.float64],
    icons: NDArray[np.float64],
    starts: NDArray[np.int64],
    low: int,
    high: int,
    positions: NDArray[np.float64],
    since: int,
    sidereal: float,
    lat: float,
    lon: float,
    pirate: bool,
    warns: bool,
) -> None:
    sine, cosine = math.sin(lat), math.cos(lat)
    for n in range(low, high):
        night = height(positions, since, sidereal, float(starts[n]), sine, cosine, lon) < SIN_RISE
        icons[n] = point_icon(columns, n, night, pirate, warns)
