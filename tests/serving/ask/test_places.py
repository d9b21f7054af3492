"""Where a request asks for: two numbers, a city of a country, a time behind them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.ask import parse_location, parse_request
from serving.bad_request import BadRequest
from serving.cities import UnknownCity
from serving.options import ForecastOptions
from serving.places import Place
from serving.units import System

NOW = datetime(2026, 11, 24, 8, 42, 17, tzinfo=UTC)


def parse_place(text: str) -> Place:
    place, time = parse_location(text)
    assert time is None
    return place


@pytest.mark.parametrize(
    ("text", "lat", "lon"),
    [
        ("52.52,13.41", 52.52, 13.41),
        ("+52.52,-13.41", 52.52, -13.41),
        ("-90,-180", -90.0, -180.0),
        ("90,180", 90.0, 180.0),
        ("52.,.5", 52.0, 0.5),
        ("51.5,9.3e-06", 51.5, 9.3e-06),
        ("40.7,286", 40.7, -74.0),
        ("0,360", 0.0, 0.0),
        ("1,2/", 1.0, 2.0),
        # Clients join with a comma and a space.
        (" 52.52, 13.41 ", 52.52, 13.41),
    ],
)
def test_a_place_is_two_numbers(text: str, lat: float, lon: float) -> None:
    place = parse_place(text)
    assert (place.lat, place.lon) == (lat, lon)


def test_a_longitude_beyond_180_is_remembered_as_asked() -> None:
    assert parse_place("40.7,286").asked_lon == 286.0
    assert parse_place("40.7,-74").asked_lon is None
    assert parse_place("40.7,286").timezone == "America/New_York"


def test_minus_zero_is_zero() -> None:
    assert str(parse_place("-0.0,-0.0").lat) == "0.0"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not a location"),
        ("52.52", "is not a location"),
        ("52.52;13.41", "is not a location"),
        ("52.52,13.41,12,3", "is not a location"),
        ("Berlin", "is not a location: .* or city,country"),
        ("Berlin,13.41", "is not a latitude"),
        ("52.52\t,13.41", "is not a latitude"),
        ("52.52,13.41\n", "is not a longitude"),
        ("nan,13.41", "is not a latitude"),
        ("52.52,inf", "is not a longitude"),
        ("52.52,1_0", "is not a longitude"),
        ("0x10,1", "is not a latitude"),
        ("--1,1", "is not a latitude"),
        (",", "is not a latitude"),
        ("٥٢,13", "is not a latitude"),
        ("52.52,13°", "is not a longitude"),
        ("1e5,0", "not within -90 to 90"),
        ("0,1e5", "not within -180 to 360"),
        ("0,1e999", "not within"),
        ("90.0001,0", "not within"),
        ("0,-180.0001", "not within"),
        ("0,360.0001", "not within"),
        ("1" * 129, "too long"),
        ("52.5,13/../4", "is not a longitude"),
    ],
)
def test_what_is_no_place_is_told(text: str, told: str) -> None:
    with pytest.raises(BadRequest, match=told) as error:
        parse_place(text)
    assert str(error.value).isascii()
    assert len(str(error.value)) < 200


@given(st.text(max_size=80) | st.from_regex(r"[-+0-9.eE,]{1,30}", fullmatch=True))
def test_any_text_is_a_place_or_a_bad_request(text: str) -> None:
    try:
        place, _ = parse_location(text)
    except BadRequest:
        return
    assert -90 <= place.lat <= 90
    assert -180 <= place.lon <= 180
    assert place.timezone


def test_a_time_behind_the_place_is_of_its_own_clock() -> None:
    place, options = parse_request("40.7,-74,2026-11-23T08:00:00", b"", NOW)
    assert (place.lat, place.lon, place.timezone) == (40.7, -74.0, "America/New_York")
    assert options == ForecastOptions(at=datetime(2026, 11, 23, 13, tzinfo=UTC))
    assert parse_request("40.7,-74,-1h", b"units=si", NOW).options == ForecastOptions(
        System.SI, at=datetime(2026, 11, 24, 7, 42, 17, tzinfo=UTC)
    )
    with pytest.raises(BadRequest, match="'' is not a time"):
        parse_request("40.7,-74,", b"", NOW)


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Berlin,DE", "Europe/Berlin"),
        ("berlin , Germany", "Europe/Berlin"),
        ("New York,US", "America/New_York"),
        ("São Paulo,BR", "America/Sao_Paulo"),
        ("Zürich,Switzerland", "Europe/Zurich"),
        ("Paris,FRA,1704067200", "Europe/Paris"),
    ],
)
def test_a_place_may_be_a_city_of_a_country(text: str, zone: str) -> None:
    place, time = parse_location(text)
    assert place.timezone == zone
    assert time == ("1704067200" if text.count(",") == 2 else None)


def test_an_unknown_country_is_malformed_and_an_unknown_city_not_found() -> None:
    with pytest.raises(BadRequest, match="no country is called 'Atlantis'"):
        parse_location("Berlin,Atlantis")
    with pytest.raises(UnknownCity, match="no city of Germany is called 'Atlantis'"):
        parse_location("Atlantis,DE")


@pytest.mark.parametrize(
    ("where", "units"),
    [
        ("40.7,-74", System.US),
        ("6.3,-10.8", System.US),
        ("16.8,96.15", System.US),
        ("51.5,-0.12", System.UK2),
        ("53.35,-6.26", System.UK2),
        ("45.42,-75.7", System.CA),
        ("52.52,13.41", System.SI),
        ("-33.87,151.2", System.SI),
        ("0,-30", System.US),
    ],
)
def test_automatic_units_are_those_of_the_country(where: str, units: System) -> None:
    for query in (b"units=auto", b"units=auto&lang=de"):
        assert parse_request(where, query, NOW).options.units == units
    assert parse_request(where + ",-1h", b"units=auto", NOW).options.units == units


def test_the_time_machine_needs_a_time() -> None:
    with pytest.raises(BadRequest, match="has no time: write latitude,longitude,time"):
        parse_request("52.52,13.41", b"", NOW, past=True)
    assert parse_request("52.52,13.41,-1d", b"", NOW, past=True).options.at == datetime(
        2026, 11, 23, 8, 42, 17, tzinfo=UTC
    )
