from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import RequestError
from flows.leads import leads_in_words, minutes_in_words, parse_leads


@pytest.mark.parametrize(
    ("text", "leads"),
    [
        ("0", (0,)),
        ("6,3,3", (3, 6)),
        ("0-3", (0, 1, 2, 3)),
        ("0-2, 6-12/3", (0, 1, 2, 6, 9, 12)),
        ("0-120,123-384/3", (*range(121), *range(123, 385, 3))),
    ],
)
def test_leads_are_single_hours_ranges_and_steps(text: str, leads: tuple[int, ...]) -> None:
    assert parse_leads(text) == leads


@pytest.mark.parametrize("text", ["", "a", "3-", "-3", "6-3", "0-6/0", "0,,3", "1.5", "0-6/3/2", "12345"])
def test_leads_that_mean_nothing_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(RequestError, match="0-120,123-384/3"):
        parse_leads(text)


@given(st.sets(st.integers(0, 384), min_size=1))
def test_leads_in_words_read_back(leads: set[int]) -> None:
    assert parse_leads(leads_in_words(leads)) == tuple(sorted(leads))


def test_leads_in_words_are_short() -> None:
    assert leads_in_words((*range(121), *range(123, 385, 3))) == "0-120,123-384/3"
    assert leads_in_words((0, 1, 2, 6)) == "0-2,6"
    assert leads_in_words((3, 9)) == "3,9"


def test_leads_of_quarters_of_an_hour_in_words() -> None:
    assert minutes_in_words(range(0, 1081, 15)) == "0-18/0.25"
    assert minutes_in_words((0, 60, 120, 135)) == "0-2,2.25"
    assert minutes_in_words((0, 180, 360)) == "0-6/3"
