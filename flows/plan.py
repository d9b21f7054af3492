"""What an ingest will take: bytes over the wire, disk, memory, time. Said before it starts."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flows.crew import GROUPS_AT_ONCE
from flows.leads import leads_in_words
from flows.look import Look
from flows.model import Model
from flows.needs import (
    Shape,
    clipped_bytes,
    memory_bytes,
    reserved_bytes,
    scratch_bytes,
    short_bytes,
    store_bytes,
)
from flows.pace import Last, packed_as
from flows.search import Found
from storage.grids import Box, Grid, OutsideGrid, PlaneGrid, Window
from storage.run_time import run_time
from storage.sizes import size_in_words
from tasks.errors import DiskFull, IngestError
from tasks.fetch import LEADS_AT_ONCE
from tasks.wanted import Mirror


class NothingInside(IngestError, ValueError):
    """The box holds no point of the model's grid."""


@dataclass(frozen=True)
class Plan:
    """One run to be ingested and what it takes, in bytes.

    `download`: over the wire. `disk`: of the work folder, at its fullest. `kept`: what the bucket gets. `cells`: of its
    store. `memory`: of the process and its children, at its highest.
    """

    model: str
    init_time: datetime
    leads: tuple[int, ...]
    mirrors: tuple[Mirror, ...]
    messages: int
    download: int
    disk: int
    kept: int
    cells: int
    memory: int
    folder: Path

    def in_words(self) -> str:
        return f"{self.title()}: {self.source()}; {self.needs()}"

    def title(self) -> str:
        return f"{self.model} {run_time(self.init_time)}, {len(self.leads)} leads ({leads_in_words(self.leads)})"

    def source(self) -> str:
        names = ", then ".join(mirror.name for mirror in self.mirrors)
        source = f"about {size_in_words(self.download)} to download from {names}" if names else "nothing to download"
        return f"{self.messages} messages, {source}"

    def needs(self) -> str:
        return (
            f"about {size_in_words(self.disk)} of disk in {self.folder} while it works, "
            f"{size_in_words(self.kept)} where it is published, and {size_in_words(self.memory)} of memory"
        )

    def require_room(self) -> None:
        """Raises DiskFull where the work folder's file system cannot hold half of the estimate."""
        free = shutil.disk_usage(self.folder).free
        if free < self.disk / 2:
            raise DiskFull(
                f"{self.model} {run_time(self.init_time)} needs about {size_in_words(self.disk)} in {self.folder}, "
                f"where {size_in_words(free)} are free; make room, choose another --work folder, or ask for less with "
                "--leads, --bbox"
            )


def plan_run(
    model: Model, found: Found, box: Box | None, folder: Path, look: Look | None = None, last: Last | None = None
) -> Plan:
    """Reckon one run: by what a look at it told, else by the model's declaration. Raises NothingInside.

    `last`: what the run before it came to.
    """
    counts: dict[str, float] = {}
    for lead in found.leads:
        for slot in model.slots(found.init_time, lead):
            counts[slot.variable] = counts.get(slot.variable, 0) + 1
    lengths = {name: count * model.bytes_per_message for name, count in counts.items()}
    if look:
        counts, lengths = look.messages, look.lengths
    grid = look.grid if look else model.grid
    times = model.times(found.leads)
    shape = packed_as(_shape(model, counts, grid, _window(grid, box, model), found.short, times, box is not None), last)
    whole = sum(lengths.values())
    disk = whole + scratch_bytes(shape) + reserved_bytes(shape)
    if box:
        cut = {name: clipped_bytes(shape, counts[name], length) for name, length in lengths.items()}
        staged = sum({**cut, **{name: lengths[name] for name in model.keeps_whole if name in lengths}}.values())
        arriving = whole * min(1.0, GROUPS_AT_ONCE * LEADS_AT_ONCE / len(found.leads))
        disk = staged + max(arriving, scratch_bytes(shape) + reserved_bytes(shape))
    return _plan(model, found, shape, disk, look.download if look else whole, folder)


def plan_files(model: Model, found: Found, box: Box | None, grid: Grid, folder: Path) -> Plan:
    """Reckon what is found in files on some grid. Raises NothingInside."""
    counts = Counter(message.variable for message in found.messages)
    times = {message.lead for message in found.messages}
    shape = _shape(model, counts, grid, _window(grid, box, model), found.short, times)
    return _plan(model, found, shape, scratch_bytes(shape) + reserved_bytes(shape), 0, folder)


def _plan(model: Model, found: Found, shape: Shape, disk: float, download: float, folder: Path) -> Plan:
    return Plan(
        model=model.name,
        init_time=found.init_time,
        leads=found.leads,
        mirrors=found.mirrors,
        messages=shape.messages,
        download=round(download),
        disk=round(disk),
        kept=store_bytes(shape) + short_bytes(shape),
        cells=shape.cells,
        memory=memory_bytes(shape),
        folder=folder,
    )


def _window(grid: Grid, box: Box | None, model: Model) -> Window:
    if box is None:
        return Window(0, grid.ny, 0, grid.nx)
    try:
        return grid.window(box)
    except OutsideGrid as error:
        raise NothingInside(f"{model.name}: the box holds nothing: {error}; choose another --bbox") from error


def _shape(
    model: Model,
    counts: Mapping[str, float],
    grid: Grid,
    window: Window,
    short: int | None,
    times: Collection[int],
    clipped: bool = False,
) -> Shape:
    storms = round(counts.get(model.storm, 0)) if model.storm else 0
    messages = round(sum(counts.values()))
    together = max([*counts.values(), *(sum(counts.get(name, 0) for name in joint.of) for joint in model.joints)])
    return Shape(
        points=grid.ny * grid.nx,
        window=window,
        boxed=isinstance(grid, PlaneGrid) and window != Window(0, grid.ny, 0, grid.nx),
        clipped=clipped,
        variables=len(_fields(model, counts)) + (2 if storms else 0),
        times=len(times),
        short=0 if short is None else sum(time <= short for time in times),
        messages=messages,
        together=round(together),
        by_eccodes=messages if model.by_eccodes else 0,
        scratched=messages if model.by_eccodes and not clipped else 0,
        storms=storms,
        filled=sum(_fields(model, counts).values()) * model.bytes_per_value,
        short_packed=model.short_packed,
    )


def _fields(model: Model, counts: Mapping[str, float]) -> dict[str, float]:
    """Stored variable -> how many fields of it hold values."""
    members = max(len(product.members) for product in model.products) or 1
    made: dict[str, float] = {}
    for name, count in counts.items():
        for output in model.outputs_of(name) if count else ():
            made[output] = max(made.get(output, 0), count / members)
    return made
