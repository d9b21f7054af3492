"""What a client asks for, out of the address it wrote. Anything malformed is told with what would be right."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from serving.bad_request import BadRequest, shown
from serving.cities import UnknownCountry, country_of, find_city
from serving.moments import parse_moment
from serving.options import ForecastOptions
from serving.parameters import AUTO, PARAMETERS, Form, Parameter
from serving.places import Place, timezone_at, zone
from serving.units import system_of

LONGEST_LOCATION = 128
LONGEST_NUMBER = 20
LONGEST_REMEMBERED = 256
PLAIN = ForecastOptions()
"""What is asked for without a query."""

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_WRITE = "write latitude,longitude such as 52.52,13.41 or city,country such as Berlin,DE"
_LISTS = frozenset({Form.WORDS, Form.POSITIONS})


class Query(NamedTuple):
    """What a query says by itself. auto: the units are those of the country."""

    options: ForecastOptions
    auto: bool


class Request(NamedTuple):
    """What is asked for, and where."""

    place: Place
    options: ForecastOptions


def parse_request(
    location: str, query: bytes, now: datetime, sources: Collection[str] = (), *, past: bool = False
) -> Request:
    """The place, the moment and the options of an address; raises BadRequest, serving.cities.UnknownCity.

    sources: names of the stores that are open; they may be excluded too. past: whether there has to be a time.
    """
    place, time = parse_location(location)
    at = None if time is None else parse_moment(time, zone(place.timezone), now)
    if past and at is None:
        raise BadRequest(f"{shown(location)} has no time: write latitude,longitude,time such as 52.52,13.41,-24h")
    if not query and at is None:
        return Request(place, PLAIN)
    return Request(place, parse_options(query, sources, place, at))


def parse_location(text: str) -> tuple[Place, str | None]:
    """`lat,lon` in decimal degrees, -90..90 and -180..360, or `city,country`; behind it `,time`, told as it is written.

    Spaces around a part say nothing. Raises BadRequest, serving.cities.UnknownCity.
    """
    if len(text) > LONGEST_LOCATION:
        raise BadRequest(f"the location {shown(text)} is too long: {_WRITE}")
    parts = [part.strip(" ") for part in text.removesuffix("/").split(",")]
    if len(parts) not in (2, 3):
        raise BadRequest(f"{shown(text)} is not a location: {_WRITE}, and ,time for the past")
    time = parts[2] if len(parts) == 3 else None
    if _is_name(parts[0]) and _is_name(parts[1]):
        try:
            return find_city(parts[0], parts[1]), time
        except UnknownCountry as error:
            raise BadRequest(str(error)) from error
    lat = _degrees("latitude", parts[0], -90.0, 90.0)
    lon = _degrees("longitude", parts[1], -180.0, 360.0)
    wrapped = lon if lon <= 180.0 else lon - 360.0
    return Place(lat, wrapped, timezone_at(lat, wrapped), None if wrapped == lon else lon), time


def _is_name(text: str) -> bool:
    return any(map(str.isalpha, text)) and not _NUMBER.fullmatch(text)


def _degrees(what: str, text: str, low: float, high: float) -> float:
    if not _NUMBER.fullmatch(text):
        raise BadRequest(f"{shown(text)} is not a {what}: {_WRITE}")
    value = float(text)
    if not low <= value <= high:
        raise BadRequest(f"the {what} {shown(text)} is not within {low:g} to {high:g} degrees")
    # -0.0 becomes 0.0.
    return value + 0.0


def parse_options(
    query: bytes, sources: Collection[str] = (), place: Place | None = None, at: datetime | None = None
) -> ForecastOptions:
    """The options of a query string; parameters that are not in the table are ignored. Raises BadRequest.

    sources: names of the stores that are open; place, at: where and about when it is asked.
    """
    options, auto = _remembered(query) if len(query) <= LONGEST_REMEMBERED else _options(query)
    if options.exclude and (unknown := options.exclude.difference(PARAMETERS["exclude"].choices, sources)):
        raise _unknown_words(PARAMETERS["exclude"], unknown, sources)
    if auto or at is not None:
        units = system_of(country_of(place.timezone)) if auto and place else options.units
        options = replace(options, units=units, at=at)
    for block, positions in (
        ("hourly", options.hourly_indices),
        ("daily", options.daily_indices),
        ("day_night", options.day_night_indices),
    ):
        if positions and positions[-1] >= (entries := options.entries(block)):
            raise BadRequest(
                f"{block}_indices holds {positions[-1]}: {block} has {entries} entries, 0 to {entries - 1}"
            )
    return options


def _options(query: bytes) -> Query:
    """Raises BadRequest. Not checked are names of sources, and what depends on the moment."""
    written: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if (parameter := PARAMETERS.get(name)) is None:
            continue
        if (before := written.get(name)) is None:
            written[name] = value
        elif parameter.form in _LISTS:
            written[name] = f"{before},{value}" if before and value else before or value
        elif before != value:
            raise BadRequest(f"{name} is given twice: {shown(before)} and {shown(value)}")
    asked: dict[str, Any] = {}
    for name, value in written.items():
        parameter = PARAMETERS[name]
        asked[parameter.option] = _READERS[parameter.form](parameter, value)
    return Query(ForecastOptions(**asked), written.get("units") == AUTO)


_remembered = lru_cache(maxsize=1024)(_options)
"""Clients ask the same again and again."""


def _word(parameter: Parameter, value: str) -> Any:
    try:
        return parameter.choices[value]
    except KeyError:
        known = ", ".join(parameter.choices)
        raise BadRequest(f"{parameter.name} {shown(value)} is none of {known}") from None


def _words(parameter: Parameter, value: str) -> frozenset[str]:
    # Dark Sky's own documentation wrote lists in brackets, and clients still do.
    if value.startswith("[") and value.endswith("]"):
        value = value[1:-1]
    words = frozenset(word.strip(" ") for word in value.split(",")) if value else frozenset[str]()
    if parameter.name != "exclude" and (unknown := words.difference(parameter.choices)):
        raise _unknown_words(parameter, unknown)
    return words


def _unknown_words(parameter: Parameter, unknown: Collection[str], more: Collection[str] = ()) -> BadRequest:
    known = ", ".join((*parameter.choices, *sorted(set(more).difference(parameter.choices))))
    return BadRequest(f"{parameter.name} holds {shown(min(unknown))}; write some of {known}, separated by commas")


def _positions(parameter: Parameter, value: str) -> tuple[int, ...]:
    if not value:
        return ()
    texts = [text.strip(" ") for text in value.split(",")]
    for text in texts:
        if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
            raise BadRequest(
                f"{parameter.name} holds {shown(text)}; write {parameter.form}, such as {parameter.example}"
            )
    positions = tuple(map(int, texts))
    for position, following in pairwise(positions):
        if following < position:
            raise BadRequest(f"{parameter.name} holds {following} after {position}; write {parameter.form}")
    return positions


def _version(parameter: Parameter, value: str) -> int:
    if not _NUMBER.fullmatch(value):
        raise BadRequest(f"{parameter.name} {shown(value)} is not a number: write 1 or 2")
    return 2 if float(value) >= 2 else 1


def _count(parameter: Parameter, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= LONGEST_NUMBER and 1 <= int(value) <= parameter.most):
        raise BadRequest(f"{parameter.name} {shown(value)} is not a whole number from 1 to {parameter.most}")
    return int(value)


_READERS: dict[Form, Callable[[Parameter, str], Any]] = {
    Form.WORD: _word,
    Form.WORDS: _words,
    Form.POSITIONS: _positions,
    Form.NUMBER: _version,
    Form.COUNT: _count,
    Form.TEXT: lambda _, value: bool(value),
}
