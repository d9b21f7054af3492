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
    rest = sorted(set(leads))
    parts: list[str] = []
    while rest:
        step = rest[1] - rest[0] if len(rest) > 1 else 0
        count = 1
        while step and count < len(rest) and rest[count] - rest[count - 1] == step:
            count += 1
        if count < 3:
            count = 2 if step == 1 else 1
        parts.append(_span(rest[:count], step))
        rest = rest[count:]
    return ",".join(parts)


def _span(leads: list[int], step: int) -> str:
    if len(leads) == 1:
        return str(leads[0])
    return f"{leads[0]}-{leads[-1]}" + (f"/{step}" if step > 1 else "")
