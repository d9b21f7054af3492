"""Clocks of the benchmarks measure what they say."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from time import process_time, thread_time

import numpy as np
import pytest

from deployments.bench import measure, stages
from deployments.bench.profile import Spot, collapsed, hottest, markdown
from deployments.bench.sampler import Place, Sampler
from deployments.bench.table import Row
from deployments.bench.table import markdown as table

MEGABYTE = 1 << 20


def burn(seconds: float, clock: Callable[[], float] = thread_time) -> None:
    """Take CPU time."""
    until = clock() + seconds
    while clock() < until:
        pass


def test_a_meter_counts_threads_and_children_that_ended() -> None:
    with measure.Meter() as meter:
        thread = threading.Thread(target=burn, args=(0.1,))
        thread.start()
        code = "from time import process_time\nwhile process_time() < 0.3: pass"
        subprocess.run([sys.executable, "-c", code], check=True)
        thread.join()
    # Clocks tick, and the meter takes off what it took itself.
    assert meter.cost.cpu_seconds >= 0.35


def test_a_meter_does_not_count_its_own_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def slow(pid: int) -> int:
        burn(0.05)
        taken.append(pid)
        return 0

    monkeypatch.setattr(measure, "anonymous_bytes", slow)
    monkeypatch.setattr(measure.Meter, "PAUSE", 0.0)
    before = process_time()
    with measure.Meter() as meter:
        while len(taken) < 4:
            threading.Event().wait(0.001)
    assert taken[0] == os.getpid()
    assert process_time() - before >= 0.2
    assert meter.cost.cpu_seconds < 0.15


def test_a_meter_sees_memory_that_is_gone_at_the_end() -> None:
    before = measure.anonymous_bytes(os.getpid())
    sampled = threading.Event()

    def disk() -> int:
        if held and held[0].nbytes:
            sampled.set()
        return 7

    held: list[np.ndarray] = []
    with measure.Meter(disk) as meter:
        held.append(np.ones(64 * MEGABYTE, np.uint8))
        sampled.wait()
        # The sample that saw it read the memory before it asked for the disk: wait for the next one.
        sampled.clear()
        sampled.wait()
        held.clear()
    assert meter.cost.anonymous_bytes > before + 48 * MEGABYTE
    assert meter.cost.disk_bytes == 7


def test_memory_of_children_is_counted_and_of_their_children() -> None:
    code = """
import subprocess, sys
block = bytearray(b"1") * (40 << 20)
if len(sys.argv) > 1:
    child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.read(1)
sys.stdout.write("x"); sys.stdout.flush()
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code, code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read(1) == b"x"
        assert len(list(measure.family(child.pid))) == 2
        assert measure.anonymous_bytes(child.pid) > 80 * MEGABYTE
        child.communicate()


