"""`windlass sync`: the published runs of a bucket into a folder of stores, once or for ever."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from serving.sync import SyncReport
    from storage.bucket import Progress

HELP = """Bring the published run of every model to this machine, and keep it up to date.

A run is downloaded under a hidden name, held against its sha256 and opened before it takes its place; \
[bold]windlass serve[/bold] takes it up without a restart. The run before it is kept. Whatever fails, what is \
here stays; a download that broke off goes on where it broke.

[bold]Examples[/bold]

  windlass sync                                 watch the bucket, until Ctrl-C
  windlass sync --once                          once; exit code 1 if a model failed
  windlass sync --bucket s3://weather/runs      from S3, AWS credentials
  windlass sync --bucket BUCKET --to STORES     from folder to folder
  windlass sync --once --older                  follow a bucket that took a run back

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
    ] = 60,
    older: Annotated[
        bool, typer.Option("--older", help="Take what the bucket says even where the run here is newer.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print reports as JSON; one a line while watching.")] = False,
) -> None:
    from threading import Event

    from deployments.console import stderr
    from serving.sync import Outcome, sync_forever, sync_once
    from storage.bucket import open_bucket
    from storage.settings import Settings

    settings = Settings()
    source = open_bucket(bucket or settings.bucket)
    folder = (to or settings.stores).expanduser().absolute()

    def tell(report: SyncReport) -> None:
        """What is new or wrong; while watching, nothing where nothing changed."""
        news = [model for model in report.models if once or model.outcome is not Outcome.CURRENT]
        if as_json:
            if once or news or report.problem:
                typer.echo(report.model_dump_json(indent=2 if once else None))
            return
        lines = [report.problem] if report.problem else [model.in_words() for model in news]
        if once and not report.models:
            lines = [f"no run is published in {report.bucket}"]
        for line in lines:
            stderr.print(line, highlight=False, soft_wrap=True, markup=False)

    with _ends_on_signals():
        try:
            if once:
                report = sync_once(source, folder, bars=_bar, older=older)
                tell(report)
                raise typer.Exit(1 if report.failed else 0)
            stderr.print(f"watching {source.base} for {folder}", highlight=False, soft_wrap=True, markup=False)
            sync_forever(source, folder, every, Event(), tell, bars=_bar, older=older)
        except KeyboardInterrupt:
            stderr.print("stopped; a download that was under way goes on with the next sync", soft_wrap=True)
            raise typer.Exit(130 if once else 0) from None


sync.__doc__ = HELP


@contextmanager
def _bar(title: str) -> Iterator[Progress]:
    """A bar that counts megabytes."""
    from deployments.console import progress_bar

    with progress_bar(f"{title}, MB") as advance:
        yield lambda done, total: advance(round(done / 1e6), round(total / 1e6))


@contextmanager
def _ends_on_signals() -> Iterator[None]:
    """SIGTERM, which service managers send, is Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
