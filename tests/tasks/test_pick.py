from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.pick import best
from tasks.wanted import Bucket, Level, Parameter, Wanted

AMOUNT = Wanted("precipitation_amount_surface", (Parameter(0, 1, 8),), Level(1))


@pytest.mark.parametrize(
    ("bucket", "picked"), [(Bucket.INTERVAL, (6, 7)), (Bucket.NONE, (6, 7)), (Bucket.SINCE_START, (0, 7))]
)
def test_buckets_or_totals_as_the_model_gives_them(bucket: Bucket, picked: tuple[int, int]) -> None:
    for items in ([(0, 7), (6, 7)], [(6, 7), (0, 7)]):
        assert best(replace(AMOUNT, bucket=bucket), items, lambda item: item) == picked


@given(st.lists(st.integers(0, 9), min_size=1), st.sampled_from(Bucket))
def test_of_equals_the_first_is_picked(starts: list[int], bucket: Bucket) -> None:
    items = [SimpleNamespace(interval=(start, 10), place=place) for place, start in enumerate(starts)]
    found = best(replace(AMOUNT, bucket=bucket), items, lambda item: item.interval)
    assert found.place == starts.index(found.interval[0])
