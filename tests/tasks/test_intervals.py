"""Which amounts follow from which messages."""

from __future__ import annotations

from tasks.intervals import Interval, shares


def hours(*pairs: tuple[int, int]) -> tuple[Interval, ...]:
    return tuple(Interval(60 * start, 60 * end) for start, end in pairs)


def test_intervals_of_the_gfs_that_lacks_a_lead() -> None:
    messages = hours((0, 1), (0, 2), (0, 4), (0, 6), (6, 7), (6, 8))
    assert [share.interval for share in shares(messages)] == list(hours((0, 1), (1, 2), (2, 4), (4, 6), (6, 7), (7, 8)))


def test_a_bucket_whose_beginning_is_not_known_stays_whole() -> None:
    assert [share.interval for share in shares(hours((0, 5), (6, 8)))] == list(hours((0, 5), (6, 8)))


def test_a_total_of_the_run_follows_the_buckets_before_it() -> None:
    found = shares(hours((0, 6), (6, 9), (0, 12)))[2]
    assert found.interval == Interval(540, 720)
    assert found.chain == (0, 1)
