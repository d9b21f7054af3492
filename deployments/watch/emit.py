"""`python -m deployments.watch.emit`: events as JSON on stdin, posted to the Prefect server that its settings name.

By HTTP and not by `emit_event`, which returns before anything is sent and drops what the server does not take.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any
from uuid import uuid4


def emit(events: list[dict[str, Any]]) -> None:
    """Post the events; raises LookupError where no server is configured, httpx.HTTPError where it takes them not."""
    # Without a server Prefect starts a temporary one, in which no deployment waits for an event.
    os.environ["PREFECT_SERVER_EPHEMERAL_ENABLED"] = "false"
    from prefect import get_client
    from prefect.settings import PREFECT_API_URL

    if PREFECT_API_URL.value() is None:
        raise LookupError("no Prefect server: set PREFECT_API_URL, or let the watch ingest by itself with --ingest")
    with get_client(sync_client=True) as client:
        body = [{"id": str(uuid4()), **event} for event in events]
        client.request("POST", "/events", json=body)


def main() -> None:
    from deployments.watch.tellers import NO_SERVER

    try:
        emit(json.load(sys.stdin))
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        sys.exit(NO_SERVER)
    except Exception as error:
        import httpx

        if not isinstance(error, httpx.HTTPError):
            raise
        print(f"the Prefect server did not take it: {error!r}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
