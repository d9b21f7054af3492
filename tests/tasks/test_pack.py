"""int16 steps: exact where a message packs in at most 65,536 levels, near otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from storage.grids import LatLonGrid, Window
from tasks.orient import Orientation, Scan
from tasks.pack import MISSING, Field, Packed, pack, unpack


def there_and_back(values: NDArray[np.float64], step: float) -> tuple[NDArray[np.float32], Packed]:
    ny, nx = values.shape
    grid = LatLonGrid(0.0, 1.0, ny, 0.0, 1.0, nx)
    steps, packed = pack(Field(values.ravel(), Orientation(grid, Scan(ny, nx)), step), Window(0, ny, 0, nx))
    back = np.empty((1, ny, nx), np.float32)
    unpack(
        steps.ravel(),
        np.array([0]),
        np.array([packed.scale]),
        np.array([packed.offset]),
        np.array([packed.gaps]),
        back,
        np.array([0]),
    )
    return back[0], packed


@settings(deadline=None)
@given(
    levels=arrays(np.int64, (3, 4), elements=st.integers(0, 65_535)),
    binary=st.integers(-20, 10),
    decimal=st.integers(-3, 6),
    reference=st.floats(-1e6, 1e6, width=32),
)
def test_sixteen_bits_come_back_exactly(levels: NDArray[np.int64], binary: int, decimal: int, reference: float) -> None:
    # Regulation 92.9.4, as a decoder computes it.
    values = (reference + levels * 2.0**binary) / 10.0**decimal
    step = 2.0**binary * 10.0**-decimal
    back, packed = there_and_back(values, step)
    np.testing.assert_allclose(back, values, rtol=1e-7, atol=step * 1e-6)
    assert not packed.gaps


@settings(deadline=None)
@given(
    values=arrays(np.float64, (3, 4), elements=st.floats(-1e8, 1e8, width=32)),
    gaps=arrays(np.bool_, (3, 4)),
    step=st.sampled_from([0.0, 1e-6, 0.5]),
)
def test_whatever_else_comes_back_within_its_step_and_gaps_stay_gaps(
    values: NDArray[np.float64], gaps: NDArray[np.bool_], step: float
) -> None:
    back, packed = there_and_back(np.where(gaps, MISSING, values), step)
    assert (np.isnan(back) == gaps).all()
    assert packed.gaps == gaps.any()
    if not gaps.all():
        bound = packed.step / 2 + 1e-7 * np.abs(values).max() + 1e-37
        assert np.abs(back - values)[~gaps].max() <= bound
        assert packed.step <= max(step, np.ptp(values[~gaps]) / 65_000, 1e-300) or np.ptp(values[~gaps]) == 0


def test_all_65536_levels_fit_where_nothing_is_missing() -> None:
    values = np.arange(65_536.0).reshape(256, 256)
    assert (there_and_back(values, 1.0)[0] == values).all()


def test_with_a_gap_65536_levels_are_one_too_many_and_the_step_says_so() -> None:
    values = np.arange(65_536.0).reshape(256, 256)
    values[7, 7] = MISSING
    back, packed = there_and_back(values, 1.0)
    assert packed.step > 1.0
    assert np.isnan(back[7, 7])
    assert np.nanmax(np.abs(back - values)[values != MISSING]) <= packed.step / 2


def test_values_that_are_no_multiples_of_the_step_they_claim_are_not_forced_to_be() -> None:
    values = np.array([[0.0, 0.5], [1.0, 3.25]])
    back, _ = there_and_back(values, 1.0)
    np.testing.assert_allclose(back, values, atol=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 9.999e20, -9.999e20, 1e30])
def test_what_is_no_number_is_missing(bad: float) -> None:
    back, _ = there_and_back(np.array([[1.0, bad]]), 1.0)
    assert back[0, 0] == 1.0
    assert np.isnan(back[0, 1])


def test_a_field_of_gaps_only() -> None:
    back, packed = there_and_back(np.full((2, 2), MISSING), 0.1)
    assert np.isnan(back).all()
    assert packed.gaps
