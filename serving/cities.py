"""Cities by their names and by where they are, offline: from the file of GeoNames' cities that lies beside this one.

It holds every capital and every city of 5000 inhabitants or more (GeoNames, CC BY 4.0; `deployments/gazetteer.py` makes
it), and is read when it is first asked: by a server while it starts.
"""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serving.places import Place, timezone_at
from storage.kernels import kernel

FILE = Path(__file__).with_name("cities.npz")
CLOSE = 3
"""How many near matches an error names."""
CANDIDATES = 500
"""Of how many of a country's largest cities the names are compared with a misspelt one."""
_NOISE = 1e-5
"""Degrees by which an arc cosine near 1 may be wrong, and more."""

# Letters that are no letter with a mark: fold writes them as others do who lack them.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ə": "e", "ŋ": "n"}
    | dict.fromkeys("-'’‘`´ʻʼ.", " ")
)


class UnknownCountry(ValueError):
    """No country has this code or name."""


class UnknownCity(LookupError):
    """No city of this name is known in the country."""


@dataclass(frozen=True)
class City:
    """name, and the names of its country and subdivision, as GeoNames spells them; subdivision: "" where none is."""

    name: str
    country: str
    subdivision: str
    lat: float
    lon: float


# What people write, and GeoNames names otherwise.
_ALIASES = {
    "uk": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB",
    "usa": "US", "united states of america": "US", "america": "US", "holland": "NL", "the netherlands": "NL",
    "czech republic": "CZ", "burma": "MM", "ivory coast": "CI", "cape verde": "CV", "swaziland": "SZ",
    "macedonia": "MK", "turkiye": "TR", "korea": "KR", "russian federation": "RU", "viet nam": "VN",
    "east timor": "TL", "vatican city": "VA", "the gambia": "GM", "the bahamas": "BS", "congo": "CG", "drc": "CD",
    "uae": "AE", "palestine": "PS", "micronesia": "FM", "brunei darussalam": "BN", "syrian arab republic": "SY",
}  # fmt: skip


def fold(name: str) -> str:
    """The same for spellings that differ in case, marks above letters, hyphens and spaces."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
    return " ".join(plain.casefold().translate(_LETTERS).split())


class Gazetteer:
    """The file in memory, about 12 MB. Of a country its cities lie together, the largest first."""

    def __init__(self, path: Path = FILE) -> None:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        self.countries = [line.split("\t") for line in _text(arrays["countries"])]
        """Alpha-2, alpha-3, name."""
        self._number = {fold(key): number for number, row in enumerate(self.countries) for key in row}
        self._number |= {alias: self._number[fold(code)] for alias, code in _ALIASES.items()}
        self._firsts: list[int] = arrays["firsts"].tolist()
        self._names = _text(arrays["names"])
        self._lats, self._lons = arrays["lats"] / 1e3, arrays["lons"] / 1e3
        self._subdivisions = _text(arrays["subdivisions"])
        self._subdivision_of = arrays["subdivision_of"]
        self._order = np.argsort(self._lats, kind="stable")
        self._sorted = self._lats[self._order]
        self._points = _on_sphere(self._lats, self._lons)[self._order]

    def country(self, name: str) -> int:
        """The number of a country by alpha-2, alpha-3 or name; raises UnknownCountry with what is near."""
        key = fold(name)
        if key in self._number:
            return self._number[key]
        names = {fold(row[2]): row[2] for row in self.countries}
        close = [names[each] for each in get_close_matches(key[:64], names, n=CLOSE)]
        hint = f": did you mean {' or '.join(close)}?" if close else ""
        raise UnknownCountry(f"no country is called {name[:40]!a}{hint or ': write its code, such as DE or DEU'}")

    def find(self, name: str, country: str) -> City:
        """The largest city of a name in a country. Raises UnknownCountry, UnknownCity with what is near."""
        number = self.country(country)
        first, folded = self._firsts[number], self._folded(number)
        key = fold(name)
        at = folded.find(f"|{key}|") if key and "|" not in key else -1
        if at >= 0:
            return self._city(first + folded.count("\n", 0, at))
        known = [line.split("|")[1] for line in folded.split("\n")[:CANDIDATES] if line]
        close = [self._city(first + known.index(each)).name for each in get_close_matches(key[:64], known, n=CLOSE)]
        told = f"no city of {self.countries[number][2]} is called {name[:40]!a}"
        raise UnknownCity(f"{told}: did you mean {' or '.join(close)}?" if close else f"{told}, of 5000 people or more")

    def nearest(self, lat: float, lon: float) -> City:
        """The city that is nearest along a great circle."""
        return self._city(int(self._order[_nearest(self._sorted, self._points, lat, lon)]))

    @lru_cache(maxsize=16)  # noqa: B019
    def _folded(self, number: int) -> str:
        """The names of a country's cities as `fold` makes them, a line a city, each between bars."""
        names = self._names[self._firsts[number] : self._firsts[number + 1]]
        return "\n".join(f"|{'|'.join(map(fold, line.split('|')))}|" for line in names)

    @lru_cache(maxsize=1024)  # noqa: B019
    def _city(self, number: int) -> City:
        country = self.countries[bisect_right(self._firsts, number) - 1]
        subdivision = self._subdivisions[self._subdivision_of[number]]
        name = self._names[number].split("|")[0]
        return City(name, country[2], subdivision, float(self._lats[number]), float(self._lons[number]))


