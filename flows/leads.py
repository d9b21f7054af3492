"""Lead times as people write them: `0-120,123-384/3`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flows.errors import RequestError

_PART = re.compile(r"(\d{1,4})(?:-(\d{1,4})(?:/(\d{1,3}))?)?")


def parse_leads(text: str) -> tuple[int, ...]:
    """Hours, sorted and each once: single leads, ranges `0-120` and ranges with a step `123-384/3`, comma between.

    Raises RequestError.
    """
    leads: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        first, last, step = (int(group) if group else None for group in match.groups()) if match else (None,) * 3
        if first is None or step == 0 or (last is not None and last < first):
            raise RequestError(f"cannot read {part.strip()!r} in leads {text!r}: write hours such as 0-120,123-384/3")
        leads.update(range(first, (first if last is None else last) + 1, step or 1))
    return tuple(sorted(leads))


def leads_in_words(leads: Iterable[int]) -> str:
    """The shortest text that `parse_leads` reads back: (0, 1, 2, 6) -> '0-2,6'."""
    return _in_words(sorted(set(leads)), unit=1)


def minutes_in_words(leads: Iterable[int]) -> str:
    """Leads in minutes as hours, in the same way: (0, 15, 30, 60, 120) -> '0-0.5/0.25,1-2'."""
    return _in_words(sorted(set(leads)), unit=60)


def _in_words(rest: list[int], unit: int) -> str:
    """unit: that so many make an hour."""
    parts: list[str] = []
    while rest:
        step = rest[1] - rest[0] if len(rest) > 1 else 0
        count = 1
        while step and count < len(rest) and rest[count] - rest[count - 1] == step:
            count += 1
        if count < 3:
            count = 2 if step == unit else 1
        parts.append(_span(rest[:count], step, unit))
        rest = rest[count:]
    return ",".join(parts)


def _span(leads: list[int], step: int, unit: int) -> str:
    first, last = f"{leads[0] / unit:g}", f"{leads[-1] / unit:g}"
    if len(leads) == 1:
        return first
    return f"{first}-{last}" + (f"/{step / unit:g}" if step != unit else "")
