"""`windlass watch`: look out for arriving leads of all models, and set work on them going."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deployments.watch.watch import Watch
    from storage.bucket import Bucket
    from tasks.clock import Clock

HELP = """Look out for runs that arrive at the mirrors, and set work on them going.

One small process for all models. It knows when each lead is expected and asks often then, rarely otherwise; every \
mirror by itself, the first that has a lead counts. What was published already it learns from the bucket: it may be \
killed and started again at any moment.

It emits the Prefect event windlass.leads.arrived about windlass.model.NAME, which triggers the model's deployment. \
Without Prefect, [bold]--ingest[/bold] runs windlass ingest --direct in a child process, one model at a time.

[bold]Examples[/bold]

  windlass watch                                all models, events for Prefect
  windlass watch gfs ifs --ingest               two models, without Prefect
  windlass watch --once --ingest                what is there now; for a plain cron
  windlass watch gfs --mirror google            look at one of the mirrors only
  windlass watch --bucket s3://weather/runs     what is published there is not told
  windlass watch --metrics-port 9464            for Prometheus: the data, ingests, incidents

[bold]Prefect[/bold]: PREFECT_API_URL, or what prefect config says. [bold]Notices[/bold]: WINDLASS_SQS_URL, a queue \
of SQS subscribed to the topics of public buckets, makes it look at once; it looks anyhow.

[bold]It ends[/bold] on Ctrl-C and SIGTERM at once, and an ingest of its own with it; what that has fetched is kept.
"""


def watch(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Their names. Default: all.", show_default=False)
    ] = None,
    ingest: Annotated[bool, typer.Option("--ingest", help="Ingest here instead of telling Prefect.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Look once, act, and end.")] = False,
    bucket: Annotated[
        str | None, typer.Option(metavar="FOLDER|s3://...", help="Where runs are published. Default: WINDLASS_BUCKET.")
    ] = None,
    mirror: Annotated[
        str | None, typer.Option(metavar="NAME|URL|FOLDER", help="Look here only. Default: all mirrors.")
    ] = None,
    work: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Scratch folder of --ingest. Default: WINDLASS_WORK.")
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="Answer Prometheus there. Default: nowhere."),
    ] = None,
    metrics_host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where --metrics-port listens.")] = "127.0.0.1",
    clock: Annotated[
        str | None, typer.Option(metavar="T,SPEED,MOMENT", help="The clock of windlass simulate --arrive.", hidden=True)
    ] = None,
) -> None:
    import asyncio

    from deployments import console
    from deployments.console import fail, require_extra

    require_extra("ingest", "aiohttp", *(["eccodes"] if ingest else ["prefect"]))
    from deployments.watch.notices import Notices
    from deployments.watch.tellers import IngestTeller, NoServer, PrefectTeller, TellFailed
    from deployments.watch.together import watch_all
    from deployments.watch.watch import Watch
    from flows.models import flow_named, model_names
    from flows.request import IngestRequest, job_for
    from storage.bucket import open_bucket
    from storage.settings import Settings
    from tasks.clock import Clock, parse_clock

    settings = Settings()
    request = IngestRequest(mirror=mirror, bucket=bucket, work=work).with_defaults(settings)
    jobs = [job_for(flow_named(name).model, request) for name in models or model_names()]
    fast = parse_clock(clock) if clock else None
    time = fast or Clock()

    def say(text: str) -> None:
        console.say(f"{time.now():%H:%M:%SZ} {text}")

    published = open_bucket(request.bucket or settings.bucket)
    given = (("--bucket", bucket), ("--mirror", mirror), ("--work", work))
    options = [str(part) for name, value in given if value is not None for part in (name, value)]
    teller = IngestTeller(options, fast) if ingest else PrefectTeller()
    watches = [
        Watch(flow_named(name).model, job.mirrors, published, teller, time, say)
        for name, job in zip(models or model_names(), jobs, strict=True)
    ]

    async def look_once() -> list[TellFailed]:
        found = await asyncio.gather(*(watch.run(once=True) for watch in watches), return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException) and not isinstance(one, TellFailed):
                raise one
        return [one for one in found if isinstance(one, TellFailed)]

    async def look_on() -> None:
        if isinstance(teller, PrefectTeller):
            try:
                await teller.check()
            except NoServer:
                raise
            except TellFailed as error:
                say(f"{error}; looking goes on, and it is told when it answers")
        notices = Notices(settings.sqs_url, hear, say, time) if settings.sqs_url else None
        say(f"watching {', '.join(watch.model.name for watch in watches)} for {published.base}")
        await watch_all(watches, notices, time)
        say("stopped")

    def hear(key: str) -> None:
        for watch in watches:
            watch.hear(key)

    if once:
        raise typer.Exit(1 if asyncio.run(look_once()) else 0)
    try:
        with _exporting(watches, published, time, metrics_host, metrics_port, say):
            asyncio.run(look_on())
    except NoServer as error:
        fail(str(error))


watch.__doc__ = HELP


def _exporting(
    watches: Sequence[Watch], published: Bucket, clock: Clock, host: str, port: int | None, say: Callable[[str], None]
) -> AbstractContextManager[None]:
    """Nothing is loaded for who asks for no metrics: the watch stays small."""
    if port is None:
        return nullcontext()
    from deployments.metrics.page import exporting
    from deployments.metrics.published import PublishedState
    from deployments.metrics.watching import WatchState

    return exporting([PublishedState(published, clock.now), WatchState(watches)], host, port, say)
