"""Where a wanted message of a lead should lie, and what the file of a lead should hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from tasks.field import FieldId, is_of
from tasks.wanted import Product, Slot, Wanted

Interval = tuple[int, int]


@dataclass(frozen=True)
class Entry:
    """Where a wanted message lies.

    `lead`: minutes after init_time. `length`: bytes up to the next message, None behind the last line of an `.idx`.
    `interval`: (start, end) minutes after init_time, equal for an instant; None where the index does not say.
    `member`: None where there are no members, or where the index does not say.
    """

    wanted: Wanted
    lead: int
    offset: int
    length: int | None
    interval: Interval | None
    member: int | None = None

    @property
    def slot(self) -> Slot:
        return Slot(self.wanted.name, self.lead, self.member)


@dataclass(frozen=True)
class Target:
    """The run and lead (hours) that a file should be about, and the variables looked for.

    `times`: minutes after init_time, of what the file holds. `members`: that it holds; none: it has no members.
    `at_least`: members without which a variable is missing.
    """

    init_time: datetime
    lead: int
    wanted: tuple[Wanted, ...]
    times: tuple[int, ...]
    members: tuple[int, ...] = ()
    at_least: int = 1

    @classmethod
    def of(cls, product: Product, init_time: datetime, lead: int, wanted: Iterable[Wanted] = ()) -> Target:
        """The file of a product at a lead (hours), and what of `wanted` should be in it."""
        rows = tuple(row for row in wanted if row.product == product.name)
        count = len(product.members) or 1
        at_least = min(product.at_least or count, count)
        return cls(init_time, lead, rows, product.times(lead), product.members, at_least)

    def slots(self) -> list[tuple[Wanted, Slot]]:
        """What the file should hold of the variables."""
        return [
            (row, Slot(row.name, time, member))
            for row in self.wanted
            for time in self.times
            for member in self.members or (None,)
            if row.due(self.init_time, time)
        ]

    def missing(self, there: Collection[Slot]) -> list[Wanted]:
        """The variables of which too little is there: at any time fewer members than it takes."""
        due = Counter(slot._replace(member=None) for _, slot in self.slots())
        found = Counter(slot._replace(member=None) for _, slot in self.slots() if slot in there)
        names = {slot.variable for slot in due if found[slot] < self.at_least}
        return [row for row in self.wanted if row.name in names]

    def holds(self, field: FieldId) -> bool:
        """Whether a field is of the run, at one of the times and of one of the members."""
        if field.init_time != self.init_time or field.interval is None or field.interval[1] not in self.times:
            return False
        return is_of(field, self.members)


class Malformed(Exception):
    """A line of an index that is none."""

    def __init__(self, number: int, line: str, reason: str) -> None:
        super().__init__(number, line, reason)
        self.number, self.line, self.reason = number, line, reason
