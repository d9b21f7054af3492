"""`windlass prune`: stores that no manifest needs go from the bucket."""

from __future__ import annotations

from typing import Annotated

import typer

HELP = """Remove stores that no manifest needs from the bucket.

A model keeps its published run and the run before it whatever happens, and the short stores of the past that its \
manifest names; for how many hours, the model's file says ([bold]retention[/bold]). What is being published meanwhile \
is not touched, and a prune that is killed leaves the bucket whole. Publishing a run cleans up after its own model by \
the same rule.

[bold]Examples[/bold]

  windlass prune --dry-run                      only say what would go
  windlass prune                                in WINDLASS_BUCKET
  windlass prune --bucket s3://weather/runs     in S3, AWS credentials
"""


def prune(
    bucket: Annotated[
        str | None,
        typer.Option(metavar="FOLDER|s3://...", help="Where runs are published. Default: WINDLASS_BUCKET."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, only say what would be.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    from deployments.console import require_extra, say

    require_extra("ingest", "eccodes")
    from flows.prune import prune as work

    report = work(bucket=bucket, dry_run=dry_run)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        say(report.in_words())


prune.__doc__ = HELP
