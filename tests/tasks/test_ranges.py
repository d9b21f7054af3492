from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.entry import Entry
from tasks.errors import MessageError
from tasks.ranges import ByteRange, Cutter, Span, merge, spans_of


def span(offset: int, length: int | None) -> Span:
    return Span(offset, length, ())


def test_neighbours_share_a_request_and_far_ones_do_not() -> None:
    spans = [span(0, 10), span(10, 10), span(25, 5), span(100, None), span(200, 10)]
    assert [(part.start, part.end) for part in merge(spans, 5)] == [(0, 30), (100, None), (200, 210)]
    assert [(part.start, part.end) for part in merge(spans, 0)] == [(0, 20), (25, 30), (100, None), (200, 210)]
    assert [(part.start, part.end) for part in merge(spans, math.inf)] == [(0, None), (200, 210)]
    assert merge([], 5) == []


def test_what_a_lying_index_lets_overlap_is_asked_for_apart() -> None:
    assert len(merge([span(0, 10), span(5, 10), span(15, 10)], 100)) == 2


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 60)), max_size=20), st.integers(0, 100))
def test_ranges_hold_every_span_once_in_order(places: list[tuple[int, int]], gap: int) -> None:
    spans = [span(offset, length) for offset, length in sorted(places)]
    ranges = merge(spans, gap)
    assert [one for part in ranges for one in part.spans] == spans
    for part in ranges:
        for one, other in zip(part.spans, part.spans[1:], strict=False):
            assert 0 <= other.offset - one.offset - (one.length or 0) <= gap


def test_fields_of_one_message_are_one_span(toy: SimpleNamespace) -> None:
    entries = [
        Entry(toy.humidity, 360, 7, 5, None),
        Entry(toy.temperature, 360, 7, 5, None),
        Entry(toy.rain, 360, 0, 7, None),
    ]
    assert [(one.offset, len(one.entries)) for one in spans_of(entries)] == [(0, 1), (7, 2)]


def test_the_rest_of_a_range() -> None:
    whole = ByteRange((span(0, 10), span(20, 10)))
    assert whole.without([0]) == ByteRange((span(20, 10),))
    assert whole.without([0, 20]) is None


@given(data=st.data())
def test_messages_are_cut_out_however_the_bytes_come(toy: SimpleNamespace, data: st.DataObject) -> None:
    first, second, third = (toy.grib2(toy.temperature, (lead, lead)) for lead in (1, 2, 3))
    content = b"xx" + first + b"between" + second + second + third + b"behind"
    offsets = [2, 2 + len(first) + 7, 2 + len(first) + 7 + 2 * len(second)]
    spans = (
        span(offsets[0], len(first) + data.draw(st.integers(0, 7))),
        span(offsets[1], len(second)),
        span(offsets[2], None),
    )
    cutter, at, found, whole = Cutter(ByteRange(spans)), spans[0].offset, dict.fromkeys(offsets, b""), []
    while at < len(content):
        size = data.draw(st.integers(1, 300))
        for piece in cutter.feed(content[at : at + size]):
            assert piece.at == len(found[piece.span.offset])
            found[piece.span.offset] += piece.block
            whole += [piece.span] * piece.whole
        at += size
    assert found == dict(zip(offsets, (first, second, third), strict=True))
    assert tuple(whole) == spans
    assert cutter.done


def test_the_bytes_of_a_message_are_handed_on_as_they_came(toy: SimpleNamespace) -> None:
    message = toy.grib2(toy.temperature, (1, 1))
    (piece,) = Cutter(ByteRange((span(0, None),))).feed(message)
    assert piece.block.obj is message
    assert (piece.at, piece.whole) == (0, True)


def test_a_message_longer_than_promised_or_none_at_all_is_found_out_by_its_head(toy: SimpleNamespace) -> None:
    message = toy.grib2(toy.temperature, (1, 1))
    with pytest.raises(MessageError, match=f"{len(message)} bytes where 100 were expected"):
        list(Cutter(ByteRange((span(0, 100),))).feed(message[:16]))
    with pytest.raises(MessageError, match="no GRIB message"):
        list(Cutter(ByteRange((span(0, 100),))).feed(b"<html> not today"))
    assert not Cutter(ByteRange((span(0, 100),))).done
