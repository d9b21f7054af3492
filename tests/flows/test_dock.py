from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.dock import Dock, docked, locked, sweep
from flows.errors import Busy, RequestError

RUN = datetime(2026, 4, 20, tzinfo=UTC)
EARLIER = datetime(2026, 4, 19, 18, tzinfo=UTC)

HOLD = """
import sys
from pathlib import Path
from flows.dock import locked
with locked(Path(sys.argv[1]), "gfs"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_and_told_who_holds_the_model(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Busy, match=f"process {holder.pid} .*--work"), locked(tmp_path, "gfs"):
            pass
        with locked(tmp_path, "ifs"):
            pass
        holder.kill()
        holder.wait()
        with locked(tmp_path, "gfs") as folder:
            assert folder == tmp_path / "gfs"


def test_a_second_thread_is_refused_and_the_lock_stays_with_the_first(tmp_path: Path) -> None:
    second = [sys.executable, "-c", HOLD, str(tmp_path)]
    with locked(tmp_path, "gfs"):
        with pytest.raises(Busy, match=f"process {os.getpid()} "), locked(tmp_path, "gfs"):
            pass
        assert b"Busy" in subprocess.run(second, stdin=subprocess.DEVNULL, capture_output=True).stderr
    with locked(tmp_path, "gfs"):
        pass


HOLD_AND_FORK = """
import os, signal, sys
from pathlib import Path
from flows.dock import locked
with locked(Path(sys.argv[1]), "gfs"):
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        os.write(tell, b"!")
        signal.pause()
    os.read(ready, 1)
    print(child, flush=True)
    signal.pause()
"""


def test_a_child_does_not_hold_the_lock_of_its_killed_parent(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_AND_FORK, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        with pytest.raises(Busy), locked(tmp_path, "gfs"):
            pass
        holder.kill()
        holder.wait()
        try:
            with locked(tmp_path, "gfs"):
                os.kill(child, 0)
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_work_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match=r"the work folder .*file/gfs cannot be used: Not a directory.*--work"):
        locked(tmp_path / "file", "gfs").__enter__()


class Killed(Exception):
    """Stands for whatever ends an ingest early."""


def end_early(folder: Path, init_time: datetime) -> Dock:
    """An ingest that staged a message, began its store and got no further."""
    with suppress(Killed), docked(folder, init_time) as dock:
        (dock.staged / "f000").write_text("blob")
        dock.store.with_name("run.zarr.zip.part").write_text("half")
        raise Killed
    return dock


def test_leftovers_of_other_runs_and_half_written_stores_go_but_staged_messages_stay(tmp_path: Path) -> None:
    earlier = end_early(tmp_path, EARLIER)
    dock = end_early(tmp_path, RUN)
    assert not earlier.folder.exists()
    assert not dock.scratch.exists()
    dock.scratch.mkdir()
    (dock.scratch / "left by kill -9").write_text("")
    with docked(tmp_path, RUN) as dock:
        assert (dock.staged / "f000").read_text() == "blob"
        assert list(dock.scratch.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_left_of_runs_before_the_published_one_goes_and_of_others_stays(tmp_path: Path) -> None:
    earlier, dock = Dock(tmp_path / "20260419T1800Z"), end_early(tmp_path, RUN)
    earlier.staged.mkdir(parents=True)
    (tmp_path / ".lock").touch()
    sweep(tmp_path, RUN)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", dock.folder.name]
    sweep(tmp_path, RUN + timedelta(hours=6))
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
