"""Statistics of local days against plain NumPy over the hours that zoneinfo puts into them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray

from serving.daily import DayHours, day_hours, summarise
from serving.day_fields import DAILY
from serving.derived import ICE, KIND_WORDS, RAIN, SLEET, SNOW
from serving.fields import COLUMN, COLUMNS
from serving.statistics import kind_of_span, make_table

ROW = {field.name: row for row, field in enumerate(DAILY)}
DST_DAYS = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Asia/Kathmandu", date(2026, 6, 1)),
]


def weather(hours: DayHours) -> NDArray[np.float64]:
    """[column, hour] random numbers, each column other ones."""
    columns = np.random.default_rng(3).uniform(1, 100, (len(COLUMNS), len(hours.starts)))
    columns[COLUMN["time"]] = hours.starts
    return columns


@pytest.mark.parametrize(("zone", "first"), DST_DAYS)
def test_statistics_use_exactly_the_hours_of_the_local_day(zone: str, first: date) -> None:
    hours = day_hours(zone, first)
    columns = weather(hours)
    told = summarise(columns, hours, 50.0, 10.0)
    local = [datetime.fromtimestamp(int(start), ZoneInfo(zone)) for start in hours.starts]
    for day in range(8):
        today = first + timedelta(days=day)
        clock = [(m.date(), m.hour * 60 + m.minute) for m in local]
        all_day = np.array([d == today for d, _ in clock])
        daytime = np.array([d == today and 360 < t <= 1080 for d, t in clock])
        night = np.array([(d == today and t > 1080) or (d == today + timedelta(days=1) and t <= 360) for d, t in clock])
        temperature = columns[COLUMN["temperature"]]
        for name, hours_of, pick in (
            ("temperatureMin", all_day, np.argmin),
            ("temperatureMax", all_day, np.argmax),
            ("temperatureHigh", daytime, np.argmax),
            ("temperatureLow", night, np.argmin),
        ):
            best = pick(temperature[hours_of])
            assert told[ROW[name], day] == temperature[hours_of][best], (name, day)
            assert told[ROW[f"{name}Time"], day] == hours.starts[hours_of][best]
        mean = np.average(columns[COLUMN["humidity"]][all_day], weights=(hours.ends - hours.starts)[all_day])
        assert told[ROW["humidity"], day] == pytest.approx(mean)
        assert told[ROW["liquidAccumulation"], day] == pytest.approx(columns[COLUMN["liquid_amount"]][all_day].sum())
        gust = columns[COLUMN["wind_gust"]][all_day]
        assert told[ROW["windGust"], day] == gust.max()
        assert told[ROW["windGustTime"], day] == hours.starts[all_day][gust.argmax()]
        midnight = datetime(today.year, today.month, today.day, tzinfo=ZoneInfo(zone))
        assert told[ROW["time"], day] == midnight.timestamp()


def test_missing_hours_leave_the_others_where_three_of_four_are_known() -> None:
    hours = day_hours("Europe/Berlin", date(2026, 11, 24))
    columns = weather(hours)
    row = columns[COLUMN["temperature"]]
    row[:6] = np.nan
    row[24:72] = np.nan
    told = summarise(columns, hours, 52.5, 13.4)
    assert told[ROW["temperatureMax"], 0] == row[6:24].max()
    assert told[ROW["temperatureMaxTime"], 0] == hours.starts[6 + row[6:24].argmax()]
    row[6] = np.nan
    fewer = summarise(columns, hours, 52.5, 13.4)
    assert np.isnan(fewer[ROW["temperatureMax"], 0])
    assert np.isnan(fewer[ROW["temperatureMaxTime"], 0])
    assert fewer[ROW["temperatureHigh"], 0] == row[7:19].max(), "its hours are all there"
    for name in ("temperatureMax", "temperatureMaxTime", "temperatureMin", "temperatureMinTime", "temperatureHigh"):
        assert math.isnan(told[ROW[name], 1])
    assert not math.isnan(told[ROW["humidity"], 1])
    columns[:] = np.nan
    told = summarise(columns, hours, 52.5, 13.4)
    known = {"time", "dawnTime", "sunriseTime", "sunsetTime", "duskTime", "moonPhase"}
    known |= {"moonriseTime", "moonsetTime"}
    assert {name for name, row in ROW.items() if not np.isnan(told[row]).all()} == known


def test_a_sum_needs_every_hour() -> None:
    hours = day_hours("Europe/Berlin", date(2026, 11, 24))
    columns = weather(hours)
    columns[COLUMN["total_amount"], 30] = np.nan
    told = summarise(columns, hours, 52.5, 13.4)
    sums = told[ROW["precipAccumulation"]]
    assert sums[0] == pytest.approx(columns[COLUMN["total_amount"], :24].sum())
    assert np.isnan(sums).tolist() == [False, True, *[False] * 6]
    assert not np.isnan(told[ROW["liquidAccumulation"]]).any()


def test_the_wind_of_a_day_is_a_mean_vector() -> None:
    hours = day_hours("Etc/GMT", date(2026, 11, 24))
    columns = weather(hours)
    angles = np.radians(np.where(np.arange(len(hours.starts)) % 2, 350.0, 20.0))
    columns[COLUMN["eastward_wind"]] = -5 * np.sin(angles)
    columns[COLUMN["northward_wind"]] = -5 * np.cos(angles)
    assert summarise(columns, hours, 0.0, 0.0)[ROW["windBearing"], 0] == pytest.approx(5.0)
    columns[COLUMN["northward_wind"]] = columns[COLUMN["eastward_wind"]] = 0.0
    assert math.isnan(summarise(columns, hours, 0.0, 0.0)[ROW["windBearing"], 0])


@pytest.mark.parametrize(
    ("rain", "snow", "ice", "word"),
    [
        (13.6, 3.6, 0, "rain"),
        (3, 6, 0, "snow"),
        (6, 6, 0, "rain"),
        (1, 1, 1, "mixed"),
        (1, 1, 0, "rain"),
        (1, 0, 2, "ice"),
        (30, 0, 12, "ice"),
        (0, 0, 0.1, "ice"),
    ],
)
def test_kind_of_a_day(rain: float, snow: float, ice: float, word: str) -> None:
    columns = np.zeros((len(COLUMNS), 3))
    columns[COLUMN["liquid_amount"], 0], columns[COLUMN["snow_amount"], 1] = rain, snow
    columns[COLUMN["ice_amount"], 2] = ice
    columns[COLUMN["kind"]] = RAIN, SNOW, ICE
    assert KIND_WORDS[int(kind_of_span(columns, 0, 3))] == word
    columns[COLUMN["kind"], 2] = SLEET
    assert KIND_WORDS[int(kind_of_span(columns, 0, 3))] == word.replace("ice", "sleet")


def test_a_dry_day_has_no_kind() -> None:
    assert math.isnan(kind_of_span(np.zeros((len(COLUMNS), 3)), 0, 3))
    assert math.isnan(kind_of_span(np.full((len(COLUMNS), 3), np.nan), 0, 3))


def test_moon_of_the_day_is_that_of_its_middle() -> None:
    hours = day_hours("Etc/GMT", date(2026, 8, 12))
    told = summarise(weather(hours), hours, 0.0, 0.0)[ROW["moonPhase"]]
    assert min(told[0], 1 - told[0]) < 0.02, "new moon, an eclipse of the sun"
    assert np.all(np.diff(told[1:]) > 0.02)
    assert datetime.fromtimestamp(int(hours.midnights[0]), UTC) == datetime(2026, 8, 12, tzinfo=UTC)


def test_only_the_fields_that_are_wanted_are_made() -> None:
    hours = day_hours("Europe/Berlin", date(2026, 6, 1))
    columns = weather(hours)
    wanted = np.array([ROW["temperatureHigh"], ROW["temperatureHighTime"], ROW["precipType"]])
    whole, less = summarise(columns, hours, 52.5, 13.4), summarise(columns, hours, 52.5, 13.4, fields=wanted)
    np.testing.assert_array_equal(less[wanted], whole[wanted])
    assert np.isnan(less[[ROW["humidity"], ROW["windGustTime"], ROW["precipAccumulation"]]]).all()


def test_a_time_stands_behind_the_extreme_that_it_is_of() -> None:
    high, time = DAILY[ROW["temperatureHigh"]], DAILY[ROW["temperatureHighTime"]]
    assert len(make_table([high, time]).sources) == 2
    for wrong in ([time], [time, high], [DAILY[ROW["temperatureLow"]], time]):
        with pytest.raises(ValueError, match="temperatureHighTime does not stand behind"):
            make_table(wrong)
