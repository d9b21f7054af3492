"""Processes of `windlass` that are born, killed and waited for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

import psutil

from deployments.children import die_with_parent

PATIENCE = 120.0
"""Seconds that anything may take on a busy machine."""


@dataclass
class Life:
    """One process, the leader of a session: `pid` is its number. `code`: how it ended, negative for a signal."""

    name: str
    pid: int
    log: Path
    code: int | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal, where it has not ended yet."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Its exit code; raises TimeoutError."""
        if not self.over.wait(seconds):
            raise TimeoutError(f"{self.name} does not end: {self.said()}")
        assert self.code is not None
        return self.code

    def said(self, lines: int = 12) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def family(self) -> list[psutil.Process]:
        """The processes of its session that live, itself among them."""
        return [process for process in psutil.process_iter() if _belongs(process, self.pid)]

    def children(self) -> list[psutil.Process]:
        """Those of its family that it, or another of them, has started."""
        return [process for process in self.family() if process.pid != self.pid]


def _belongs(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


class Nursery:
    """Where processes are born: forked from one that is warm. Thread-safe."""

    def __init__(self, process: subprocess.Popen[str], env: Mapping[str, str], logs: Path) -> None:
        self._process, self._env, self._logs = process, dict(env), logs
        self._lives: dict[int, Life] = {}
        self._births: SimpleQueue[int] = SimpleQueue()
        self._ends: dict[int, int] = {}
        self._turn, self._guard = threading.Lock(), threading.Lock()
        self._count = 0
        threading.Thread(target=self._hear, daemon=True).start()

    def begin(self, name: str, *arguments: object, env: Mapping[str, str] | None = None) -> Life:
        """`windlass ARGUMENTS` in a process of its own."""
        assert self._process.stdin is not None
        with self._turn:
            self._count += 1
            log = self._logs / f"{self._count:03d}-{name}.log"
            order = {
                "arguments": [str(argument) for argument in arguments],
                "env": {**self._env, **(env or {})},
                "log": str(log),
            }
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            pid = self._births.get(timeout=PATIENCE)
            if not pid:
                raise RuntimeError(f"no process can be begun: see {self._logs / 'nursery.log'}")
            life = Life(name, pid, log)
        with self._guard:
            self._lives[life.pid] = life
            if life.pid in self._ends:
                self._end(life, self._ends.pop(life.pid))
        return life

    @property
    def lives(self) -> list[Life]:
        """All that were ever begun."""
        with self._guard:
            return list(self._lives.values())

    def _hear(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            if "ended" not in event:
                self._births.put(event.get("born") or event["warm"])
                continue
            with self._guard:
                life = self._lives.get(event["ended"])
                if life is None:
                    self._ends[event["ended"]] = event["code"]
                else:
                    self._end(life, event["code"])
        self._births.put(0)

    def _end(self, life: Life, code: int) -> None:
        life.code = code
        life.over.set()

    def warmed(self, seconds: float = PATIENCE) -> None:
        """Wait until it is warm; raises RuntimeError where it ended instead, queue.Empty where it takes too long."""
        if not self._births.get(timeout=seconds):
            raise RuntimeError(f"no process can be begun: see {self._logs / 'nursery.log'}")


@contextmanager
def nursery(env: Mapping[str, str], logs: Path, warming: Sequence[object]) -> Iterator[Nursery]:
    """A nursery that has carried out `windlass WARMING` itself; all that it bore are gone when the block ends."""
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / "nursery.log").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "deployments.chaos.processes.nursery", *map(str, warming)],
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
    born = Nursery(process, env, logs)
    try:
        born.warmed()
        yield born
    finally:
        families = [member for life in born.lives for member in life.family()]
        for life in born.lives:
            life.kill(signal.SIGTERM)
        _, alive = psutil.wait_procs(families, timeout=15)
        for member in alive:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        process.kill()
        process.wait()
