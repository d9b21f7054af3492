"""`windlass` in processes forked from one that has loaded and compiled everything: the same, seconds sooner each.

One order a line on stdin: {"arguments": [...], "env": {...}, "log": path}. One event a line on stdout: {"born": pid},
{"ended": pid, "code": n}. Each lives in a session of its own and dies with this process; this one dies with its parent.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import signal
import sys
from typing import IO, NoReturn

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run the command of the arguments here, which warms everything up, then live on orders until stdin ends."""
    talk, sys.stdout = sys.stdout, sys.stderr
    code = windlass(sys.argv[1:])
    threads = len(os.listdir("/proc/self/task"))
    if code or threads > 1:
        raise RuntimeError(f"warming up ended with code {code} and left {threads} threads")
    say(talk, warm=os.getpid())
    waking, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    with selectors.DefaultSelector() as events:
        events.register(sys.stdin, selectors.EVENT_READ)
        events.register(waking, selectors.EVENT_READ)
        while True:
            for key, _ in events.select():
                if key.fileobj == waking:
                    os.read(waking, 4096)
                    bury(talk)
                elif order := sys.stdin.readline():
                    say(talk, born=fork(json.loads(order)))
                else:
                    return


def say(talk: IO[str], **event: int) -> None:
    """One event."""
    print(json.dumps(event), file=talk, flush=True)


def bury(talk: IO[str]) -> None:
    """Tell of all children that have ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        say(talk, ended=pid, code=os.waitstatus_to_exitcode(status))


def fork(order: dict[str, object]) -> int:
    """The process id of a child that carries the order out."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        code = live(order)
    except BaseException:  # noqa: BLE001 - goes into its log, and is its end
        import traceback

        traceback.print_exc()
    finally:
        leave(code)


def live(order: dict[str, object]) -> int:
    """The whole life of a child."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(order["env"])  # type: ignore[call-overload]
    log = os.open(str(order["log"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(log, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    arguments: list[str] = list(order["arguments"])  # type: ignore[call-overload]
    return windlass(arguments)


def windlass(arguments: list[str]) -> int:
    """The command line in this process; its exit code."""
    from deployments.cli import main as command

    sys.argv = ["windlass", *arguments]
    try:
        command()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    return 0


def leave(code: int) -> NoReturn:
    """End without the parent's clean-up."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
