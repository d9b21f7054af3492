"""The fuzzer of addresses: the parsers have no defect that it finds, and it finds those that are put there."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest

from deployments.fuzz.addresses import BAD, NOW, Parser, Verdict, trials
from serving.ask import Request, parse_request
from serving.bad_request import BadRequest
from serving.options import ForecastOptions
from serving.places import Place


def test_every_address_is_understood_or_refused_with_a_reason() -> None:
    outcomes = list(trials("tests", range(3000)))
    assert [outcome for outcome in outcomes if outcome.verdict in BAD] == []
    counts = Counter(outcome.verdict for outcome in outcomes)
    assert counts[Verdict.UNDERSTOOD] > 20, counts
    assert counts[Verdict.REFUSED] > 1000, counts
    assert any(" at=None" not in each.why for each in outcomes if each.verdict is Verdict.UNDERSTOOD)


def test_the_same_seed_makes_the_same_addresses() -> None:
    assert list(trials("a", range(5, 25))) == list(trials("a", range(25)))[5:]
    assert list(trials("a", range(20))) != list(trials("b", range(20)))


def raises(location: str, query: bytes, now: datetime) -> Request:
    return parse_request(location, bytes(query[1:5], "ascii"), now)  # type: ignore[call-overload]


def says_nothing(location: str, query: bytes, now: datetime) -> Request:
    raise BadRequest("")


def says_what_cannot_be_sent(location: str, query: bytes, now: datetime) -> Request:
    raise BadRequest(f"é {location}")


def foresees(location: str, query: bytes, now: datetime) -> Request:
    return Request(Place(0.0, 0.0, "UTC"), ForecastOptions(at=NOW + timedelta(seconds=1)))


@pytest.mark.parametrize(
    ("parser", "verdict"),
    [
        (raises, Verdict.RAISED),
        (says_nothing, Verdict.MUTE),
        (says_what_cannot_be_sent, Verdict.MUTE),
        (foresees, Verdict.MISTAKEN),
    ],
)
def test_a_parser_with_a_defect_is_found_out(parser: Parser, verdict: Verdict) -> None:
    assert {outcome.verdict for outcome in trials("tests", range(20), parser)} == {verdict}
