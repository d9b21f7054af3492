"""Cities by name and by place, against a search of all of them and against what everybody knows of the world."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving import cities
from serving.cities import UnknownCity, UnknownCountry, country_at, find_city, gazetteer, nearest_city
from serving.options import ForecastOptions
from serving.places import Place
from serving.stores import Stores
from tests.serving.client import Client, with_client
from tests.serving.rungs import ask


@pytest.mark.parametrize(
    ("name", "country", "lat", "lon", "timezone"),
    [
        ("Berlin", "DE", 52.52, 13.41, "Europe/Berlin"),
        ("berlin", "deu", 52.52, 13.41, "Europe/Berlin"),
        ("BERLIN", "Germany", 52.52, 13.41, "Europe/Berlin"),
        ("Köln", "DE", 50.93, 6.95, "Europe/Berlin"),
        ("Koeln", "DE", 50.93, 6.95, "Europe/Berlin"),
        ("cologne", "de", 50.93, 6.95, "Europe/Berlin"),
        ("München", "DE", 48.14, 11.58, "Europe/Berlin"),
        ("lodz", "PL", 51.77, 19.47, "Europe/Warsaw"),
        ("São Paulo", "Brazil", -23.55, -46.64, "America/Sao_Paulo"),
        ("sao-paulo", "BRA", -23.55, -46.64, "America/Sao_Paulo"),
        ("London", "UK", 51.51, -0.13, "Europe/London"),
        ("London", "Canada", 42.98, -81.23, "America/Toronto"),
        ("New York", "US", 40.71, -74.01, "America/New_York"),
        ("New York City", "usa", 40.71, -74.01, "America/New_York"),
        ("St. John's", "CA", 47.56, -52.71, "America/St_Johns"),
        ("Tokyo", "Japan", 35.69, 139.69, "Asia/Tokyo"),
        ("Vatican City", "VA", 41.90, 12.45, "Europe/Vatican"),
        ("Suva", "Fiji", -18.14, 178.44, "Pacific/Fiji"),
    ],
)
def test_a_city_is_found_however_it_is_written(name: str, country: str, lat: float, lon: float, timezone: str) -> None:
    place = find_city(name, country)
    assert (place.lat, place.lon) == pytest.approx((lat, lon), abs=0.02)
    assert place.timezone == timezone
    assert place.asked_lon is None


def test_of_several_the_largest_is_meant() -> None:
    """Frankfurt is Frankfurt am Main, and there are many a Springfield."""
    assert find_city("Frankfurt", "DE").lat == pytest.approx(50.11, abs=0.03)
    assert find_city("Springfield", "US").lat == pytest.approx(37.21, abs=0.03)


@pytest.mark.parametrize("country", ["XX", "Germanyy", "", "|", "germ any", "x" * 5000, "Ö\ud800"])
def test_an_unknown_country_is_told_with_what_to_write(country: str) -> None:
    with pytest.raises(UnknownCountry, match=r"^no country is called .*: (did you mean|write its code)") as told:
        find_city("Berlin", country)
    assert len(str(told.value)) < 300
    if country == "Germanyy":
        assert "did you mean Germany" in str(told.value)


@pytest.mark.parametrize("name", ["Berlln", "", "|", "a|b", "\n", "x" * 5000, "Москва", "\ud800"])
def test_an_unknown_city_is_told_with_what_is_near(name: str) -> None:
    with pytest.raises(UnknownCity, match=r"^no city of Germany is called") as told:
        find_city(name, "DE")
    assert len(str(told.value)) < 300
    if name == "Berlln":
        assert "did you mean Berlin" in str(told.value)


def test_every_capital_is_known() -> None:
    for name, country in (
        ("Vaduz", "LI"),
        ("San Marino", "SM"),
        ("Funafuti", "TV"),
        ("Nuuk", "GL"),
        ("Valletta", "MT"),
    ):
        assert find_city(name, country)


def test_a_country_has_three_names() -> None:
    for alpha2, alpha3, name in gazetteer().countries:
        assert gazetteer().country(alpha2) == gazetteer().country(alpha3.lower()) == gazetteer().country(name)


def test_the_nearest_city_is_that_of_a_search_of_all() -> None:
    random = np.random.default_rng(3)
    everywhere = gazetteer()
    lats, lons = everywhere._lats, everywhere._lons
    some = random.integers(0, len(lats), 150)
    places = [
        *zip(np.degrees(np.arcsin(random.uniform(-1, 1, 150))), random.uniform(-180, 180, 150), strict=True),
        *zip(lats[some] + random.uniform(-0.3, 0.3, 150), lons[some] + random.uniform(-0.3, 0.3, 150), strict=True),
        *[(90.0, 0.0), (-90.0, 120.0), (-16.5, 180.0), (-16.5, -180.0), (66.0, 179.99)],
    ]
    for lat, lon in places:
        found = nearest_city(float(lat), float(lon))
        apart = haversine(lat, lon, lats, lons)
        assert haversine(lat, lon, found.lat, found.lon) == pytest.approx(apart.min(), abs=1e-9)


def haversine(lat: float, lon: float, lats: float | np.ndarray, lons: float | np.ndarray) -> np.ndarray:
    """Great circle, radians."""
    one, other = math.radians(lat), np.radians(lats)
    half = np.sin((other - one) / 2) ** 2 + math.cos(one) * np.cos(other) * np.sin(np.radians(lons - lon) / 2) ** 2
    return 2 * np.arcsin(np.sqrt(np.minimum(half, 1.0)))


def test_a_city_names_its_country_and_subdivision() -> None:
    city = nearest_city(34.05, -118.24)
    assert (city.country, city.subdivision) == ("United States", "California")
    assert nearest_city(48.14, 11.58).country == "Germany"


@pytest.mark.parametrize(
    ("lat", "lon", "country"),
    [
        (48.573, 7.750, "FR"),
        (48.573, 7.815, "DE"),
        (32.56, -117.03, "US"),
        (32.52, -117.03, "MX"),
        (41.903, 12.453, "VA"),
        (49.2, -2.13, "JE"),
        (-90.0, 0.0, "AQ"),
        (30.0, -40.0, None),
    ],
)
def test_a_place_lies_in_a_country_or_in_none(lat: float, lon: float, country: str | None) -> None:
    """Strasbourg and Kehl, San Diego and Tijuana: the border runs between them."""
    assert country_at(lat, lon) == country


def test_flags_of_version_2_name_the_nearest_city(weather_store: Any) -> None:
    stores = [weather_store("gfs")]
    flags = ask(stores, place=Place(48.2, 11.6, "Europe/Berlin"), options=ForecastOptions(version=2))["flags"]
    assert flags["nearestCountry"] == "Germany"
    assert flags["nearestSubNational"] == "Bayern"
    assert flags["nearestCity"]
    assert "nearestCity" not in ask(stores)["flags"]


def test_no_request_waits_for_the_file(tmp_path: Path) -> None:
    """A server reads it while it starts: 0.12 s and 18 MB (2026-11)."""

    async def held(client: Client, _: Stores) -> int:
        return gazetteer.cache_info().currsize

    gazetteer.cache_clear()
    nearest_city.cache_clear()
    assert with_client(tmp_path, held) == 1


def test_the_file_is_not_read_by_importing_what_reads_it() -> None:
    import subprocess
    import sys

    code = "import serving.app, serving.cities as c; assert not c.gazetteer.cache_info().currsize"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=cities.FILE.parents[1])
