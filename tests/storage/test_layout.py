"""Steps and offsets: nothing wraps, nothing is off by more than half a step, header rows are exact."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    pack_rows,
    shard_grid,
    step_for,
)
from storage.variables import CATALOGUE, variable


def packed(values: list[float], scale: float, offset: float = 0.0) -> tuple[list[int], int]:
    """(steps, number of values that did not fit) of one row of values at one time."""
    columns = -(-len(values) // SHARD)
    strips = np.zeros((1, columns, BLOCKS, 1, 1, BLOCK, BLOCK), np.int16)
    overflows = pack_rows(np.array([[values]], np.float32), scale, offset, strips, 0)
    return strips[0, :, :, 0, 0, 0].reshape(-1)[: len(values)].tolist(), overflows


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


@settings(deadline=None)
@given(rows=st.integers(1, SHARD), nx=st.integers(1, 25), times=st.integers(1, 4), seed=st.integers(0, 999))
def test_packed_rows_are_quantised_blocks(rows: int, nx: int, times: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.uniform(-320, 320, (times, rows, nx)).astype(np.float32)
    values[random.random(values.shape) < 0.2] = np.nan
    columns = -(-nx // SHARD)
    strips = np.zeros((-(-rows // BLOCK), columns, BLOCKS, 6, times, BLOCK, BLOCK), np.int16)
    assert pack_rows(values, 0.01, 0.0, strips, 5) == 0
    assert not strips[:, :, :, :5].any()
    # [block row, y, time, column...] and back to a map with its margins.
    maps = strips[:, :, :, 5].transpose(3, 0, 4, 1, 2, 5).reshape(times, -1, columns * SHARD)
    np.testing.assert_array_equal(
        maps[:, :rows, :nx], np.where(np.isnan(values), FILL, np.rint(values.astype(np.float64) * 100.0))
    )
    assert (maps[:, rows:] == FILL).all()
    assert (maps[:, :, nx:] == FILL).all()


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
