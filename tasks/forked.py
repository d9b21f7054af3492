"""Work that may take its process down, done in forked children.

A flipped bit in a message makes ecCodes abort or touch memory that is not its own (2.50: complex packing, JPEG 2000;
found by flipping bits of real messages, 2026-11). A child that dies so tells which message did it.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import pickle
import resource
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import RLock
from typing import BinaryIO, NoReturn, TypeVar

Result = TypeVar("Result")

ECCODES = RLock()
"""Held by whoever calls ecCodes, and by whoever forks: a child that is forked while another thread is within ecCodes
waits for ever for a lock of its. The thread that forks goes on in the child, and holds this one there, too."""
PR_SET_PDEATHSIG = 1
"""prctl(2), Linux alone: the signal that a process gets when the thread that forked it has ended."""


@dataclass(frozen=True)
class Failure:
    """What a child's work raised."""

    error: BaseException


class ChildDied(RuntimeError):
    """A child ended while it worked on `number`."""

    def __init__(self, number: int, status: int, by_signal: bool) -> None:
        self.number = number
        how = signal.Signals(status).name if by_signal else f"exit code {status}"
        super().__init__(f"its decoding ended with {how}")


def in_children(work: Callable[[int], Result], count: int, children: int) -> Iterator[Result]:
    """work(0), work(1), ... work(count - 1), in order, shared out among so many children.

    Children see memory as it was when they were forked; results come back pickled. Raises what `work` raises, and
    ChildDied. Children are gone when this ends, however it ends. They die with the thread that asks for the first
    result, so that a killed process leaves none.
    """
    crew: list[tuple[int, BinaryIO]] = []
    parent = os.getpid()
    # Looked up here: between fork and exec nothing may be loaded where other threads run.
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    try:
        for first in range(min(children, count)):
            reading, writing = os.pipe()
            with ECCODES:
                pid = os.fork()
            if not pid:
                if prctl is not None:
                    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != parent:
                    # It was killed before its child could hear of it.
                    os._exit(1)
                _work(work, range(first, count, children), writing)
            os.close(writing)
            crew.append((pid, os.fdopen(reading, "rb")))
        for number in range(count):
            pid, pipe = crew[number % children]
            result: Result | Failure = _next(pipe, pid, number)
            if isinstance(result, Failure):
                raise result.error
            yield result
    finally:
        for pid, pipe in crew:
            pipe.close()
            _end(pid)


def _next(pipe: BinaryIO, pid: int, number: int) -> Result | Failure:
    try:
        found: Result | Failure = pickle.load(pipe)
    except (EOFError, pickle.UnpicklingError):
        # WNOWAIT: the end of the crew is where children are laid to rest.
        end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert end is not None
        raise ChildDied(number, end.si_status, end.si_code != os.CLD_EXITED) from None
    return found


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    finally:
        os.waitpid(pid, 0)


def _work(work: Callable[[int], object], numbers: range, writing: int) -> NoReturn:
    """The whole life of a child. It leaves without the parent's clean-up, and says nothing on the parent's stderr."""
    code = 1
    try:
        faulthandler.disable()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            for number in numbers:
                try:
                    result = work(number)
                except BaseException as error:  # noqa: BLE001 - the parent raises it
                    error.add_note(traceback.format_exc())
                    result = Failure(error)
                pipe.write(pickle.dumps(result))
                if isinstance(result, Failure):
                    break
        code = 0
    finally:
        os._exit(code)
