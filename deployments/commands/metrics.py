"""`windlass metrics`: what a bucket tells of ingests and data, for Prometheus."""

from __future__ import annotations

from typing import Annotated

import typer

HELP = """Print what Prometheus may know of a bucket: how old what is published is, what ingests did, open incidents, \
notices, who looked.

All of it is read from the bucket, so any machine that can read it will do, and nothing needs to run there. \
[bold]windlass watch --metrics-port[/bold] answers with the same and with what the watch itself does; \
[bold]windlass sync --metrics-port[/bold] and the API's [bold]/metrics[/bold] tell of their own machine. \
Exit code 1 where the bucket cannot be read.

[bold]Examples[/bold]

  windlass metrics                              once, to stdout
  windlass metrics --serve 9464                 at http://127.0.0.1:9464/metrics, until Ctrl-C
  windlass metrics > FOLDER/windlass.prom       for node_exporter's text files, from a cron
"""


def metrics(
    bucket: Annotated[
        str | None,
        typer.Option(metavar="FOLDER|s3://...", help="Where runs are published. Default: WINDLASS_BUCKET."),
    ] = None,
    serve: Annotated[
        int | None, typer.Option(metavar="PORT", min=0, max=65535, help="Answer scrapes there; 0 takes any free one.")
    ] = None,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where --serve listens.")] = "127.0.0.1",
) -> None:
    from datetime import UTC, datetime
    from threading import Event

    from deployments.console import require_extra, say

    require_extra("ingest", "prometheus_client")
    from deployments.metrics.page import exporting, page
    from deployments.metrics.published import PublishedState
    from deployments.signals import sigterm_interrupts
    from storage.bucket import open_bucket
    from storage.settings import Settings

    state = PublishedState(open_bucket(bucket or Settings().bucket), lambda: datetime.now(UTC))
    if serve is None:
        told = page([state])
        typer.echo(told, nl=False)
        raise typer.Exit(0 if "\nwindlass_bucket_readable 1.0" in told else 1)
    with sigterm_interrupts(), exporting([state], host, serve, say):
        try:
            Event().wait()
        except KeyboardInterrupt:
            say("stopped")


metrics.__doc__ = HELP
