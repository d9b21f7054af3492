"""`windlass freshness`: how old the published data are, for a cron where no Prefect runs, and for people."""

from __future__ import annotations

from typing import Annotated

import typer

HELP = """Say how old the published data are, and tell people of what begins and ends.

It looks at what is published, never at what jobs say. Late and stale models, disks nearly full and, where \
PREFECT_API_URL is set, flow runs that failed, crashed or do not begin become incidents in the bucket. \
WINDLASS_NOTIFY_URLS are told once of each, and once when it ends. Exit code 1 where something is wrong.

[bold]Examples[/bold]

  windlass freshness                            look once, and tell
  windlass freshness --model gfs --model ifs    these must be there, too
  windlass freshness --json                     for another program
  */10 * * * * windlass freshness               in a crontab
"""


def freshness(
    bucket: Annotated[
        str | None,
        typer.Option(metavar="FOLDER|s3://...", help="Where runs are published. Default: WINDLASS_BUCKET."),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Must be published; may be given again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    from deployments.console import require_extra, say

    require_extra("ingest", "eccodes", "apprise")
    from flows.freshness import freshness as look

    report = look(bucket=bucket, models=model)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        say(report.in_words())
    raise typer.Exit(1 if report.red else 0)


freshness.__doc__ = HELP
