"""`windlass`: the one command line."""

from __future__ import annotations

import typer

from deployments.commands import (
    bootstrap,
    demo,
    freshness,
    ingest,
    metrics,
    notify_test,
    prune,
    serve,
    simulate,
    store,
    sync,
    terrain,
    watch,
)

app = typer.Typer(
    name="windlass",
    help="Haul weather-model runs aboard and serve point forecasts.\n\n"
    "Try it without any set-up: [bold]windlass demo[/bold]. With internet: [bold]windlass ingest gfs[/bold], "
    "then [bold]windlass sync --once[/bold] and [bold]windlass serve[/bold]. Where things lie is said by "
    "WINDLASS_BUCKET, WINDLASS_STORES and WINDLASS_WORK, in the environment or in a file .env; all settings: "
    "docs/operations.md.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command("ingest")(ingest.ingest)
app.add_typer(store.app, name="store")
app.command("watch")(watch.watch)
app.command("sync")(sync.sync)
app.command("prune")(prune.prune)
app.command("freshness")(freshness.freshness)
app.command("metrics")(metrics.metrics)
app.command("notify-test")(notify_test.notify_test)
app.command("serve")(serve.serve)
app.command("terrain")(terrain.terrain)
app.command("simulate")(simulate.simulate)
app.command("bootstrap")(bootstrap.bootstrap)
app.command("demo")(demo.demo)


def main() -> None:
    """Entry point: expected errors are one line on stderr and exit code 1; a bug keeps its stack trace."""
    from deployments.console import begin_log, report_errors

    begin_log()
    with report_errors():
        app()


if __name__ == "__main__":
    main()
