"""Damaged messages never make the band decoder crash, hang, read outside or tell other values than ecCodes."""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import tasks.unpack
from deployments.fuzz import trial
from deployments.fuzz.__main__ import app
from deployments.fuzz.corpus import invented, real
from deployments.fuzz.guard import before_the_forbidden, behind_the_forbidden
from deployments.fuzz.mutate import join, split
from deployments.fuzz.trial import BAD, Decoder, Outcome, Verdict, mutant_of, trials
from tasks.forked import ChildDied, in_children
from tasks.unpack import unpack


@pytest.fixture(scope="module")
def corpus() -> list[bytes]:
    """Invented messages; each was decoded once, so that all is compiled before anything is forked."""
    messages = invented(Random("tests"))
    for message in messages:
        unpack(message)
    return messages


def assert_sound(outcomes: Sequence[Outcome]) -> Counter[Verdict]:
    assert not [outcome for outcome in outcomes if outcome.verdict in BAD]
    return Counter(outcome.verdict for outcome in outcomes)


def test_two_thousand_damaged_messages_show_no_defect(corpus: list[bytes]) -> None:
    counts = assert_sound(list(trials("tests", range(2000), corpus, unpack)))
    assert counts.total() == 2000
    assert counts[Verdict.SAME] > 100
    assert counts[Verdict.REFUSED] > 100
    assert counts[Verdict.DECLINED] > 100


def test_damaged_real_messages_show_no_defect(shared_data: Path) -> None:
    messages = [message for message in real(shared_data) if len(message) < 100_000]
    for message in messages:
        unpack(message)
    counts = assert_sound(list(trials("tests", range(500), messages, unpack)))
    assert counts[Verdict.SAME] > 10


def test_a_mutant_is_the_same_again_and_another_for_another_number_or_seed(corpus: list[bytes]) -> None:
    assert [mutant_of("a", number, corpus) for number in range(20)] == [
        mutant_of("a", number, corpus) for number in range(20)
    ]
    assert len({mutant_of(seed, number, corpus) for seed in "abc" for number in range(20)}) == 60


def test_a_message_is_its_sections(corpus: list[bytes]) -> None:
    assert [join(split(message)) for message in corpus] == corpus


def byte_at(place: Callable[[bytes], memoryview], offset: int) -> int:
    """The byte `offset` from the start of b"message", read whether it is part of it or not."""
    message = place(b"message")
    assert bytes(message) == b"message"
    address = np.frombuffer(message, np.uint8).ctypes.data
    return ctypes.string_at(address + offset, 1)[0]


@pytest.mark.parametrize(("place", "inside", "outside"), [(before_the_forbidden, 6, 7), (behind_the_forbidden, 0, -1)])
def test_a_read_outside_of_a_message_kills(place: Any, inside: int, outside: int) -> None:
    assert list(in_children(lambda number: byte_at(place, inside), 1, 1)) == [b"message"[inside]]
    with pytest.raises(ChildDied, match="SIGSEGV"):
        list(in_children(lambda number: byte_at(place, outside), 1, 1))


def reads_behind(message: memoryview, at_once: int) -> Any:
    ctypes.string_at(np.frombuffer(message, np.uint8).ctypes.data + len(message), 1)
    return unpack(message, at_once)


def reads_before(message: memoryview, at_once: int) -> Any:
    ctypes.string_at(np.frombuffer(message, np.uint8).ctypes.data - 1, 1)
    return unpack(message, at_once)


def does_not_end(message: memoryview, at_once: int) -> Any:
    while True:
        pass


def raises(message: memoryview, at_once: int) -> Any:
    raise IndexError("no such group")


def tells_other_values(message: memoryview, at_once: int) -> Any:
    values = unpack(message, at_once)
    return None if values is None else np.nextafter(values, np.float32(np.inf))


def tells_one_value_less(message: memoryview, at_once: int) -> Any:
    values = unpack(message, at_once)
    return None if values is None else values[1:]


def depends_on_the_chunks(message: memoryview, at_once: int) -> Any:
    values = unpack(message, at_once)
    return None if values is None else np.full_like(values, at_once)


@pytest.mark.parametrize(
    ("decoder", "verdict"),
    [
        (reads_behind, Verdict.DIED),
        (reads_before, Verdict.DIED),
        (does_not_end, Verdict.HUNG),
        (raises, Verdict.RAISED),
        (tells_other_values, Verdict.DIFFERS),
        (tells_one_value_less, Verdict.RAISED),
        (depends_on_the_chunks, Verdict.UNSTEADY),
    ],
)
def test_every_defect_is_found(
    corpus: list[bytes], monkeypatch: pytest.MonkeyPatch, decoder: Decoder, verdict: Verdict
) -> None:
    monkeypatch.setattr(trial, "SECONDS", 0.1)
    counts = Counter(outcome.verdict for outcome in trials("tests", range(40), corpus, decoder))
    assert counts.total() == 40
    assert counts[verdict] >= 3


def test_fuzz_keeps_what_shows_a_defect_and_fails(
    corpus: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--seconds", "0.001", "--seed", "x", "--keep", str(tmp_path / "kept")]
    sound = CliRunner().invoke(app, arguments)
    assert sound.exit_code == 0, sound.output
    assert "1,000  messages" in sound.output
    assert not (tmp_path / "kept").exists()
    monkeypatch.setattr(tasks.unpack, "unpack", tells_other_values_of_some)
    defect = CliRunner().invoke(app, arguments)
    assert defect.exit_code == 1, defect.output
    kept = sorted((tmp_path / "kept").glob("x-*.grib2"))
    assert kept
    for path in kept:
        assert str(path) in defect.output
        assert path.read_bytes() == mutant_of("x", int(path.stem.split("-")[1]), invented(Random("x")))


def tells_other_values_of_some(message: memoryview, at_once: int | None = None) -> Any:
    values = unpack(message, at_once)
    return values if values is None or len(values) % 7 else values + np.float32(1)
