from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.dock import Dock, docked, locked
from flows.errors import Busy

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
