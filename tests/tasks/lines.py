"""Lines of indexes, and what is looked for in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from tasks.entry import Target
from tasks.wanted import Wanted

URL = "https://mirror.example/file.idx"
MIDNIGHT = datetime(2025, 8, 1, tzinfo=UTC)


def target(init_time: datetime, lead: int, wanted: tuple[Wanted, ...]) -> Target:
    return Target(init_time, lead, tuple(row for row in wanted if row.from_lead <= lead), (60 * lead,))


def ecmwf_line(param: str, step: str, offset: int, **more: object) -> dict[str, object]:
    """A line as ECMWF writes them."""
    return {
        "domain": "g",
        "date": "20260420",
        "time": "0600",
        "expver": "0001",
        "class": "od",
        "type": "fc",
        "stream": "oper",
        "step": step,
        "levtype": "sfc",
        "param": param,
        "_offset": offset,
        "_length": 100,
        **more,
    }


def as_index(*lines: dict[str, object]) -> bytes:
    return "\n".join(map(json.dumps, lines)).encode()


RUN = datetime(2026, 4, 20, 6, tzinfo=UTC)
