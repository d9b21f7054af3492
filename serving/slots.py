"""The spans of time that an answer tells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from serving.preference import When
from serving.quantities import FALLING, NAMES

_FALLING = np.array(FALLING)
EVERY = 2**62
MINUTE = 60


@dataclass(frozen=True)
class Slots:
    """Spans of time to be told, Unix seconds: starts, ends: [slot] int64, each starts[i] < ends[i].

    Those of a minute are of now, the longer ones hours. full: of the first so many everything is told, of the others
    only what falls. untold: columns that are told of none.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    full: int = EVERY
    untold: frozenset[str] = frozenset()

    @cached_property
    def when(self) -> NDArray[np.int8]:
        """[slot] serving.preference.When, of which minutes are 1."""
        return (self.ends - self.starts <= MINUTE).view(np.int8)

    @cached_property
    def upto(self) -> NDArray[np.int64]:
        """[quantity] how many of the slots, the first ones, are told of each."""
        count = len(self.starts)
        upto = np.where(_FALLING, count, min(self.full, count))
        upto[[name in self.untold for name in NAMES]] = 0
        return upto

    @cached_property
    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8], NDArray[np.int64]]:
        """starts, ends, when, upto."""
        return self.starts, self.ends, self.when, self.upto

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """[quantity, when] how many of these there are of each kind."""
        upto = self.upto.tolist()
        counted = {count: np.bincount(self.when[:count], minlength=len(When)) for count in set(upto)}
        return np.stack([counted[count] for count in upto])

    @cached_property
    def reach(self) -> tuple[int, int, int]:
        """The starts of the first and the last slot in time, and the last end, s."""
        return int(self.starts.min()), int(self.starts.max()), int(self.ends.max())
