"""What mirrors gave and what they refused, counted while leads are fetched, whether they come or not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Meter:
    """Of one fetch, in one thread. `bytes` and `messages` received; by mirror `retries`, requests that were repeated,
    and `problems`, failures that were noted."""

    bytes: int = 0
    messages: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
