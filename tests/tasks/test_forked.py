"""Forked children: results in order, errors as they were raised, deaths told, nobody left."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tasks.errors import DecodeError
from tasks.forked import ECCODES, ChildDied, in_children

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("nobody_is_left")


@pytest.mark.parametrize("count", [0, 1, 2, 7])
@pytest.mark.parametrize("children", [1, 2, 3])
def test_results_come_in_order(count: int, children: int) -> None:
    assert list(in_children(lambda number: number * number, count, children)) == [n * n for n in range(count)]


def test_work_is_done_elsewhere_and_shared_out() -> None:
    pids = list(in_children(lambda number: os.getpid(), 6, 2))
    assert os.getpid() not in pids
    assert len(set(pids)) == 2


def test_results_may_be_larger_than_a_pipe() -> None:
    assert [len(block) for block in in_children(lambda number: b"x" * 300_000, 5, 2)] == [300_000] * 5


def test_an_error_comes_back_with_its_trace() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise DecodeError("message 3 is broken")
        return number

    results = in_children(work, 8, 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(DecodeError, match="message 3 is broken") as caught:
        next(results)
    assert "in work" in caught.value.__notes__[0]


@pytest.mark.parametrize("end", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_death_is_told_with_its_number_and_signal(end: signal.Signals) -> None:
    def work(number: int) -> int:
        if number == 2:
            os.kill(os.getpid(), end)
        return number

    with pytest.raises(ChildDied, match=f"its decoding ended with {end.name}") as caught:
        list(in_children(work, 5, 2))
    assert caught.value.number == 2


def test_a_result_that_cannot_be_sent_is_a_death_too() -> None:
    with pytest.raises(ChildDied, match="ended with exit code 1"):
        list(in_children(lambda number: lambda: None, 1, 1))


def test_children_end_when_nobody_listens_any_more() -> None:
    results = in_children(lambda number: number, 1_000_000, 2)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]


WORK_FOR_EVER = """
import os, signal
from tasks.forked import in_children

def work(number):
    os.write(1, b"%d\\n" % os.getpid())
    signal.pause()

next(in_children(work, 2, 2))
"""


def test_children_of_a_killed_process_die_with_it() -> None:
    with subprocess.Popen([sys.executable, "-c", WORK_FOR_EVER], stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        children = [os.pidfd_open(int(parent.stdout.readline())) for _ in range(2)]
        parent.kill()
    for child in children:
        # A pidfd becomes readable when its process ends.
        assert select.select([child], [], [], 60)[0] == [child]
        os.close(child)


def test_nobody_forks_while_another_thread_is_within_eccodes() -> None:
    """The child would wait for ever for a lock that ecCodes held."""
    found: list[bool] = []
    thread = threading.Thread(
        target=lambda: found.extend(in_children(lambda number: ECCODES.acquire(timeout=30), 4, 2))
    )
    with ECCODES:
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
    thread.join(60)
    assert found == [True] * 4
