"""Bytes for people."""

from __future__ import annotations

import pytest

from storage.sizes import size_in_words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (99_940, "99.9 kB"),
        (99_960, "100 kB"),
        (999_400, "999 kB"),
        (999_600, "1.0 MB"),
        (612_345_678, "612 MB"),
        (12_345_678_901.5, "12.3 GB"),
        (4.2e15, "4200 TB"),
    ],
)
def test_sizes_are_told_in_two_or_three_digits(count: float, words: str) -> None:
    assert size_in_words(count) == words
