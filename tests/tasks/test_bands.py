"""Bands at work in threads."""

from __future__ import annotations

from threading import current_thread, main_thread

import pytest

from tasks.bands import WORKERS, in_threads


def test_bands_come_in_order_and_fill_the_grid() -> None:
    assert list(in_threads(lambda rows: rows, 23)) == [range(0, 10), range(10, 20), range(20, 23)]


def test_only_a_few_bands_are_begun_ahead_of_their_reader() -> None:
    begun: list[int] = []

    def work(rows: range) -> int:
        assert current_thread() is not main_thread()
        begun.append(rows.start)
        return rows.start

    bands = in_threads(work, 1000)
    assert next(bands) == 0
    assert len(begun) <= WORKERS + 1
    assert list(bands) == list(range(10, 1000, 10))


def test_an_error_in_a_band_is_raised_and_ends_the_work() -> None:
    begun: list[int] = []

    def work(rows: range) -> None:
        begun.append(rows.start)
        raise ValueError(f"row {rows.start}")

    with pytest.raises(ValueError, match="row 0"):
        list(in_threads(work, 10_000))
    assert len(begun) <= WORKERS + 1
