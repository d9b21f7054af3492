"""A small disk, to be filled."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEGABYTES = 4
PAGE = 4096
BALLAST = "ballast"


class NoSmallDisk(OSError):
    """Neither root nor a user namespace may mount here."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A folder on a disk of its own of MEGABYTES, while the block lasts; raises NoSmallDisk."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode == 0:
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        return
    # Whoever may not mount may do so in a namespace of their own; /proc shows that namespace's files to us.
    inside = f"{' '.join(mount)} && echo mounted && cat"
    with subprocess.Popen(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", inside],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            if process.stdout.readline() != b"mounted\n":
                raise NoSmallDisk(f"no small disk can be mounted: {process.stderr.read().decode().strip()}")
            yield Path(f"/proc/{process.pid}/root{folder}")
        finally:
            process.stdin.close()


def fill(disk: Path, free: int = 0) -> None:
    """Take all the room of a disk but `free` bytes."""
    relieve(disk)
    with (disk / BALLAST).open("wb", buffering=0) as file:
        try:
            os.posix_fallocate(file.fileno(), 0, max(shutil.disk_usage(disk).free - free, 1))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            # Somebody else took some of it at that moment: what is left, page by page.
            with suppress(OSError):
                while file.write(bytes(PAGE)):
                    pass


def relieve(disk: Path) -> None:
    """Give it back."""
    (disk / BALLAST).unlink(missing_ok=True)
