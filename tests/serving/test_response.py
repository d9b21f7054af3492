"""Our bytes against orjson and Python's own rounding."""

from __future__ import annotations

import json
import math

import numpy as np
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from serving.derived import KIND_WORDS
from serving.fields import TEXT, Field
from serving.icons import ICON_WORDS
from serving.options import Missing
from serving.response import LIMIT, make_layout, write_points
from serving.units import Dimension, System


def write(
    fields: list[Field],
    rows: list[list[float]],
    system: System = System.SI,
    version: int = 2,
    missing: Missing = Missing.ABSENT,
) -> bytes:
    matrix = np.array(rows, dtype=np.float64)
    layout = make_layout(fields, range(len(fields)), system, version, missing)
    return bytes(write_points(layout, matrix, np.arange(matrix.shape[1])))


def expected(value: float, decimals: int) -> bytes:
    return orjson.dumps(round(value, decimals) + 0.0 if decimals else round(value))


@settings(deadline=None)
@given(st.floats(-1e9, 1e9), st.sampled_from([0, 1, 2, 4]))
@example(2.675, 2)
@example(0.125, 2)
@example(-0.125, 2)
@example(0.375, 2)
@example(1.005, 2)
@example(-0.001, 2)
@example(0.5, 0)
@example(1.5, 0)
@example(2.5, 0)
@example(9.999, 2)
@example(99999.99995, 4)
@example(0.00005, 4)
@example(0.00015, 4)
@example(1234567890.12345, 4)
@example(5e-324, 4)
def test_numbers_equal_orjson_of_rounded_floats(value: float, decimals: int) -> None:
    assert write([Field("x", "time", decimals=decimals)], [[value]]) == b'{"x":' + expected(value, decimals) + b"}"


@settings(deadline=None)
@given(st.integers(-(10**8), 10**8), st.sampled_from([1, 2, 4]))
def test_halves_round_as_python_rounds_them(count: int, decimals: int) -> None:
    value = (count + 0.5) / 10**decimals
    assert write([Field("x", "time", decimals=decimals)], [[value]]) == b'{"x":' + expected(value, decimals) + b"}"


@settings(deadline=None)
@given(st.integers(0, 2**33))
def test_times_are_integers(seconds: int) -> None:
    assert write([Field("time", "time", decimals=0)], [[seconds]]) == orjson.dumps({"time": seconds})


def test_what_is_missing_is_absent_wherever_it_stands() -> None:
    fields = [Field(name, "time") for name in "abc"]
    rows = [[math.nan, 1.0, 1.0, math.nan], [2.0, math.nan, 2.0, math.nan], [3.0, 3.0, math.inf, math.nan]]
    text = b"[" + write(fields, rows) + b"]"
    assert json.loads(text) == [{"b": 2.0, "c": 3.0}, {"a": 1.0, "c": 3.0}, {"a": 1.0, "b": 2.0}, {}]
    assert text == orjson.dumps(json.loads(text))


def test_a_number_beyond_all_measure_is_absent() -> None:
    assert write([Field("x", "time")], [[LIMIT]]) == b"{}"
    assert write([Field("x", "time")], [[-LIMIT * 0.999]]) == b'{"x":-99900000000.0}'


def test_words() -> None:
    field = Field("precipType", "kind", decimals=TEXT)
    text = b"[" + write([field], [[*range(len(KIND_WORDS)), math.nan]]) + b"]"
    assert json.loads(text) == [*({"precipType": word} for word in KIND_WORDS), {}]


def test_words_of_version_1_are_those_it_knows() -> None:
    field = Field("precipType", "kind", decimals=TEXT)
    text = b"[" + write([field], [[*range(1, len(KIND_WORDS))]], version=1) + b"]"
    assert [point["precipType"] for point in json.loads(text)] == ["rain", "snow", "sleet", "sleet", "sleet"]


def test_icons() -> None:
    text = b"[" + write([Field("icon", "icon", decimals=TEXT)], [[*range(len(ICON_WORDS)), math.nan]]) + b"]"
    assert json.loads(text) == [*({"icon": word} for word in ICON_WORDS), {}]
    assert text == orjson.dumps(json.loads(text))


@pytest.mark.parametrize(("missing", "number", "word"), [(Missing.NULL, None, None), (Missing.NUMBER, -999, "none")])
def test_missing_is_told_to_who_asks_for_it(missing: Missing, number: int | None, word: str | None) -> None:
    fields = [Field("time", "time", decimals=0), Field("t", "temperature"), Field("precipType", "kind", decimals=TEXT)]
    rows = [[1.0, math.nan], [math.nan, 2.5], [math.nan, 1.0]]
    text = b"[" + write(fields, rows, missing=missing) + b"]"
    assert json.loads(text) == [
        {"time": 1, "t": number, "precipType": word},
        {"time": number, "t": 2.5, "precipType": "rain"},
    ]
    assert text == orjson.dumps(json.loads(text))


def test_points_are_those_that_are_asked_for() -> None:
    layout = make_layout([Field("x", "time", decimals=0)], [0], System.SI)
    assert write_points(layout, np.arange(9.0)[np.newaxis], np.array([2, 3, 7])) == b'{"x":2},{"x":3},{"x":7}'
    assert write_points(layout, np.arange(9.0)[np.newaxis], np.array([], dtype=np.int64)) == b""


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-1e10, 1e10) | st.just(math.nan), min_size=5, max_size=5), min_size=1, max_size=30))
def test_whole_blocks_equal_orjson(points: list[list[float]]) -> None:
    fields = [
        Field("time", "time", decimals=0),
        Field("temperature", "time"),
        Field("aVeryLongNameOfAField", "time", decimals=4),
        Field("windBearing", "time", decimals=0),
        Field("x", "time", decimals=1),
    ]
    rows = [list(column) for column in zip(*points, strict=True)]
    truth = [
        {
            field.name: round(value, field.decimals) + 0.0 if field.decimals else round(value)
            for field, value in zip(fields, point, strict=True)
            if not math.isnan(value)
        }
        for point in points
    ]
    assert b"[" + write(fields, rows) + b"]" == orjson.dumps(truth)


def test_units_are_applied_before_rounding() -> None:
    fields = [Field("t", "temperature", Dimension.TEMPERATURE), Field("v", "wind_speed", Dimension.SPEED)]
    assert json.loads(write(fields, [[300.0], [10.0]], System.US)) == {"t": 80.33, "v": 22.37}
    assert json.loads(write(fields, [[300.0], [10.0]], System.CA)) == {"t": 26.85, "v": 36.0}


def test_a_key_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than"):
        make_layout([Field("x" * 40, "time")], [0], System.SI)
