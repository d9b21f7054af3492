"""Child processes that live and end together."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

PR_SET_PDEATHSIG = 1
# A cold Prefect server takes up to 50 s on two busy cores.
STARTUP_SECONDS = 170


class ChildFailed(RuntimeError):
    """A child process ended with an error or does not come up; the message ends with the last lines it wrote."""


@dataclass(frozen=True)
class Child:
    """One running process and the file its output goes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def check(self) -> None:
        """Raises ChildFailed if the process has ended with an error."""
        code = self.process.poll()
        if code:
            raise ChildFailed(f"{self.name} ended with code {code}; its log {self.log} ends with:\n{self.tail()}")

    def answer(self, url: str) -> bytes:
        """The body behind a URL of this child as soon as it listens; raises ChildFailed when it ends or is too slow."""
        deadline = monotonic() + STARTUP_SECONDS
        while True:
            self.check()
            try:
                with urlopen(url, timeout=STARTUP_SECONDS) as answer:
                    body: bytes = answer.read()
                    return body
            except HTTPError as error:
                raise ChildFailed(f"{self.name} answers {url} with {error.code}: {error.read()[:500]!r}") from error
            except (URLError, ConnectionError) as error:
                if monotonic() > deadline:
                    raise ChildFailed(
                        f"{self.name} does not answer at {url}: {error}; its log {self.log} ends with:\n{self.tail()}"
                    ) from error
                sleep(0.1)

    def wait(self) -> None:
        """Waits for the end; raises ChildFailed if it is not a success."""
        self.process.wait()
        self.check()


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def end_with_parent() -> None:
    """SIGTERM to this process, which multiprocessing started, as soon as its parent has ended, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is None:
        raise ValueError("this process was not started by multiprocessing")

    def end() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end, name="waits for the parent's end", daemon=True).start()


class Children:
    """Starts processes whose output goes to files in `logs`, and ends all of them on leaving the block."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Children:
        return self

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> Child:
        """Start `command` with the environment extended by `env`, in its own process group."""
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                list(command),
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )
        child = Child(name, process, log)
        self._children.append(child)
        return child

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in reversed(self._children):
            _signal_group(child.process, signal.SIGTERM)
        for child in reversed(self._children):
            try:
                child.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                _signal_group(child.process, signal.SIGKILL)
                child.process.wait()
            _signal_group(child.process, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def free_port(wanted: int) -> int:
    """`wanted` if nobody listens there, else any free port of the loopback interface."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")
