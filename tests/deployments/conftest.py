"""`windlass` in child processes, on folders of the test's own, and small simulated runs to feed it."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pytest

from deployments.simulator.run import simulate_run
from flows.gfs import MODEL
from storage.grids import LatLonGrid
from tests.deployments.spoilt import LEAD1

ROOT = Path(__file__).parents[2]
WINDLASS = "import sys; from deployments.cli import main; sys.argv[0] = 'windlass'; main()"


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror folder with the GFS runs of 2026-04-20 00Z and 06Z, leads 0-2, on a 10 degree grid.

    Not to be written.
    """
    folder = tmp_path_factory.mktemp("runs")
    for hour in (0, 6):
        init_time = datetime(2026, 4, 20, hour, tzinfo=UTC)
        simulate_run(folder, MODEL, init_time, (0, 1, 2), LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36))
    return folder


@pytest.fixture
def mirror(runs: Path, tmp_path: Path) -> Path:
    """A copy of the simulated runs, to be spoilt."""
    return Path(shutil.copytree(runs, tmp_path / "mirror"))


@pytest.fixture
def lead(mirror: Path) -> Path:
    """The file of lead 1 of the next run, to be spoilt."""
    return mirror / LEAD1


@dataclass(frozen=True)
class Windlass:
    """The command line, configured for folders below `home`."""

    home: Path

    @property
    def bucket(self) -> Path:
        return self.home / "bucket"

    @property
    def stores(self) -> Path:
        return self.home / "stores"

    @property
    def work(self) -> Path:
        return self.home / "work"

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "WINDLASS_BUCKET": str(self.bucket),
            "WINDLASS_STORES": str(self.stores),
            "WINDLASS_WORK": str(self.work),
            "COLUMNS": "100",
        }

    def command(self, *arguments: object, code: str = WINDLASS, env: dict[str, str] | None = None) -> dict[str, Any]:
        """What subprocess needs to run `windlass ...` as people do."""
        return {
            "args": [sys.executable, "-c", code, *map(str, arguments)],
            "cwd": ROOT,
            "env": {**self.env, **(env or {})},
            "text": True,
        }


@pytest.fixture
def windlass(tmp_path: Path) -> Windlass:
    return Windlass(tmp_path)


WARM = """
import json, os, sys
from deployments.cli import main

def windlass(arguments):
    sys.argv = ["windlass", *arguments]
    try:
        main()
    except SystemExit as left:
        return left.code or 0
    return 0

def life(order):
    os.setsid()
    os.environ.clear()
    os.environ.update(order["env"])
    for number, path in ((1, order["out"]), (2, order["err"])):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout = talk
    return windlass(order["arguments"])

talk, sys.stdout = sys.stdout, sys.stderr
warmed = windlass(json.loads(sys.argv[1]))
assert warmed == 0 and len(os.listdir("/proc/self/task")) == 1, warmed
while order := sys.stdin.readline():
    order = json.loads(order)
    child = os.fork()
    if not child:
        code = 70
        try:
            code = life(order)
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    print(child, file=talk, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=talk, flush=True)
"""


