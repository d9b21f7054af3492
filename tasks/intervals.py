"""Which amounts follow from which messages.

The law of de-accumulation knows no producer: an amount over (a, c) minus the known amount over (a, b) is the amount
over (b, c). A mean times its length is an amount. So NCEP's buckets that reset, totals of the run and ECMWF's totals
from the start are one case, and a missing lead makes a longer interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Interval(NamedTuple):
    """Minutes after init_time; equal for an instant."""

    start: int
    end: int

    @property
    def minutes(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Share:
    """What remains of one message's amount once known amounts are taken off.

    `interval`: of what remains. `after`: the message with the same start whose amount is taken off, else `chain`: the
    messages whose remaining amounts fill the time from this message's start on. Neither: nothing is known.
    """

    interval: Interval
    after: int | None = None
    chain: tuple[int, ...] = ()


def shares(messages: Sequence[Interval]) -> tuple[Share, ...]:
    """One share a message; `messages` in the order of their ends. The shortest interval that follows is taken."""
    found: list[Share] = []
    ending: dict[int, int] = {}
    for number, (start, end) in enumerate(messages):
        same = [
            other for other in range(number) if messages[other].start == start and start < messages[other].end < end
        ]
        after = same[-1] if same else None
        known = messages[after].end if after is not None else start
        chain = _chain(found, ending, start, range(known + 1, end))
        if chain:
            share = Share(Interval(found[chain[-1]].interval.end, end), chain=chain)
        else:
            share = Share(Interval(known, end), after=after)
        found.append(share)
        if share.interval.minutes:
            ending[end] = number
    return tuple(found)


def _chain(found: Sequence[Share], ending: dict[int, int], start: int, ends: range) -> tuple[int, ...]:
    """The messages whose shares follow each other from `start` to the latest end within `ends`, in order of time."""
    for end in sorted((end for end in ending if end in ends), reverse=True):
        chain: list[int] = []
        position = end
        while position > start and position in ending:
            chain.append(ending[position])
            position = found[ending[position]].interval.start
        if position == start:
            return tuple(reversed(chain))
    return ()
