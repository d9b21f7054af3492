"""Bands and threads."""

from __future__ import annotations

from threading import Event, current_thread, main_thread

import pytest

from tasks.bands import in_threads, strips_of, workers


def test_strips_fill_the_rows() -> None:
    assert list(strips_of(range(10, 15))) == [range(10, 12), range(12, 14), range(14, 15)]


def test_results_come_in_the_order_of_the_items_whoever_is_first() -> None:
    last_is_done = Event()

    def work(item: int) -> int:
        assert current_thread() is not main_thread()
        if item == 0 and workers() > 1:
            assert last_is_done.wait(60)
        if item == 1:
            last_is_done.set()
        return item * item

    assert in_threads(work, range(2)) == [0, 1]


def test_an_error_is_raised_and_ends_the_work() -> None:
    begun: list[int] = []

    def work(item: int) -> None:
        begun.append(item)
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item 0"):
        in_threads(work, range(100_000))
    assert len(begun) < 100_000
