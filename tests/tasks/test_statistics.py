"""Statistics gathered strip by strip, against NumPy's of the whole fields."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.course import Course
from tasks.derive import Anomalies
from tasks.intervals import Interval
from tasks.parts import Part
from tasks.statistics import Measured, Tally
from tasks.wanted import Level, Wanted
from tasks.works import Made, works_of

WARM = Wanted("air_temperature_2m", (), Level(103, 2))


def part(leads: list[int], axis: list[int]) -> Part:
    """A variable with messages at `leads` of a run that has the leads of `axis`, in minutes."""
    course = Course(WARM, tuple(axis), tuple(Interval(lead, lead) for lead in leads), (0.1,) * len(leads))
    return Part(course, tuple(SimpleNamespace() for _ in leads), range(len(leads)))  # type: ignore[misc]


def measure(fields: NDArray[np.float32], leads: list[int], axis: list[int]) -> Measured:
    """Of fields [lead of the axis, y, x], given two rows at a time by several threads."""
    (work,) = works_of([part(leads, axis)])
    (output,) = work.outputs
    tally = Tally([output], fields[0].size)
    none = np.zeros(len(leads), np.int64)
    with ThreadPoolExecutor(2) as pool:
        strips = [np.ascontiguousarray(fields[:, y : y + 2]) for y in range(0, fields.shape[1], 2)]
        list(pool.map(lambda strip: tally.add(Made(output, strip, Anomalies(none, none))), strips))
    (measured,) = tally.measured()
    return measured


def mean(values: NDArray[np.float64]) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else np.nan


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 5), st.sampled_from([1, 7, 127, 128, 129, 300])),
    holes=st.sampled_from([0.0, 0.3, 0.99, 1.0]),
    absent=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_every_number_is_that_of_the_whole_field(
    shape: tuple[int, int, int], holes: float, absent: int, seed: int
) -> None:
    """`absent` leads of the axis have no message."""
    random = np.random.default_rng(seed)
    fields = random.normal(280, 20, shape).astype(np.float32)
    fields[random.random(shape) < holes] = np.nan
    axis = [60 * lead for lead in range(len(fields))]
    leads = axis[absent:]
    fields[:absent] = np.nan
    if not leads:
        return
    found, kept = measure(fields, leads, axis), fields[absent:].astype(np.float64)
    assert found.leads.tolist() == leads
    assert found.cells == fields[0].size
    close = dict(rtol=2e-6, atol=1e-5)
    np.testing.assert_allclose(found.missing, np.isnan(kept).mean(axis=(1, 2)), **close)
    np.testing.assert_allclose(found.mean, [mean(field) for field in kept], **close)
    alone = [field[~np.isnan(field)] for field in kept]
    np.testing.assert_array_equal(found.low, [field.min(initial=np.inf) if field.size else np.nan for field in alone])
    np.testing.assert_array_equal(found.high, [field.max(initial=-np.inf) if field.size else np.nan for field in alone])
    change = [np.nan, *(mean(np.abs(kept[n] - kept[n - 1])) for n in range(1, len(kept)))]
    np.testing.assert_allclose(found.change, change, rtol=2e-5, atol=1e-5)
    across = [np.nan, *(mean(np.abs(kept[n + 1] - kept[n - 1])) for n in range(1, len(kept) - 1)), np.nan]
    np.testing.assert_allclose(found.across, across[: len(kept)], rtol=2e-5, atol=1e-5)


def test_a_repeated_field_has_changed_by_exactly_nothing() -> None:
    field = np.random.default_rng(1).normal(100_000, 900, (4, 333)).astype(np.float32)
    found = measure(np.stack([field, field, field + 1]), [0, 60, 120], [0, 60, 120])
    assert found.change[1] == 0.0
    assert found.change[2] == pytest.approx(1.0, rel=1e-3)
