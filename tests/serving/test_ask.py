"""Addresses that clients write: what is understood, and what a 400 says about the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.ask import BadRequest, parse_options, parse_place
from serving.options import ForecastOptions
from serving.units import System


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
        ("1,2,", None, None),
    ],
)
def test_a_place_is_two_numbers(text: str, lat: float | None, lon: float) -> None:
    if lat is None:
        with pytest.raises(BadRequest):
            parse_place(text)
        return
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
        ("52.52,13.41,1700000000", "past times are not served yet"),
        ("52.52,13.41,2026-01-01T00:00:00", "past times are not served yet"),
        ("Berlin,DE", "is not a latitude"),
        ("52.52, 13.41", "is not a longitude"),
        (" 52.52,13.41", "is not a latitude"),
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
        ("1" * 65, "too long"),
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
        place = parse_place(text)
    except BadRequest:
        return
    assert -90 <= place.lat <= 90
    assert -180 <= place.lon <= 180
    assert place.timezone


@pytest.mark.parametrize(
    ("query", "options"),
    [
        (b"", ForecastOptions()),
        (b"units=si", ForecastOptions(System.SI)),
        (b"units=uk", ForecastOptions(System.UK2)),
        (b"units=uk2&units=uk2", ForecastOptions(System.UK2)),
        (b"extend=hourly", ForecastOptions(extend_hourly=True)),
        (b"exclude=", ForecastOptions()),
        (b"exclude=hourly,daily", ForecastOptions(exclude=frozenset({"hourly", "daily"}))),
        (b"exclude=hourly&exclude=daily", ForecastOptions(exclude=frozenset({"hourly", "daily"}))),
        (b"exclude=hourly%2C+daily", ForecastOptions(exclude=frozenset({"hourly", "daily"}))),
        (b"exclude=minutely,alerts,hrrr", ForecastOptions(exclude=frozenset({"minutely", "alerts", "hrrr"}))),
        (b"exclude=zeta", ForecastOptions(exclude=frozenset({"zeta"}))),
        (b"lang=de&version=2&icon=pirate&include=aimodels&blocks=x&callback=f&&=&a", ForecastOptions()),
    ],
)
def test_options_of_the_contract(query: bytes, options: ForecastOptions) -> None:
    assert parse_options(query, ["zeta"]) == options


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (b"units=metric", "'metric' is none of us, si, ca, uk2, uk"),
        (b"units=", "'' is none of"),
        (b"units=SI", "'SI' is none of"),
        (b"units=si&units=us", "given twice"),
        (b"extend=daily", "'daily' is not 'hourly'"),
        (b"extend=", "is not 'hourly'"),
        (b"exclude=hours", "'hours'.*currently, minutely, hourly.*gfs"),
        (b"exclude=hourly,,daily", "exclude holds ''"),
        (b"exclude=hourly;daily", "'hourly;daily'"),
        (b"exclude=aigf", "'aigf'"),
        (b"exclude=%ff%00", "exclude holds"),
        (b"units=\xff\xfe", "is none of"),
    ],
)
def test_what_is_no_option_is_told(query: bytes, told: str) -> None:
    with pytest.raises(BadRequest, match=told) as error:
        parse_options(query)
    assert str(error.value).isascii()


@given(st.binary(max_size=60) | st.from_regex(rb"(units|exclude|extend)=[a-z0-9,%&=]{0,30}", fullmatch=True))
def test_any_query_is_options_or_a_bad_request(query: bytes) -> None:
    try:
        options = parse_options(query)
    except BadRequest:
        return
    assert options.units in System
