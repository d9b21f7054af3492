"""Steps and offsets: nothing wraps, nothing is off by more than half a step, header rows are exact."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from storage.errors import QuantisationOverflow
from storage.grids import LatLonGrid
from storage.layout import (
    BLOCK,
    BLOCKS,
    FILL,
    HEADER,
    SHARD,
    dequantise,
    header_rows,
    pack_strip,
    shard_grid,
    step_for,
)
from storage.variables import CATALOGUE, variable


def pack(values: NDArray[np.float32], scale: float, offset: float) -> tuple[NDArray[np.int16], int]:
    """values [time, rows, nx] -> (steps [time, BLOCK, columns with their margin], number that did not fit)."""
    times, _, nx = values.shape
    columns = -(-nx // SHARD)
    chunks = np.zeros((columns, BLOCKS, 3, times), np.uint64)
    overflows = pack_strip(values, scale, offset, chunks, 1)
    assert not chunks[:, :, ::2].any(), "wrote over another variable"
    steps = chunks[:, :, 1].view(np.int16).reshape(columns, BLOCKS, times, BLOCK, BLOCK)
    return steps.transpose(2, 3, 0, 1, 4).reshape(times, BLOCK, columns * SHARD), overflows


def packed(values: list[float], scale: float, offset: float = 0.0) -> tuple[list[int], int]:
    """(steps, number of values that did not fit) of one row of values at one time."""
    steps, overflows = pack(np.array([[values]], np.float32), scale, offset)
    return steps[0, 0, : len(values)].tolist(), overflows


def expected(values: NDArray[np.float32], scale: float, offset: float) -> tuple[NDArray[np.int16], int]:
    """What `pack` must give, in plain numpy."""
    times, rows, nx = values.shape
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.rint((values.astype(np.float64) - offset) * (1.0 / scale))
        fits = np.abs(steps) <= 32767
    margins = np.full((times, BLOCK, -(-nx // SHARD) * SHARD), FILL, np.int16)
    margins[:, :rows, :nx] = np.where(fits, steps, FILL).astype(np.int16)
    return margins, int((~fits & ~np.isnan(values)).sum())


@given(
    name=st.sampled_from(sorted(CATALOGUE)),
    low=st.floats(-1e9, 1e9, width=32),
    span=st.floats(0, 1e9, width=32),
)
def test_a_planned_step_holds_its_range(name: str, low: float, span: float) -> None:
    high = low + span
    row = variable(name)
    scale, offset, widened = step_for(row, low, high)
    assert widened == (scale != row.precision)
    assert scale >= row.precision
    values = np.linspace(low, high, 101)
    steps = np.rint((values - offset) / scale)
    assert (abs(steps) <= 32767).all()
    np.testing.assert_allclose(steps * scale + offset, values, rtol=1e-12, atol=scale * 0.500001)


def test_the_catalogues_step_is_taken_where_it_fits() -> None:
    assert step_for(variable("air_temperature_2m"), 220.0, 320.0) == (0.01, 270.0, False)
    rain = variable("precipitation_amount_surface")
    assert step_for(rain, 0.0, 65.0)[::2] == (0.001, False)
    assert step_for(rain, 0.0, 66.0)[::2] == (0.002, True)
    assert step_for(rain, 0.0, 200.0)[::2] == (0.005, True)
    assert step_for(rain, 0.0, 655.0)[::2] == (0.01, True)


def test_no_value_at_all_needs_no_offset() -> None:
    assert step_for(variable("air_temperature_2m"), np.nan, np.nan) == (0.01, 0.0, False)


@pytest.mark.parametrize(("low", "high"), [(0, np.inf), (-np.inf, 0), (2, 1)])
def test_an_impossible_range_is_refused(low: float, high: float) -> None:
    with pytest.raises(QuantisationOverflow, match="air_temperature_2m"):
        step_for(variable("air_temperature_2m"), low, high)


def test_missing_stays_missing_and_overflow_never_wraps() -> None:
    assert packed([np.nan, 32767.0, -32767.0], 1.0) == ([FILL, 32767, -32767], 0)
    assert np.isnan(dequantise(np.array([FILL], np.int16), 0.01, 0.0)[0])
    for value in (32768.0, -32768.0, 1e30, np.inf):
        assert packed([0.0, value], 1.0) == ([0, FILL], 1)


@settings(deadline=None, max_examples=200)
@given(
    rows=st.integers(1, BLOCK),
    nx=st.sampled_from([1, 2, 9, 10, 11, 19, 33, 64, 129]),
    times=st.sampled_from([1, 2, 63, 64, 65, 127, 129, 209, 385]),
    scale=st.sampled_from([0.001, 0.01, 0.1, 0.25, 1.0, 20.0, 3e-9, 1e30]),
    offset=st.sampled_from([0.0, -0.0, 273.15, -101_325.0, 0.5, 1e6]),
    spread=st.sampled_from([1e-40, 1.0, 3e4, 1e9]),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_packed_strip_is_what_numpy_makes_of_it(
    rows: int, nx: int, times: int, scale: float, offset: float, spread: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    # Ties between steps, the ends of int16 with the step beyond, and what is no number.
    steps = [0.5, -0.5, 1.5, 2.5, 32766.5, 32767.0, 32767.49, 32767.5, 32768.0, -32767.5, -32768.0, -32769.0]
    awkward = [offset + scale * step for step in steps]
    awkward += [np.nan, np.inf, -np.inf, -0.0, 1e-45, -1e-40, 3.4028235e38, -3.4028235e38]
    with np.errstate(over="ignore"):
        values = (random.standard_normal((times, rows, nx)) * spread * scale + offset).astype(np.float32)
    odd = random.random(values.shape) < 0.3
    values[odd] = random.choice(np.array(awkward, np.float32), int(odd.sum()))
    found, overflows = pack(values, scale, offset)
    told, count = expected(values, scale, offset)
    np.testing.assert_array_equal(found, told)
    assert overflows == count


@pytest.mark.parametrize("nx", [1, 1440, 1799])
def test_whole_rows_of_every_float_are_what_numpy_makes_of_them(nx: int) -> None:
    """Bit patterns at random: most are tiny, huge or no numbers at all."""
    values = np.random.default_rng(nx).integers(0, 2**32, (66, 2, nx), dtype=np.uint32).view(np.float32)
    found, overflows = pack(values, 0.01, 270.0)
    told, count = expected(values, 0.01, 270.0)
    np.testing.assert_array_equal(found, told)
    assert overflows == count


def test_packing_counts_what_does_not_fit() -> None:
    assert packed([1.0, 400.0, np.nan, np.inf, -np.inf], 0.01) == ([100, FILL, FILL, FILL, FILL], 3)


@pytest.mark.parametrize("run", [datetime(1960, 2, 29, 18, tzinfo=UTC), datetime(2026, 4, 20, 6, 45, tzinfo=UTC)])
def test_header_rows_tell_run_and_lead_exactly(make_schema: Any, run: datetime) -> None:
    leads = (0, 15, 1439, 1440, 384 * 60, 46 * 1440 + 1)
    schema = replace(make_schema(leads=leads), init_time=run)
    rows = header_rows(schema)
    assert rows.dtype == np.int16
    assert rows.shape == (len(HEADER), len(leads))
    for days, minutes, lead_days, lead_minutes, lead in zip(*rows.tolist(), leads, strict=True):
        assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days, minutes=minutes) == run
        assert timedelta(days=lead_days, minutes=lead_minutes) == timedelta(minutes=lead)


def test_a_global_run_has_ten_thousand_shards(make_schema: Any) -> None:
    assert shard_grid(make_schema(LatLonGrid(90.0, -0.25, 721, 0.0, 0.25, 1440))) == (73, 144)
    assert shard_grid(make_schema(LatLonGrid(0.0, 1.0, 1, 0.0, 1.0, 11))) == (1, 2)
