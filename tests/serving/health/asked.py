"""What the tests of health ask, when, and how old runs may get."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx

from tests.serving.standing import INIT

NOW = INIT + timedelta(hours=3)
LONDON = "/forecast/key/51.5,-0.12"
DUE, LATE, STALE = 330, 400, 7200
Ask = Callable[..., httpx.Response]
