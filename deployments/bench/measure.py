"""Clocks of the benchmarks: CPU time of a call, of a process and its children, and their anonymous memory."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import clock_gettime, monotonic, process_time, process_time_ns, thread_time
from types import TracebackType

import psutil

ROUNDS = 9
ROUND_NS = 60_000_000
# Linux: user and system time, of the process whose number is above the lowest three bits, all of them turned.
_CPU_CLOCK = 0b010


def cpu_micros(calls: Mapping[str, Callable[[int], object]]) -> dict[str, float]:
    """CPU microseconds of one call of each function, the median of rounds in which all take turns.

    A function gets the number of its call, so that it can ask for something else each time.
    """
    counts = {name: _calibrate(call) for name, call in calls.items()}
    rounds: dict[str, list[float]] = {name: [] for name in calls}
    number = 0
    for _ in range(ROUNDS):
        for name, call in calls.items():
            begun = process_time_ns()
            for _ in range(counts[name]):
                call(number)
                number += 1
            rounds[name].append((process_time_ns() - begun) / counts[name] / 1000)
    return {name: median(values) for name, values in rounds.items()}


def _calibrate(call: Callable[[int], object]) -> int:
    """How many calls fill a round; warms up on the way."""
    count = 1
    while True:
        begun = process_time_ns()
        for number in range(count):
            call(number)
        spent = process_time_ns() - begun
        if spent > ROUND_NS / 4:
            return max(1, round(count * ROUND_NS / spent))
        count *= 4


@dataclass(frozen=True)
class Cost:
    """What some work took: CPU seconds, seconds on the wall, peaks of anonymous memory and of disk in bytes."""

    cpu_seconds: float
    seconds: float
    anonymous_bytes: int
    disk_bytes: int


class Meter:
    """Measures its `with` block: this process and its children, however many threads they have.

    `cost` is there afterwards. `disk` tells the bytes on disk at one moment. What the samples themselves take is not
    counted; memory that was freed before, and that the allocator holds on to, is given back first.
    """

    PAUSE = 0.05

    def __init__(self, disk: Callable[[], int] = lambda: 0) -> None:
        self.cost = Cost(0.0, 0.0, 0, 0)
        self._disk = disk
        self._peaks = [0, 0]
        self._sampling = 0.0
        self._ended = Event()
        self._sampler = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Meter:
        trim()
        self._sampler.start()
        self._cpu, self._wall = cpu_so_far(), monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cpu, wall = cpu_so_far() - self._cpu, monotonic() - self._wall
        self._ended.set()
        self._sampler.join()
        self.cost = Cost(cpu - self._sampling, wall, *self._peaks)

    def _watch(self) -> None:
        while True:
            now = anonymous_bytes(os.getpid()), self._disk()
            self._peaks = [max(pair) for pair in zip(self._peaks, now, strict=True)]
            self._sampling = thread_time()
            if self._ended.wait(self.PAUSE):
                return


def cpu_so_far() -> float:
    """CPU seconds of this process, and of its children that have ended and were waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return process_time() + children.ru_utime + children.ru_stime


def trim() -> None:
    """Give memory that is free back to the system (glibc; elsewhere its allocator does as it likes)."""
    gc.collect()
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)


def anonymous_bytes(pid: int) -> int:
    """Anonymous memory of a process and its children now; what is gone already counts nothing.

    What children share with the process that forked them counts once: RssAnon would count it for each.
    """
    first, *others = family(pid)
    if not others:
        return _kilobytes(f"/proc/{pid}/status", "RssAnon:")
    return sum(_kilobytes(f"/proc/{one}/smaps_rollup", "Pss_Anon:") for one in (first, *others))


def _kilobytes(path: str, name: str) -> int:
    try:
        with open(path) as lines:
            return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(name))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def family(pid: int) -> Iterator[int]:
    """A process, its children and theirs."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            # A thread or the process itself has ended since.
            continue
        for child in found:
            yield from family(int(child))


File = tuple[int, int]
"""A device, and the number of a file on it."""


def nameless_files(pid: int | None = None) -> dict[File, int]:
    """Bytes on disk of each file of a process, or of this one, that has no name any more: scratch files have none."""
    files: dict[File, int] = {}
    for entry in Path(f"/proc/{pid or os.getpid()}/fd").iterdir():
        try:
            facts = entry.stat()
        except FileNotFoundError:
            continue
        if not facts.st_nlink:
            # A mapped file is open twice.
            files[facts.st_dev, facts.st_ino] = 512 * facts.st_blocks
    return files


def nameless_bytes(pid: int | None = None, but: Collection[File] = ()) -> int:
    """Bytes on disk of all `nameless_files`, without some of them."""
    return sum(size for file, size in nameless_files(pid).items() if file not in but)


def new_nameless_bytes() -> Callable[[], int]:
    """`nameless_bytes` of this process without what it has open already."""
    before = nameless_files()
    return lambda: nameless_bytes(but=before)


def folder_bytes(folder: Path, but: tuple[str, ...] = ()) -> int:
    """Bytes that the files below a folder take on disk now, without those whose names begin with one of `but`."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            if name.startswith(but):
                continue
            try:
                total += 512 * os.lstat(os.path.join(path, name)).st_blocks
            except FileNotFoundError:
                continue
    return total


def cpu_seconds(pid: int) -> float:
    """CPU time that a living process and its children have used.

    What `/proc` and psutil tell comes in ticks of 10 ms: the clock of a process (clock_getcpuclockid(3)) has none.
    """
    processes = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return sum(clock_gettime((~process << 3) | _CPU_CLOCK) for process in processes)
