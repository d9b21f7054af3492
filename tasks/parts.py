"""The messages of a run, sorted out: every variable its own, in the order of their leads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tasks.course import Course
from tasks.errors import DecodeError
from tasks.intervals import Interval
from tasks.wanted import StagedMessage, Wanted


@dataclass(frozen=True)
class Group:
    """A wanted variable and its messages, in the order of their leads."""

    wanted: Wanted
    messages: tuple[StagedMessage, ...]


@dataclass(frozen=True)
class Part:
    """One variable of a run: its course, its messages and their numbers among all."""

    course: Course
    messages: tuple[StagedMessage, ...]
    numbers: range

    @property
    def name(self) -> str:
        return self.course.variable.name


def sort_out(wanted: Sequence[Wanted], messages: Sequence[StagedMessage]) -> list[Group]:
    """A group for each wanted variable that has any message; raises DecodeError for messages that fit nowhere."""
    found: dict[str, list[StagedMessage]] = defaultdict(list)
    for message in sorted(messages, key=lambda message: message.lead):
        found[message.variable].append(message)
    for group in found.values():
        for one, other in pairwise(group):
            if one.lead == other.lead:
                raise DecodeError(f"{one.variable} came twice at lead {one.lead / 60:g} h: {one.url}, {other.url}")
    groups = [Group(row, tuple(found.pop(row.name))) for row in wanted if row.name in found]
    if found or not groups:
        raise DecodeError(f"{', '.join(found) or 'no message'} is no variable of the model")
    return groups


def parts_of(groups: Sequence[Group], steps: Sequence[float], leads: tuple[int, ...]) -> list[Part]:
    """`steps`: of all messages, group after group. `leads`: minutes after init_time, of the time axis."""
    parts = []
    first = 0
    for group in groups:
        numbers = range(first, first + len(group.messages))
        first = numbers.stop
        intervals = tuple(Interval(*message.interval) for message in group.messages)
        course = Course(group.wanted, leads, intervals, tuple(steps[numbers.start : numbers.stop]))
        parts.append(Part(course, group.messages, numbers))
    return parts
