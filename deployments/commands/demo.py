"""`windlass demo`: everything on this machine, from simulated buckets to a forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HELP = """Show the whole of Windlass on this machine: no internet, no configuration, no account.

Simulates one GFS and one IFS run as the public buckets would hold them, brings both aboard through Prefect flows, \
publishes them to a bucket folder, syncs, starts the API and the Prefect UI, and prints one forecast and where to \
look. Ctrl-C ends all of it. The folder is emptied when the demo starts, and stays for you to look into afterwards.

[bold]Examples[/bold]

  windlass demo                                 until Ctrl-C
  windlass demo --once                          end when everything has been shown
  windlass demo --folder DIR --step 1           elsewhere, and finer

[bold]Look into it[/bold]

  windlass store show FOLDER/stores/gfs/*.zarr.zip
  tail FOLDER/logs/*.log
"""


def demo(
    folder: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the demo keeps its runs, stores and logs.")
    ] = Path(".windlass/demo"),
    step: Annotated[
        float, typer.Option(metavar="DEGREES", min=0.25, max=10, help="Grid step of the simulated runs.")
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="End when everything has been shown.")] = False,
) -> None:
    import json
    import signal

    from deployments.children import ChildFailed
    from deployments.console import fail, stderr
    from deployments.demo import running

    def tell(text: str) -> None:
        stderr.print(f"[bold]windlass demo[/bold] {text}", highlight=False, soft_wrap=True)

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    # A shell starts background jobs with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        with running(folder.expanduser().absolute(), step, tell) as shown:
            answer = {key: value for key, value in shown.forecast.items() if key not in ("hourly", "daily")}
            answer["daily"] = {"data": shown.forecast["daily"]["data"][:1]}
            typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
            typer.echo(
                f"\nforecast    {shown.forecast_url}\nAPI docs    {shown.docs_url}\nPrefect UI  {shown.prefect_url}"
            )
            if not once:
                tell("everything runs; Ctrl-C ends it")
                shown.watch()
    except KeyboardInterrupt:
        tell("ended")
    except ChildFailed as error:
        fail(str(error))


demo.__doc__ = HELP
