"""Where threads spend their CPU time: what each of them has used since the last look counts for where it is now.

Compiled kernels have no frame: their time counts for the line that calls them. Only what keeps the GIL for longer than
a sample lasts is told too late, by as much.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType, TracebackType
from typing import NamedTuple


class Place(NamedTuple):
    """A line that a thread is in."""

    function: str
    file: str
    line: int


Stack = tuple[Place, ...]


class Sampler:
    """Samples all Python threads of its `with` block but the sampling one. `stacks`: CPU nanoseconds of each stack.

    Linux alone: the kernel's count of a thread's time on a processor is read from /proc.
    """

    PAUSE = 0.01

    def __init__(self) -> None:
        self.stacks: Counter[Stack] = Counter()
        self._used: dict[int, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Sampler:
        self._used = {thread: _nanoseconds(thread) for thread in _threads().values()}
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(self.PAUSE):
            self._look()
        self._look()

    def _look(self) -> None:
        frames = sys._current_frames()
        for ident, thread in _threads().items():
            if ident == threading.get_ident() or ident not in frames:
                continue
            used = _nanoseconds(thread)
            since = used - self._used.get(thread, 0)
            self._used[thread] = used
            if since > 0:
                self.stacks[_stack(frames[ident])] += since


def _threads() -> dict[int, int]:
    """Python's number of each living thread -> the kernel's."""
    return {
        thread.ident: thread.native_id
        for thread in threading.enumerate()
        if thread.ident is not None and thread.native_id is not None
    }


def _nanoseconds(thread: int) -> int:
    """Time that a thread of this process has been on a processor; 0 where it is gone."""
    try:
        return int(Path(f"/proc/self/task/{thread}/schedstat").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _stack(frame: FrameType | None) -> Stack:
    """Outermost first."""
    places = []
    while frame is not None:
        places.append(Place(frame.f_code.co_qualname, frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return tuple(reversed(places))
