"""Trials: damaged messages given to the band decoder in guarded memory, then to ecCodes, in children that may die."""

from __future__ import annotations

import enum
import hashlib
import mmap
import resource
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

import eccodes
import numpy as np
from numpy.typing import NDArray

from deployments.fuzz.guard import before_the_forbidden, behind_the_forbidden
from deployments.fuzz.mutate import mutant
from deployments.fuzz.truth import by_eccodes, misreading
from tasks.errors import MessageError
from tasks.forked import ChildDied, in_children
from tasks.packing import packing_of

Decoder = Callable[[memoryview, int], NDArray[np.float32] | None]
"""As tasks.unpack.unpack: (message, at_once) -> values [point], NaN = missing."""

CHILDREN = 2
SECONDS = 10
"""CPU time after which a message counts as hung."""
MEMORY = 1 << 31
"""Address space that a child may add to its parent's."""
MOST_POINTS = 1 << 27
"""More are not tried: some damaged messages claim four billion."""


class Verdict(enum.Enum):
    """What became of a message."""

    SAME = "decoded, and ecCodes agrees bit for bit"
    UNTOLD = "decoded, where ecCodes refuses, dies or is known to be wrong"
    REFUSED = "refused as corrupt, or too large to be tried"
    DECLINED = "left to ecCodes"
    DIFFERS = "decoded, but ecCodes tells other values"
    UNSTEADY = "told one thing in some chunks at one place and something else in others at another"
    RAISED = "raised something else than MessageError"
    DIED = "killed the process: a read outside of the message"
    HUNG = f"not done after {SECONDS} s of CPU time"


BAD = frozenset({Verdict.DIFFERS, Verdict.UNSTEADY, Verdict.RAISED, Verdict.DIED, Verdict.HUNG})
"""Verdicts that are defects of the decoder."""


class Outcome(NamedTuple):
    """The verdict over one mutant of a seed, and why."""

    number: int
    verdict: Verdict
    why: str


class _Answer(NamedTuple):
    verdict: Verdict
    why: str = ""
    digest: bytes = b""


def mutant_of(seed: str, number: int, corpus: Sequence[bytes]) -> bytes:
    """One mutant of a seed: the same whenever the corpus is the same."""
    return mutant(Random(f"{seed}/{number}"), corpus)


def trials(seed: str, numbers: range, corpus: Sequence[bytes], decoder: Decoder) -> Iterator[Outcome]:
    """The verdicts over some mutants, in order. `decoder` runs in forked children: it has to be compiled before."""
    most = _address_space() + MEMORY

    def ours(number: int) -> _Answer:
        _limit(most)
        return _ours(mutant_of(seed, number, corpus), decoder, Random(f"{seed}/{number}/chunks"))

    def truth(number: int) -> _Answer:
        _limit(most)
        return _truth(mutant_of(seed, number, corpus))

    answers = dict(zip(numbers, _answers(ours, numbers), strict=True))
    decoded = [number for number, answer in answers.items() if answer.digest]
    truths = dict(zip(decoded, _answers(truth, decoded), strict=True))
    for number, (verdict, why, digest) in answers.items():
        if number not in truths:
            yield Outcome(number, verdict, why)
        elif not truths[number].digest:
            yield Outcome(number, Verdict.UNTOLD, truths[number].why)
        else:
            yield Outcome(number, Verdict.SAME if truths[number].digest == digest else Verdict.DIFFERS, why)


def _answers(work: Callable[[int], _Answer], numbers: Sequence[int]) -> Iterator[_Answer]:
    """work(number) for each, in children; a child that dies over a number answers for it."""
    done = 0
    while done < len(numbers):
        rest = numbers[done:]
        try:
            for answer in in_children(partial(_work_at, work, rest), len(rest), CHILDREN):
                done += 1
                yield answer
        except ChildDied as death:
            done += 1
            hung = str(death) == str(ChildDied(death.number, signal.SIGPROF, by_signal=True))
            yield _Answer(Verdict.HUNG if hung else Verdict.DIED, str(death))


def _work_at(work: Callable[[int], _Answer], numbers: Sequence[int], at: int) -> _Answer:
    return work(numbers[at])


def _address_space() -> int:
    """Bytes of this process' address space."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE


def _limit(most: int) -> None:
    """Let the process be killed by SIGPROF if its next message takes it too long, and bound its memory."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _ours(damaged: bytes, decoder: Decoder, chance: Random) -> _Answer:
    """Decoded once before and once behind forbidden memory, in chunks of different sizes."""
    one, other = (_decoded(place(damaged), decoder, chance) for place in (before_the_forbidden, behind_the_forbidden))
    same = (one.verdict, one.digest) == (other.verdict, other.digest)
    return one if same else _Answer(Verdict.UNSTEADY, f"{one.verdict.value} / {other.verdict.value}")


def _decoded(message: memoryview, decoder: Decoder, chance: Random) -> _Answer:
    try:
        packing = packing_of(message)
        if packing is None:
            return _Answer(Verdict.DECLINED)
        points = packing.points
        if points > MOST_POINTS:
            return _Answer(Verdict.REFUSED, f"{points} points are too many to try")
        values = decoder(message, 1 + points // chance.choice([1, 3, 50, 1000]))
    except MessageError as error:
        return _Answer(Verdict.REFUSED, str(error))
    except Exception as error:  # noqa: BLE001 - any other is what is looked for
        return _Answer(Verdict.RAISED, f"{type(error).__name__}: {error}")
    if values is None or values.dtype != np.float32 or values.shape != (points,):
        return _Answer(Verdict.RAISED, f"{points} points became {values!r}")
    return _Answer(Verdict.SAME, digest=_digest(values))


def _truth(damaged: bytes) -> _Answer:
    packing = packing_of(damaged)
    assert packing is not None
    if no_truth := misreading(damaged, packing):
        return _Answer(Verdict.REFUSED, no_truth)
    try:
        return _Answer(Verdict.SAME, digest=_digest(by_eccodes(damaged)))
    except (eccodes.CodesInternalError, MemoryError) as error:
        return _Answer(Verdict.REFUSED, str(error))


def _digest(values: NDArray[np.float32]) -> bytes:
    """Of the bits, in which every missing value is the same."""
    return hashlib.blake2b(np.where(np.isnan(values), np.float32(np.nan), values).tobytes()).digest()
