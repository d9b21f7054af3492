"""What time it is, as an argument: a server may stand still at a time to replay an old run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)
