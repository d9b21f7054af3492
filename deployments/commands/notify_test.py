"""`windlass notify-test`: a test notice to every address, and what became of each."""

from __future__ import annotations

from typing import Annotated

import typer

HELP = """Send a test notice to each address of WINDLASS_NOTIFY_URLS and say what happened.

Addresses are separated by commas: https://... takes one JSON object by POST, slack://T.../B.../... is an incoming \
webhook of Slack, mailto://... is e-mail, and every other address that Apprise knows works too. \
Exit code 1 where one of them could not be told, or where there is none.

[bold]Examples[/bold]

  WINDLASS_NOTIFY_URLS=https://example.org/hook windlass notify-test
  WINDLASS_NOTIFY_URLS="slack://T.../B.../...,mailto://me:word@example.org?to=ops@example.org" windlass notify-test
"""


def notify_test(
    as_json: Annotated[bool, typer.Option("--json", help="Print what happened as JSON.")] = False,
) -> None:
    import json
    from dataclasses import asdict
    from datetime import UTC, datetime

    from deployments.console import fail, require_extra

    require_extra("ingest", "apprise")
    from storage.settings import Settings
    from tasks.deliver import tell
    from tasks.notice import trial_notice

    done = tell(Settings(), trial_notice(datetime.now(UTC)))
    if not done:
        fail("nobody is told of anything: set WINDLASS_NOTIFY_URLS")
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in done], indent=2))
    else:
        for one in done:
            typer.echo(one.in_words())
    raise typer.Exit(0 if all(one.delivered for one in done) else 1)


notify_test.__doc__ = HELP
