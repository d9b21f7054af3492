"""How people are told when a run began."""

from __future__ import annotations

from datetime import datetime


def run_time(init_time: datetime) -> str:
    """`2026-04-20T06Z`, and `2026-04-20T06:15Z` where it did not begin at a full hour."""
    return f"{init_time:%Y-%m-%dT%H:%MZ}" if init_time.minute else f"{init_time:%Y-%m-%dT%HZ}"
