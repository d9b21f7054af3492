"""Clocks of the benchmarks: CPU time of a call, of a process tree, and its anonymous memory."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from threading import Event, Thread
from time import process_time_ns

import psutil

ROUNDS = 9
ROUND_NS = 60_000_000


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
    """What a process and its children took: CPU seconds, peak of anonymous memory in bytes."""

    cpu_seconds: float
    anonymous_bytes: int


def cost_of(command: Sequence[str], env: Mapping[str, str]) -> Cost:
    """Run a command to its end; raises CalledProcessError with what it wrote."""
    with subprocess.Popen(
        list(command), env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        ended = Event()
        peak = [0]
        watcher = Thread(target=_watch, args=(process.pid, ended, peak))
        watcher.start()
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        ended.set()
        watcher.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), output)
    return Cost(usage.ru_utime + usage.ru_stime, peak[0])


def _watch(pid: int, ended: Event, peak: list[int]) -> None:
    while not ended.wait(0.02):
        peak[0] = max(peak[0], anonymous_bytes(pid))


def anonymous_bytes(pid: int) -> int:
    """Anonymous memory of a process and its children now; what is gone already counts nothing."""
    total = 0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in processes:
        try:
            with open(f"/proc/{process.pid}/status") as status:
                lines = dict(line.split(":", 1) for line in status)
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += 1024 * int(lines.get("RssAnon", "0 kB").split()[0])
    return total


def cpu_seconds(pid: int) -> float:
    """CPU time that a living process and its children have used."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))
