"""What a query asks for: options of the contract, and words for those that are none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.ask import PLAIN, parse_options, parse_request
from serving.bad_request import BadRequest
from serving.options import ForecastOptions, Icons, Missing
from serving.parameters import PARAMETERS, TABLE
from serving.units import System

NOW = datetime(2026, 11, 24, 8, 42, 17, tzinfo=UTC)


def test_without_a_query_nothing_is_made() -> None:
    assert parse_request("52.52,13.41", b"", NOW).options is PLAIN


def some(*names: str) -> frozenset[str]:
    return frozenset(names)


@pytest.mark.parametrize(
    ("query", "options"),
    [
        (b"", ForecastOptions()),
        (b"units=si", ForecastOptions(System.SI)),
        (b"units=uk", ForecastOptions(System.UK2)),
        (b"units=uk2&units=uk2", ForecastOptions(System.UK2)),
        (b"extend=hourly", ForecastOptions(extend_hourly=True)),
        (b"exclude=", ForecastOptions()),
        (b"exclude=hourly,daily", ForecastOptions(exclude=some("hourly", "daily"))),
        (b"exclude=hourly&exclude=daily&exclude=", ForecastOptions(exclude=some("hourly", "daily"))),
        (b"exclude=hourly%2C+daily", ForecastOptions(exclude=some("hourly", "daily"))),
        # As Dark Sky's documentation writes a list.
        (b"exclude=[minutely,hourly]", ForecastOptions(exclude=some("minutely", "hourly"))),
        (b"exclude=[]", ForecastOptions()),
        (
            b"exclude=minutely,alerts,summary,hrrr",
            ForecastOptions(exclude=some("minutely", "alerts", "summary", "hrrr")),
        ),
        (b"exclude=aigfs", ForecastOptions(exclude=some("aigfs"))),
        (b"exclude=zeta", ForecastOptions(exclude=some("zeta"))),
        (b"solar=1&tz=precise&callback=f&&=&a", ForecastOptions()),
        (b"include=aimodels", ForecastOptions(include=some("aimodels"))),
        (
            b"include=day_night_forecast,aimodels&include=",
            ForecastOptions(include=some("day_night_forecast", "aimodels")),
        ),
        (b"include=airqualitydetails", ForecastOptions(include=some("airqualitydetails"))),
        (b"blocks=currently,day_night", ForecastOptions(blocks=some("currently", "day_night"))),
        (b"blocks=", ForecastOptions(blocks=some())),
        (b"version=1", ForecastOptions()),
        (b"version=2", ForecastOptions(version=2)),
        (b"version=1.9", ForecastOptions()),
        (b"version=3", ForecastOptions(version=2)),
        (b"version=-1", ForecastOptions()),
        (b"hourly_indices=0,1,1,47", ForecastOptions(hourly_indices=(0, 1, 1, 47))),
        (b"hourly_indices=", ForecastOptions(hourly_indices=())),
        (b"hourly_indices=167&extend=hourly", ForecastOptions(extend_hourly=True, hourly_indices=(167,))),
        (b"daily_indices=0,7&day_night_indices=15", ForecastOptions(daily_indices=(0, 7), day_night_indices=(15,))),
        (b"extraVars=stationPressure", ForecastOptions(extra=some("stationPressure"))),
        (b"icon=pirate&lang=x-pig-latin", ForecastOptions(icons=Icons.PIRATE, lang="x-pig-latin")),
        (b"icon=darksky&lang=zh-tw", ForecastOptions(lang="zh-tw")),
        (b"missing=null", ForecastOptions(missing=Missing.NULL)),
        (b"missing=-999", ForecastOptions(missing=Missing.NUMBER)),
        (b"provenance=true&cell=nearest", ForecastOptions(provenance=True, nearest=True)),
        (b"provenance=1", ForecastOptions(provenance=True)),
        (b"provenance=0", ForecastOptions()),
        (b"days=8&hours=192&tmextra=0", ForecastOptions(days=8, hours=192, tmextra=True)),
        (b"tmextra=", ForecastOptions()),
    ],
)
def test_options_of_the_contract(query: bytes, options: ForecastOptions) -> None:
    assert parse_options(query, ["zeta"]) == options


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (b"units=metric", "units 'metric' is none of us, si, ca, uk2, uk, auto"),
        (b"units=", "'' is none of"),
        (b"units=SI", "'SI' is none of"),
        (b"units=si&units=us", "given twice: 'si' and 'us'"),
        (b"extend=daily", "extend 'daily' is none of hourly"),
        (b"extend=", "'' is none of hourly"),
        (b"exclude=hours", "'hours'.*currently, minutely, hourly.*gfs"),
        (b"exclude=hourly,,daily", "exclude holds ''"),
        (b"exclude=hourly;daily", "'hourly;daily'"),
        (b"exclude=aigf", "'aigf'"),
        (b"exclude=zeta", "'zeta'"),
        (b"exclude=%ff%00", "exclude holds"),
        (b"units=\xff\xfe", "is none of"),
        (b"include=aimodel", "'aimodel'.*day_night_forecast, aimodels, airqualitydetails"),
        (b"blocks=summary", "blocks holds 'summary'; write some of currently, minutely"),
        (b"version=two", "version 'two' is not a number: write 1 or 2"),
        (b"version=", "'' is not a number"),
        (b"version=nan", "'nan' is not a number"),
        (b"hourly_indices=2,1", "hourly_indices holds 1 after 2; write ascending whole numbers"),
        (b"hourly_indices=-1", "holds '-1'"),
        (b"hourly_indices=1.5", "holds '1.5'"),
        (b"hourly_indices=1,", "holds ''"),
        (b"hourly_indices=%D9%A1", "holds"),
        (b"hourly_indices=48", "hourly_indices holds 48: hourly has 48 entries, 0 to 47"),
        (b"hourly_indices=168&extend=hourly", "hourly has 168 entries"),
        (b"hourly_indices=" + b"9" * 5000, "holds '9999"),
        (b"daily_indices=8", "daily has 8 entries, 0 to 7"),
        (b"day_night_indices=16", "day_night has 16 entries, 0 to 15"),
        (b"extraVars=pressure", "extraVars holds 'pressure'; write some of stationPressure"),
        (b"lang=klingon", "lang 'klingon' is none of ar, az, be"),
        (b"icon=emoji", "icon 'emoji' is none of darksky, pirate"),
        (b"missing=0", "missing '0' is none of absent, null, -999"),
        (b"provenance=yes", "provenance 'yes' is none of 1, 0, true, false"),
        (b"cell=mean", "cell 'mean' is none of nearest"),
        (b"days=0", "days '0' is not a whole number from 1 to 8"),
        (b"days=9", "from 1 to 8"),
        (b"days=abc", "from 1 to 8"),
        (b"hours=0", "hours '0' is not a whole number from 1 to 192"),
        (b"hours=193", "from 1 to 192"),
        (b"hours=1.0", "from 1 to 192"),
    ],
)
def test_what_is_no_option_is_told(query: bytes, told: str) -> None:
    with pytest.raises(BadRequest, match=told) as error:
        parse_options(query)
    assert str(error.value).isascii()
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(("query", "hours", "days"), [(b"", 24, 1), (b"days=3", 72, 3), (b"hours=30", 30, 1)])
def test_indices_of_the_past_are_of_its_days_and_hours(query: bytes, hours: int, days: int) -> None:
    options = parse_options(query, at=NOW)
    assert (options.entries("hourly"), options.entries("daily")) == (hours, days)
    assert parse_options(query + b"&hourly_indices=%d" % (hours - 1), at=NOW).hourly_indices == (hours - 1,)
    with pytest.raises(BadRequest, match=f"hourly has {hours} entries"):
        parse_options(query + b"&hourly_indices=%d" % hours, at=NOW)


def test_a_name_is_known_while_its_store_is_open() -> None:
    """What is remembered of a query does not outlive the stores."""
    for _ in range(2):
        assert parse_options(b"exclude=omega", {"omega"}).exclude == {"omega"}
        with pytest.raises(BadRequest, match="'omega'"):
            parse_options(b"exclude=omega", {"zeta"})


NAMES = "|".join(PARAMETERS)


@given(st.binary(max_size=60) | st.from_regex(rf"(({NAMES})=[-a-z0-9,%&.]{{0,20}}&?){{1,3}}".encode(), fullmatch=True))
def test_any_query_is_options_or_a_bad_request(query: bytes) -> None:
    try:
        options = parse_options(query)
    except BadRequest:
        return
    assert options.units in System
    for block in ("hourly", "daily", "day_night"):
        told: tuple[int, ...] = getattr(options, f"{block}_indices") or ()
        assert list(told) == sorted(told)
        assert all(0 <= position < options.entries(block) for position in told)


@given(st.permutations([f"{row.name}={row.example}" for row in TABLE]))
def test_the_order_of_parameters_says_nothing(parts: list[str]) -> None:
    assert parse_options("&".join(parts).encode()) == parse_options(
        "&".join(f"{row.name}={row.example}" for row in TABLE).encode()
    )
