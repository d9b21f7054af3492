"""The page that Prometheus scrapes, once as text or at a port."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import typer
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import generate_latest, start_http_server
from prometheus_client.registry import Collector


def registry_of(collectors: Sequence[Collector]) -> CollectorRegistry:
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return registry


def page(collectors: Sequence[Collector]) -> str:
    """One scrape, in the text format 0.0.4, without the process: it ends with this."""
    return generate_latest(registry_of(collectors)).decode()


@contextmanager
def exporting(
    collectors: Sequence[Collector], host: str, port: int | None, say: Callable[[str], None]
) -> Iterator[None]:
    """Answer scrapes in a thread while the block runs, at a free port for 0; nothing where there is no port.

    Memory and CPU of this process are told besides. `say` is told the address. Raises typer.BadParameter where nothing
    can listen there.
    """
    if port is None:
        yield
        return
    registry = registry_of(collectors)
    ProcessCollector(registry=registry)
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        why = error.strerror or error
        raise typer.BadParameter(
            f"metrics cannot be served on {host} port {port}: {why}; choose another port"
        ) from None
    shown = f"[{host}]" if ":" in host else host
    say(f"metrics   http://{shown}:{server.server_port}/metrics")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