@kernel
def _nearest(lats: NDArray[np.float64], points: NDArray[np.float64], lat: float, lon: float) -> int:
    """The row of the point next to a place (degrees). lats: [point], rising; points: [point, 3], unit vectors.

    They are looked at by latitude, the closest first, until no other one can be nearer.
    """
    north, east = math.radians(lat), math.radians(lon)
    x, y, z = math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)
    above = int(np.searchsorted(lats, lat))
    below = above - 1
    best, found, reach = -2.0, -1, 181.0
    while True:
        up = lats[above] - lat if above < len(lats) else 999.0
        down = lat - lats[below] if below >= 0 else 999.0
        if min(up, down) > reach:
            return found
        if up < down:
            row = above
            above += 1
        else:
            row = below
            below -= 1
        cosine = points[row, 0] * x + points[row, 1] * y + points[row, 2] * z
        if cosine > best or (cosine == best and row < found):
            best, found = cosine, row
            reach = math.degrees(math.acos(min(best, 1.0))) + _NOISE


def _text(array: NDArray[np.uint8]) -> list[str]:
    return array.tobytes().decode().split("\n")


def _on_sphere(lats: NDArray[np.float64], lons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors [place, 3]."""
    lats, lons = np.radians(lats), np.radians(lons)
    return np.stack([np.cos(lats) * np.cos(lons), np.cos(lats) * np.sin(lons), np.sin(lats)], axis=-1)


@cache
def gazetteer() -> Gazetteer:
    """The one of this process."""
    return Gazetteer()


@lru_cache(maxsize=1024)
def find_city(name: str, country: str) -> Place:
    """The largest city of a name in a country (alpha-2, alpha-3 or name). Raises UnknownCountry, UnknownCity."""
    city = gazetteer().find(name, country)
    return Place(city.lat, city.lon, timezone_at(city.lat, city.lon))


@lru_cache(maxsize=4096)
def nearest_city(lat: float, lon: float) -> City:
    """The city that is nearest to a place, which may be in another country."""
    return gazetteer().nearest(lat, lon)


@cache
def _zone_countries() -> dict[str, str]:
    """Time zone -> alpha-2 of its country, as the time zone database has it (zone.tab)."""
    text = files("tzdata").joinpath("zoneinfo/zone.tab").read_text()
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return {row[2]: row[0] for row in rows}


def country_of(timezone: str) -> str | None:
    """The country (alpha-2) that a time zone is of; None at sea, where zones are nautical."""
    return _zone_countries().get(timezone)


def country_at(lat: float, lon: float) -> str | None:
    """The country (alpha-2) that a place lies in, by the map of time zones, which are parted at borders."""
    return country_of(timezone_at(lat, lon))
