"""`windlass ingest`: one run, from a public mirror, a folder or files, to a published store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from flows.flow import ModelFlow
    from flows.report import IngestReport
    from flows.request import IngestRequest

HELP = """Bring one model run aboard and publish it.

Without options: the newest run, whole, or up to the lead where its model has a first stage end, from the model's \
public mirrors, as a Prefect flow run. Leads that are about to arrive are waited for, until the model's deadline. \
Before it starts it says what it will download and what disk and memory that takes.

[bold]Examples[/bold]

  windlass ingest gfs                              the newest run, the whole globe
  windlass ingest gfs --bbox=-11,35,31,60          only Europe: fits a laptop
  windlass ingest hrrr --plan                      what it would take, and nothing else
  windlass ingest gfs --mirror google              one of the model's mirrors
  windlass ingest gfs --mirror FOLDER --direct     a copy of the public layout
  windlass ingest ifs --files *.grib2              whatever these files hold
  windlass ingest ifs --bucket s3://weather/runs   publish to S3, AWS credentials
  windlass ingest ifs --init-time 2026-04-20T00 --leads 0-144/3

[bold]Leads[/bold] are hours: single ones, ranges and steps, such as 0-120,123-384/3. They choose files: one of an \
hour may hold several times of it.

[bold]After a failure[/bold] run the same command again: what was published stays published, \
and messages that were verified already are not fetched a second time.
"""


def ingest(
    model: Annotated[str, typer.Argument(help="A model's name, such as gfs; a wrong one lists them all.")],
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="More files after --files.", show_default=False)
    ] = None,
    init_time: Annotated[
        str | None, typer.Option(metavar="T", help="The run, UTC: 2026-04-20T06. Default: the newest complete one.")
    ] = None,
    leads: Annotated[str | None, typer.Option(metavar="HOURS", help="Only these leads: 0-120,123-384/3.")] = None,
    bbox: Annotated[
        str | None, typer.Option(metavar="W,S,E,N", help="Keep only this region, degrees; W > E crosses 180.")
    ] = None,
    mirror: Annotated[
        str | None, typer.Option(metavar="NAME|URL|FOLDER", help="Take it from here. Default: all mirrors, in order.")
    ] = None,
    files: Annotated[
        list[Path] | None, typer.Option(metavar="FILE...", help="Scan these GRIB1 or GRIB2 files instead of a mirror.")
    ] = None,
    bucket: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|s3://...", help="Publish here. Default: WINDLASS_BUCKET or a folder in your home."
        ),
    ] = None,
    work: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Scratch folder. Default: WINDLASS_WORK.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Ingest again what is published already.")] = False,
    no_gate: Annotated[
        bool, typer.Option("--no-gate", help="Publish what the gate would withhold: you have looked, and it is right.")
    ] = False,
    now: Annotated[
        str | None, typer.Option(metavar="T", help="Look for the newest run as of this time, UTC.", hidden=True)
    ] = None,
    direct: Annotated[bool, typer.Option("--direct", help="The same functions without Prefect.")] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what it would download, what disk, memory and time it takes, and end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report, or the plan, as JSON.")] = False,
) -> None:
    from deployments.console import require_extra, say

    require_extra("ingest", "eccodes", "prefect")
    from flows.models import flow_named
    from flows.request import IngestRequest, job_for, parse_time
    from storage.logs import about
    from storage.settings import Settings

    if more and not files:
        raise typer.BadParameter(f"unexpected {' '.join(map(str, more))}: files come after --files")
    flow = flow_named(model)
    request = IngestRequest(
        init_time=parse_time(init_time) if init_time else None,
        leads=leads,
        bbox=bbox,
        mirror=mirror,
        files=tuple(file.absolute() for file in (*(files or ()), *(more or ()))),
        bucket=bucket,
        work=work,
        force=force,
        no_gate=no_gate,
        now=parse_time(now) if now else None,
    )
    job_for(flow.model, request.with_defaults(Settings()))
    if plan:
        show_plan(flow, request.with_defaults(Settings()), as_json)
        return
    report = run_directly(flow, request) if direct else run_with_prefect(flow, request)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        with about(model=report.model, init_time=report.init_time):
            say(report.in_words())


ingest.__doc__ = HELP


def show_plan(flow: ModelFlow, request: IngestRequest, as_json: bool) -> None:
    """What the ingest would take, on stdout."""
    import json

    from flows.ahead import look_ahead

    ahead = look_ahead(flow.model, request)
    if isinstance(ahead, str):
        typer.echo(json.dumps({"nothing": ahead}) if as_json else ahead)
    else:
        typer.echo(json.dumps(ahead.to_json(), indent=2, default=str) if as_json else ahead.in_words())


def run_directly(flow: ModelFlow, request: IngestRequest) -> IngestReport:
    """The recipe in this process, with progress bars on stderr."""
    from deployments.console import progress_bar, say
    from flows.crew import PlainCrew

    return flow(request, PlainCrew(say, progress_bar))


def run_with_prefect(flow: ModelFlow, request: IngestRequest) -> Any:
    """A flow run on the configured Prefect server, else on Prefect's own temporary one."""
    from deployments.prefect_server import prefect_client

    with prefect_client(otherwise="; --direct runs without Prefect"):
        return flow.prefect(request)
