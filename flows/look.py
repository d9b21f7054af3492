"""What a run on its mirrors is like, before anything of it is fetched: bytes from indexes, the grid from a message."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import numpy as np

from flows.model import Model
from storage.grids import Grid
from tasks.ask import LeadOrder
from tasks.entry import Target
from tasks.errors import IncompleteRun
from tasks.fetch import fetch_leads
from tasks.listed import Listed, list_files
from tasks.wanted import Mirror, Product, StagedMessage, Wanted, hour_of

FILES = 64
"""Indexes that are read: all of HRRR's, of GFS' each lead in seven. A request takes 50 ms, and eight go at once."""
MEMBERS = 4
"""Of an ensemble whose members have files of their own."""


@dataclass(frozen=True)
class Look:
    """What the leads that were asked for come to.

    `download`: bytes over the wire; `staged`: of messages alone; `lengths`: variable -> bytes of all its messages;
    `messages`: variable -> how many there are. Static fields are in none of them.
    """

    grid: Grid
    download: float
    lengths: dict[str, float]
    messages: dict[str, float]

    @property
    def staged(self) -> float:
        return sum(self.lengths.values())


def look_at_run(model: Model, init_time: datetime, leads: Sequence[int], mirrors: Sequence[Mirror]) -> Look:
    """Read the indexes of some leads, and fetch the smallest message that they list.

    Between the leads that were looked at lengths lie on straight lines. Raises NoMirrorLeft, IncompleteRun.
    """
    found: list[Listed] = []
    received, told = 0.0, 0.0
    lengths: dict[str, float] = defaultdict(float)
    messages: dict[str, float] = defaultdict(float)
    for product in model.products:
        files = product.apart()[:: max(1, len(product.apart()) // MEMBERS)]
        own = list_files(
            mirrors, [(file, target) for file in files for target in _targets(model, product, init_time, leads, file)]
        )
        found += own
        received += sum(one.received for one in own)
        told += sum(sum(one.lengths.values()) for one in own)
        for row in (row for row in model.wanted if row.product == product.name):
            count, total = _of_row(row, product, init_time, leads, own)
            lengths[row.name] += total
            messages[row.name] += count
    if not told:
        raise IncompleteRun(f"{model.name} {init_time:%Y-%m-%dT%HZ}: its indexes list nothing that is wanted")
    grid = _grid(model, init_time, mirrors, found)
    return Look(grid, sum(lengths.values()) * received / told, dict(lengths), dict(messages))


def grid_of(messages: Sequence[StagedMessage]) -> Grid:
    """The one that the first of them lies on; raises DecodeError."""
    # With the decoder come the kernels' compilers.
    from tasks.decode import orientations

    return orientations(messages[:1])[0].grid


def _targets(model: Model, product: Product, init_time: datetime, leads: Sequence[int], file: Product) -> list[Target]:
    """Of the leads that are looked at: evenly, and the first and the last one of every variable."""
    count = max(2, FILES // (len(model.products) * min(MEMBERS, len(product.apart()))))
    some = {leads[round(number)] for number in np.linspace(0, len(leads) - 1, min(count, len(leads)))}
    for row in model.wanted:
        due = [lead for lead in leads if any(row.due(init_time, time) for time in product.times(lead))]
        some |= {due[0], due[-1]} if due and row.product == product.name else set()
    targets = [Target.of(file, init_time, lead, model.wanted) for lead in sorted(some)]
    return [target for target in targets if target.slots()]


def _of_row(
    row: Wanted, product: Product, init_time: datetime, leads: Sequence[int], found: Sequence[Listed]
) -> tuple[float, float]:
    """How many messages a variable has at all leads, and their bytes."""
    samples: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for one in found:
        slots = [slot for own, slot in one.target.slots() if own == row]
        own_lengths = [one.lengths[slot] for slot in slots if slot in one.lengths]
        if slots:
            # A slot for each member, all of whom are in a common file.
            samples[one.target.lead].append((len(own_lengths), sum(own_lengths)))
    files = len(product.apart())
    if not samples:
        return 0.0, 0.0
    due = [lead for lead in leads if any(row.due(init_time, time) for time in product.times(lead))]
    at = sorted(samples)
    counts = np.interp(due, at, [fmean(count for count, _ in samples[lead]) for lead in at])
    sizes = np.interp(due, at, [fmean(size for _, size in samples[lead]) for lead in at])
    return float(counts.sum()) * files, float(sizes.sum()) * files


def _grid(model: Model, init_time: datetime, mirrors: Sequence[Mirror], found: Sequence[Listed]) -> Grid:
    _, slot = min((length, slot) for one in found for slot, length in one.lengths.items())
    row = next(row for row in model.wanted if row.name == slot.variable)
    (product,) = (product for product in model.products if product.name == row.product)
    file = next(file for file in product.apart() if slot.member is None or slot.member in file.members)
    members = () if slot.member is None else (slot.member,)
    with TemporaryDirectory(prefix="windlass-") as folder:
        order = LeadOrder(
            model=model.name,
            init_time=init_time,
            lead=hour_of(slot.lead),
            products=(replace(file, members=members, files=(), at_least=0),),
            wanted=(replace(row, required=True),),
            mirrors=tuple(mirrors),
            folder=Path(folder),
        )
        (result,) = fetch_leads([order])
        return grid_of(result.messages)
