"""The messages of a run, sorted out: every variable its own, in the order of their leads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from tasks.course import Course
from tasks.errors import DecodeError
from tasks.intervals import Interval
from tasks.wanted import StagedMessage, Wanted


@dataclass(frozen=True)
class Group:
    """A wanted variable and its messages, in the order of their members and leads."""

    wanted: Wanted
    messages: tuple[StagedMessage, ...]


@dataclass(frozen=True)
class Part:
    """One variable of a run, of one member where there are any: its course, its messages, their numbers among all."""

    course: Course
    messages: tuple[StagedMessage, ...]
    numbers: range

    @property
    def name(self) -> str:
        return self.course.variable.name

    @property
    def member(self) -> int | None:
        return self.messages[0].member


def sort_out(wanted: Sequence[Wanted], messages: Sequence[StagedMessage]) -> list[Group]:
    """A group for each wanted variable that has any message; raises DecodeError for messages that fit nowhere."""
    found: dict[str, list[StagedMessage]] = defaultdict(list)
    for message in sorted(messages, key=lambda message: (_member(message), message.lead)):
        found[message.variable].append(message)
    for group in found.values():
        for one, other in pairwise(group):
            if one.slot == other.slot:
                raise DecodeError(f"{one.variable} came twice at lead {one.lead / 60:g} h: {one.url}, {other.url}")
    groups = [Group(row, tuple(found.pop(row.name))) for row in wanted if row.name in found]
    if found or not groups:
        raise DecodeError(f"{', '.join(found) or 'no message'} is no variable of the model")
    return groups


def parts_of(groups: Sequence[Group], steps: Sequence[float], leads: tuple[int, ...]) -> list[Part]:
    """A part for each variable, and each of its members.

    `steps`: of all messages, group after group. `leads`: minutes after init_time, of the time axis.
    """
    parts = []
    first = 0
    for group in groups:
        for _, some in groupby(group.messages, _member):
            messages = tuple(some)
            numbers = range(first, first + len(messages))
            first = numbers.stop
            intervals = tuple(Interval(*message.interval) for message in messages)
            course = Course(group.wanted, leads, intervals, tuple(steps[numbers.start : numbers.stop]))
            parts.append(Part(course, messages, numbers))
    return parts


def _member(message: StagedMessage) -> int:
    return -1 if message.member is None else message.member
