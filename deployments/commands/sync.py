"""`windlass sync`: the published runs of a bucket into a folder of stores, once or for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deployments.metrics.syncing import SyncState
    from serving.synced import SyncReport
    from storage.bucket import Progress

HELP = """Bring the published run of every model to this machine, and keep it up to date.

A run is downloaded under a hidden name, held against its sha256 and opened before it takes its place; \
[bold]windlass serve[/bold] takes it up without a restart. The run before it is kept, and the short stores of the \
past follow, newest first, while the disk keeps room for the next run. Whatever fails, what is \
here stays; a download that broke off goes on where it broke.

[bold]Examples[/bold]

  windlass sync                                 watch the bucket, until Ctrl-C
  windlass sync --once                          once; exit code 1 if a model failed
  windlass sync --bucket s3://weather/runs      from S3, AWS credentials
  windlass sync --bucket BUCKET --to STORES     from folder to folder
  windlass sync --once --older                  follow a bucket that took a run back
  windlass sync --metrics-port 9465             for Prometheus: what is here, what failed

[bold]Credentials[/bold] for S3 come from where the AWS tools find them: AWS_ACCESS_KEY_ID and \
AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the machine's role; AWS_ENDPOINT_URL for other servers than AWS.
"""


def sync(
    bucket: Annotated[
        str | None,
        typer.Option(metavar="FOLDER|s3://...", help="Where runs are published. Default: WINDLASS_BUCKET."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The folder of stores. Default: WINDLASS_STORES.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End after one round.")] = False,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="About how long to wait between two rounds.")
    ] = 10,
    older: Annotated[
        bool, typer.Option("--older", help="Take what the bucket says even where the run here is newer.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print reports as JSON; one a line while watching.")] = False,
    metrics_port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="Answer Prometheus there. Default: nowhere."),
    ] = None,
    metrics_host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where --metrics-port listens.")] = "127.0.0.1",
) -> None:
    from datetime import UTC, datetime
    from threading import Event

    from deployments.console import require_extra, say
    from deployments.signals import sigterm_interrupts
    from serving.sync import sync_forever, sync_once
    from storage.bucket import open_bucket
    from storage.logs import about
    from storage.settings import Settings

    settings = Settings()
    source = open_bucket(bucket or settings.bucket)
    folder = (to or settings.stores).expanduser().absolute()
    state = None
    if metrics_port is not None:
        require_extra("serving", "prometheus_client")
        from deployments.metrics.syncing import SyncState

        state = SyncState(folder, lambda: datetime.now(UTC))

    def tell(report: SyncReport) -> None:
        """What is new or wrong; while watching, nothing where nothing changed."""
        if state is not None:
            state.learn(report)
        news = [model for model in report.models if once or model.is_news]
        if as_json:
            if once or news or report.problem:
                typer.echo(report.model_dump_json(indent=2 if once else None))
            return
        if report.problem:
            say(report.problem)
            return
        for model in news:
            with about(model=model.model, init_time=model.init_time):
                say(model.in_words())
        if once and not report.models:
            say(f"no run is published in {report.bucket}")

    with sigterm_interrupts():
        try:
            if once:
                report = sync_once(source, folder, bars=_bar, older=older)
                tell(report)
                raise typer.Exit(1 if report.failed else 0)
            say(f"watching {source.base} for {folder}")
            with _exporting(state, metrics_host, metrics_port):
                sync_forever(source, folder, every, Event(), tell, bars=_bar, older=older)
        except KeyboardInterrupt:
            say("stopped; a download that was under way goes on with the next sync")
            raise typer.Exit(130 if once else 0) from None


sync.__doc__ = HELP


def _exporting(state: SyncState | None, host: str, port: int | None) -> AbstractContextManager[None]:
    if state is None:
        return nullcontext()
    from deployments.console import say
    from deployments.metrics.page import exporting

    return exporting([state], host, port, say)


@contextmanager
def _bar(title: str) -> Iterator[Progress]:
    """A bar that counts megabytes."""
    from deployments.console import progress_bar

    with progress_bar(f"{title}, MB") as advance:
        yield lambda done, total: advance(round(done / 1e6), round(total / 1e6))
