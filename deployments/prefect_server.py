"""The Prefect server at hand: the configured one, else Prefect's own temporary one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient


@contextmanager
def prefect_client(otherwise: str = "", patience: float = 0) -> Iterator[SyncPrefectClient]:
    """A client of a server that answers within `patience` seconds; leaves with one line where none does.

    `otherwise`: what to do without one.
    """
    from prefect import get_client
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_SERVER_EPHEMERAL_ENABLED,
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
        temporary_settings,
    )

    from deployments.console import fail, say

    url = PREFECT_API_URL.value()
    if url is None:
        if not PREFECT_SERVER_EPHEMERAL_ENABLED.value():
            fail(f"no Prefect server: set PREFECT_API_URL{otherwise}")
        say(
            "PREFECT_API_URL is not set: this uses Prefect's own temporary server, which takes some seconds to "
            f"start{otherwise}"
        )
    # A cold start of the temporary server takes up to 50 s on two busy cores; Prefect gives it 20.
    patient = temporary_settings({PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: 180})
    with patient, get_client(sync_client=True) as client:
        deadline = monotonic() + patience
        while problem := client.api_healthcheck():
            if monotonic() < deadline:
                sleep(0.5)
                continue
            fail(f"the Prefect server at {url or 'a temporary address'} does not answer ({problem}){otherwise}")
        yield client
