"""What tests of fetching share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from tasks.fetch import LeadResult
from tasks.grib import fields
from tasks.mirrors import Patience

Fetch = Callable[..., list[LeadResult]]

RESIGNED = Patience(first_delay=1e9, longest_delay=1e9, not_yet=0.0)
"""Would wait so long before trying again that the deadline passes: gives up at once."""


def check(result: LeadResult, toy: SimpleNamespace) -> None:
    """Every message of a result is the one that was wanted, whole, where the record says."""
    for message in result.messages:
        wanted = next(row for row in toy.wanted if row.name == message.variable)
        data = Path(message.blob).read_bytes()[message.offset : message.offset + message.length]
        field = fields(data)[message.field]
        assert field.parameter in wanted.parameters
        assert field.statistic == wanted.statistic
        assert field.interval == message.interval
        assert message.lead == result.lead * 60 == message.interval[1]
        assert field.init_time == toy.run
        assert "?" not in message.url


def names(result: LeadResult) -> set[str]:
    return {message.variable for message in result.messages}


def swell(message: bytes, by: int) -> bytes:
    """A message whose data section has `by` more bytes, which nothing but its length tells."""
    position = 16
    while message[position + 4] != 7:
        position += int.from_bytes(message[position : position + 4], "big")
    size = int.from_bytes(message[position : position + 4], "big")
    head = message[:8] + (len(message) + by).to_bytes(8, "big") + message[16:position]
    return head + (size + by).to_bytes(4, "big") + message[position + 4 : position + size] + bytes(by) + b"7777"
