"""Display units: SI inside becomes what the client asked for, as the very last step. Exact factors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FOOT = 0.3048
MILE = 5280 * FOOT
INCH = FOOT / 12
MPH = MILE / 3600


class System(StrEnum):
    """The unit systems of the Dark Sky contract."""

    US = "us"
    SI = "si"
    CA = "ca"
    UK2 = "uk2"


class Dimension(StrEnum):
    """What a field measures, and its unit inside."""

    NONE = "as it is"
    TEMPERATURE = "K"
    SPEED = "m s-1"
    INTENSITY = "mm h-1"
    AMOUNT = "mm"
    DISTANCE = "m"
    PRESSURE = "Pa"
    DENSITY = "kg m-3"


@dataclass(frozen=True)
class Unit:
    """shown = inside * scale + shift."""

    name: str
    scale: float
    shift: float = 0.0


_PLAIN = Unit("", 1.0)
_CELSIUS = Unit("°C", 1.0, -273.15)
_FAHRENHEIT = Unit("°F", 1.8, -459.67)
_METRES_PER_SECOND = Unit("m/s", 1.0)
_KM_PER_HOUR = Unit("km/h", 3.6)
_MILES_PER_HOUR = Unit("mph", 1 / MPH)
_MM_PER_HOUR = Unit("mm/h", 1.0)
_INCHES_PER_HOUR = Unit("in/h", 0.001 / INCH)
_CENTIMETRES = Unit("cm", 0.1)
_INCHES = Unit("in", 0.001 / INCH)
_KILOMETRES = Unit("km", 0.001)
_MILES = Unit("mi", 1 / MILE)
_HECTOPASCALS = Unit("hPa", 0.01)
_MICROGRAMS = Unit("µg/m³", 1e9)

_METRIC = {
    Dimension.NONE: _PLAIN,
    Dimension.TEMPERATURE: _CELSIUS,
    Dimension.SPEED: _METRES_PER_SECOND,
    Dimension.INTENSITY: _MM_PER_HOUR,
    Dimension.AMOUNT: _CENTIMETRES,
    Dimension.DISTANCE: _KILOMETRES,
    Dimension.PRESSURE: _HECTOPASCALS,
    Dimension.DENSITY: _MICROGRAMS,
}

UNITS: dict[System, dict[Dimension, Unit]] = {
    System.SI: _METRIC,
    System.CA: {**_METRIC, Dimension.SPEED: _KM_PER_HOUR},
    System.UK2: {**_METRIC, Dimension.SPEED: _MILES_PER_HOUR, Dimension.DISTANCE: _MILES},
    System.US: {
        **_METRIC,
        Dimension.TEMPERATURE: _FAHRENHEIT,
        Dimension.SPEED: _MILES_PER_HOUR,
        Dimension.INTENSITY: _INCHES_PER_HOUR,
        Dimension.AMOUNT: _INCHES,
        Dimension.DISTANCE: _MILES,
    },
}


def shown_height(metres: float, system: System) -> int:
    """Height above sea level: whole metres, or feet where miles are told."""
    return round(metres / FOOT if system is System.US else metres)


_OF_COUNTRIES = {
    "US": System.US, "LR": System.US, "MM": System.US,
    "GB": System.UK2, "IE": System.UK2,
    "CA": System.CA,
}  # fmt: skip


def system_of(country: str | None) -> System:
    """What `units=auto` means in a country (alpha-2); where no country is, what is told without `units`."""
    return System.US if country is None else _OF_COUNTRIES.get(country, System.SI)
