"""A client of a Prefect server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture
def client(prefect_server: object, tidy: Callable[[], None]) -> Iterator[Any]:
    """A client of a server that knows nothing yet."""
    from prefect import get_client

    tidy()
    with get_client(sync_client=True) as client:
        yield client
    tidy()
