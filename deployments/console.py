"""What the command line shows: progress bars on stderr, and errors in one line."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from storage.logs import is_json, log_to_stderr
from storage.redact import redact
from storage.settings import Settings

Advance = Callable[[int, int], None]

stderr = Console(stderr=True)


def say(text: str) -> None:
    """One line for people, on stderr; in the log where that is JSON."""
    if is_json():
        logging.getLogger("windlass").info("%s", text)
    else:
        stderr.print(redact(text), highlight=False, soft_wrap=True, markup=False)


@contextmanager
def progress_bar(title: str) -> Iterator[Advance]:
    """A bar on stderr; yields advance(done, total). Silent where stderr is not a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, disable=not stderr.is_terminal or is_json()) as progress:
        task = progress.add_task(title, total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield advance


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn the rooms' own errors and settings that mean nothing into one line and exit code 1."""
    from pydantic import ValidationError

    from storage.errors import StorageError
    from storage.grids import OutsideGrid
    from storage.variables import UnknownVariable

    expected: tuple[type[BaseException], ...] = (StorageError, OutsideGrid, UnknownVariable)
    try:
        yield
    except expected as error:
        fail(str(error))
    except ValidationError as error:
        if not error.title.endswith("Settings"):
            raise
        told = [(str(wrong["loc"][0]).upper(), wrong["msg"].removeprefix("Value error, ")) for wrong in error.errors()]
        fail("; ".join(f"WINDLASS_{name}: {why}" for name, why in told))
    except Exception as error:
        # tasks and flows are absent where only `serving` is installed.
        if any(base.__name__ in ("IngestError", "UnknownModel") for base in type(error).__mro__):
            fail(str(error))
        raise


def begin_log() -> None:
    """Set up this command's log as WINDLASS_LOG_FORMAT says; leaves with code 1 where a setting makes no sense."""
    try:
        log_to_stderr(Settings())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        fail(f"WINDLASS_{'.'.join(map(str, first['loc'])).upper()}: {first['msg']}")


def require_extra(extra: str, *packages: str) -> None:
    """Leave with what to install where a package of an optional extra is absent."""
    from importlib.util import find_spec

    absent = [package for package in packages if find_spec(package) is None]
    if absent:
        fail(f"{', '.join(absent)} is not installed, this command needs it: pip install 'windlass[{extra}]'")


def fail(message: str) -> None:
    """Print an error and leave with code 1."""
    if is_json():
        logging.getLogger("windlass").error("%s", message)
        sys.exit(1)
    stderr.print(Text.assemble(("error:", "bold red"), " ", redact(message)), soft_wrap=True)
    sys.exit(1)