@dataclass(frozen=True)
class Done:
    """How a `windlass` process ended."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """What a user is told: the one line of an expected error."""
        assert self.returncode == 1, (self.returncode, self.stderr)
        lines = self.stderr.splitlines()
        assert [line for line in lines if line.startswith("error:")] == lines[-1:], self.stderr
        return lines[-1]


@dataclass
class Begun:
    """A `windlass` process that runs, in a session of its own: `pid` is its number too."""

    pid: int
    _talk: IO[str]
    _files: tuple[Path, Path]
    _done: list[Done] = field(default_factory=list)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal, where it has not ended yet."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def linger(self, seconds: float) -> None:
        """Return when it ends, or so much later."""
        with suppress(ProcessLookupError):
            process = os.pidfd_open(self.pid)
            select.select([process], [], [], seconds)
            os.close(process)

    def wait(self) -> Done:
        if not self._done:
            code = int(self._talk.readline())
            self._done.append(Done(code, *(file.read_text() for file in self._files)))
        return self._done[0]


class Warm:
    """`windlass` in processes forked from one that has loaded and compiled everything: the same, 3 s sooner each.

    One after the other: `begin` waits for the one before.
    """

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._files = folder / "stdout", folder / "stderr"
        self._last: Begun | None = None

    def begin(self, windlass: Windlass, *arguments: object) -> Begun:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if self._last is not None:
            # A test that failed did not.
            self._last.wait()
        out, err = map(str, self._files)
        order = {"arguments": list(map(str, arguments)), "env": windlass.env, "out": out, "err": err}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self._last = Begun(int(self._process.stdout.readline()), self._process.stdout, self._files)
        return self._last


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory, runs: Path) -> Iterator[Warm]:
    home = Windlass(tmp_path_factory.mktemp("warm"))
    ingest = ["ingest", "gfs", "--mirror", str(runs), "--leads", "0-2", "--init-time", "2026-04-20T00", "--direct"]
    warming = home.command(json.dumps(ingest), code=WARM)
    with subprocess.Popen(**warming, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Warm(process, home.home)
        assert process.stdin is not None
        process.stdin.close()
    assert process.returncode == 0


Run = Callable[..., Done]


@pytest.fixture
def run(warm: Warm, windlass: Windlass) -> Run:
    """run(*arguments): `windlass ...` in a process of its own, to its end."""
    return lambda *arguments: warm.begin(windlass, *arguments).wait()


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but locks, and records of ingests, which tell of failures too."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in (".lock", "ingest.json"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@dataclass(frozen=True)
class Published:
    """The GFS run of 00Z, published and synced in the test's own folders, and what these held then."""

    windlass: Windlass
    bucket: dict[str, bytes]
    stores: dict[str, bytes]

    def stays(self) -> None:
        """Bucket and stores are as they were, and nothing half done is in the work folder but staged messages."""
        assert contents(self.windlass.bucket) == self.bucket
        assert contents(self.windlass.stores) == self.stores
        left = [path.relative_to(self.windlass.work) for path in self.windlass.work.rglob("*") if path.is_file()]
        assert all(path.name == ".lock" or path.parts[2] == "staged" for path in left), left
        assert not [path for path in left if path.suffix == ".part"]


@pytest.fixture(scope="session")
def first(warm: Warm, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Windlass:
    """Folders in which the GFS run of 00Z is published and synced. Not to be written."""
    home = Windlass(tmp_path_factory.mktemp("first"))
    ingest = ("ingest", "gfs", "--mirror", runs, "--leads", "0-2", "--init-time", "2026-04-20T00", "--direct")
    for command in (ingest, ("sync", "--once")):
        done = warm.begin(home, *command).wait()
        assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def published(first: Windlass, windlass: Windlass) -> Published:
    """A run that must stay published and synced whatever fails. Its folders are the test's to spoil."""
    shutil.copytree(first.bucket, windlass.bucket)
    shutil.copytree(first.stores, windlass.stores)
    return Published(windlass, contents(windlass.bucket), contents(windlass.stores))


@pytest.fixture(scope="session")
def tidy(prefect_server: object) -> Callable[[], None]:
    """tidy(): the Prefect server forgets deployments, automations, pools, variables and blocks."""
    from prefect import get_client

    def tidy() -> None:
        with get_client(sync_client=True) as client:
            for automation in client.read_automations(limit=200):
                client.delete_automation(automation.id)
            for deployment in client.read_deployments():
                client.delete_deployment(deployment.id)
            for pool in client.read_work_pools():
                client.delete_work_pool(pool.name)
            for variable in client.read_variables():
                client.delete_variable_by_name(variable.name)
            for document in client.read_block_documents(limit=200):
                client.delete_block_document(document.id)

    return tidy