def test_memory_that_a_forked_child_shares_counts_once() -> None:
    code = """
import os, sys
block = bytearray(b"1") * (60 << 20)
if not os.fork():
    sys.stdout.write("x"); sys.stdout.flush()
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read(1) == b"x"
        assert len(list(measure.family(child.pid))) == 2
        assert 60 * MEGABYTE < measure.anonymous_bytes(child.pid) < 110 * MEGABYTE
        child.communicate()


def test_files_without_a_name_are_seen_and_counted_once(tmp_path: Path) -> None:
    before = measure.nameless_bytes()
    with tempfile.TemporaryFile(dir=tmp_path) as file:
        file.write(bytes(MEGABYTE))
        file.flush()
        # Which opens it a second time.
        with mmap.mmap(file.fileno(), 0):
            assert before + MEGABYTE <= measure.nameless_bytes() < before + 2 * MEGABYTE
            more = measure.new_nameless_bytes()
            with tempfile.TemporaryFile(dir=tmp_path) as another:
                another.write(bytes(2 * MEGABYTE))
                another.flush()
                assert 2 * MEGABYTE <= more() < 3 * MEGABYTE
            assert more() == 0
        assert measure.folder_bytes(tmp_path) == 0


def test_folder_bytes_leave_out_what_they_are_told_to(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "field").write_bytes(b"x" * MEGABYTE)
    (tmp_path / "run.zip.part").write_bytes(b"x" * MEGABYTE)
    assert MEGABYTE <= measure.folder_bytes(tmp_path, but=("run.zip",)) < 2 * MEGABYTE
    assert measure.folder_bytes(tmp_path) >= 2 * MEGABYTE


def inner() -> str:
    burn(0.04)
    return "done"


def outer() -> str:
    burn(0.02)
    return inner()


released = threading.Event()


def waiting() -> None:
    released.wait()


def test_time_counts_for_the_innermost_stage_alone() -> None:
    clocks = stages.Clocks()
    here = __name__
    with clocks.around([stages.Clocked("outer", here, "outer"), stages.Clocked("inner", here, "inner")]):
        threads = [threading.Thread(target=outer) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    outside = dict(clocks.seconds)
    assert outer() == "done"
    assert clocks.seconds == outside
    assert outside["inner"] >= 0.08
    assert 0.04 <= outside["outer"] < outside["inner"]


def test_functions_come_back_after_an_error_and_after_a_name_that_is_not_there() -> None:
    before = subprocess.run
    clocks = stages.Clocks()
    timed = [stages.Clocked("a", "subprocess", "run")]

    def fail() -> None:
        with clocks.around(timed):
            assert subprocess.run is not before
            raise KeyError("of the work")

    with pytest.raises(KeyError, match="of the work"):
        fail()
    assert subprocess.run is before
    timed.append(stages.Clocked("b", "subprocess:Popen", "no_such_method"))
    with pytest.raises(AttributeError, match="no_such_method"):
        fail()
    assert subprocess.run is before


def test_a_crew_keeps_what_each_step_took() -> None:
    crew = stages.TimedCrew(clocked={"write": [stages.Clocked("listing", "os", "listdir")]})
    assert crew.step("find", lambda advance: len(os.listdir("/"))) > 0
    assert not crew.clocks.seconds
    assert crew.spread("fetch", [stages.Piece("a", 1, lambda advance: 1), stages.Piece("b", 1, lambda advance: 2)]) == [
        1,
        2,
    ]
    crew.step("write", lambda advance: os.listdir("/"))
    assert list(crew.steps) == ["find", "fetch", "write"]
    assert set(crew.clocks.seconds) == {"listing"}
    assert list(crew.ended.values()) == sorted(crew.ended.values())


def held() -> None:
    outer()
    waiting()


def test_samples_give_each_thread_its_own_time() -> None:
    def spent(function: str) -> int:
        return sum(
            nanoseconds
            for stack, nanoseconds in dict(sampler.stacks).items()
            if any(place.function == function for place in stack)
        )

    threads = [threading.Thread(target=work) for work in (held, waiting)]
    with Sampler() as sampler:
        for thread in threads:
            thread.start()
        # `outer` burns 60 ms before it waits; a thread that has ended cannot be asked any more.
        while spent("held") < 60e6:
            threading.Event().wait(0.001)
        released.set()
        for thread in threads:
            thread.join()
    assert 0 < spent("outer") <= spent("held")
    only_waiting = spent("waiting") - sum(
        nanoseconds
        for stack, nanoseconds in sampler.stacks.items()
        if {"held", "waiting"} <= {p.function for p in stack}
    )
    assert only_waiting < spent("held") / 4
    assert not spent("Sampler._watch")


MAIN, WORK, MORE_WORK = Place("main", "a.py", 1), Place("work", "a.py", 7), Place("work", "a.py", 8)
OTHER = Place("other.<locals>.<lambda>", "/x/b.py", 2)
STACKS = {(MAIN, WORK): 30_000, (MAIN, MORE_WORK): 10_000, (MAIN, OTHER): 50_000, (MAIN,): 10_000}


def test_the_hottest_functions_are_those_with_time_of_their_own() -> None:
    assert hottest(STACKS) == [Spot(0.5, OTHER), Spot(0.4, WORK), Spot(0.1, MAIN)]


def test_stacks_are_written_as_flame_graph_tools_read_them() -> None:
    lines = collapsed(STACKS).splitlines()
    assert lines[0] == "main (a.py:1);work (a.py:7) 30"
    assert lines[2] == "main (a.py:1);other.<locals>.<lambda> (x/b.py:2) 50"


def test_a_profile_quotes_lines_with_their_bars_kept_from_the_table() -> None:
    source = Path(measure.__file__).read_text().splitlines()
    number = next(number for number, line in enumerate(source, 1) if " | " in line)
    spot = Spot(0.25, Place("f", measure.__file__, number))
    assert spot.source == source[number - 1].strip()
    last = markdown([spot]).splitlines()[-1]
    assert last.replace("\\|", "").count("|") == 5
    assert f"| 25.0% | `f` | deployments/bench/measure.py:{number} |" in last


def test_a_table_has_ratios_where_there_is_something_to_compare() -> None:
    lines = table([Row("decode", 10.0, "s CPU", 40.0, "ecCodes", "<= 20"), Row("memory", 1234.0, "MB")]).splitlines()
    assert lines[2] == "| decode | 10 s CPU | ecCodes: 40 s CPU | 0.25 | <= 20 |"
    assert lines[3] == "| memory | 1,234 MB |  |  |  |"
