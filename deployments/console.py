"""What the command line shows: progress bars on stderr, and errors in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

Advance = Callable[[int, int], None]

stderr = Console(stderr=True)


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
    with Progress(*columns, console=stderr, disable=not stderr.is_terminal) as progress:
        task = progress.add_task(title, total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield advance


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn the rooms' own errors into one line and exit code 1."""
    from storage.errors import StorageError
    from storage.grids import OutsideGrid
    from storage.variables import UnknownVariable

    expected: tuple[type[BaseException], ...] = (StorageError, OutsideGrid, UnknownVariable)
    try:
        yield
    except expected as error:
        fail(str(error))
    except Exception as error:
        # tasks and flows are absent where only `serving` is installed.
        if any(base.__name__ in ("IngestError", "UnknownModel") for base in type(error).__mro__):
            fail(str(error))
        raise


def require_extra(extra: str, *packages: str) -> None:
    """Leave with what to install where a package of an optional extra is absent."""
    from importlib.util import find_spec

    absent = [package for package in packages if find_spec(package) is None]
    if absent:
        fail(f"{', '.join(absent)} is not installed, this command needs it: pip install 'windlass[{extra}]'")


def fail(message: str) -> None:
    """Print an error and leave with code 1."""
    stderr.print(Text.assemble(("error:", "bold red"), " ", message), soft_wrap=True)
    sys.exit(1)
