"""How long to wait before looking again: densely around the time that something is expected, sparsely otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta

DENSE = 5.0
"""Seconds between two looks when something is expected."""
SPARSE = 600.0
EARLY = timedelta(minutes=10)
"""So much before its time a lead is looked for densely. 99 of 100 GFS runs are complete within 13 minutes of one
another."""
OPENS = timedelta(hours=1)
"""So much before its time nobody looks yet."""


def pause(now: datetime, expected: datetime) -> float:
    """Seconds until the next look for something that is expected then."""
    ahead = (expected - EARLY - now).total_seconds()
    if ahead > 0:
        return min(SPARSE, max(DENSE, ahead))
    # What is half an hour late is looked for every half minute, what is ten hours late every ten.
    return min(SPARSE, max(DENSE, (now - expected).total_seconds() / 60))
