"""`simulate_run`: one run of a model as its public bucket would hold it, GRIB2 files and their indexes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deployments.simulator.encode import Encoder
from deployments.simulator.index import Entry, index_text
from deployments.simulator.parts import Message, messages_of
from deployments.simulator.producer import Producer, producer_of
from deployments.simulator.strips import Strip, strips_of
from flows.model import Model
from storage.disk import writing
from storage.errors import DiskFull
from storage.grids import Grid, LatLonGrid, PlaneGrid
from storage.sizes import size_in_words
from tasks.wanted import Product

METRES_PER_DEGREE = 111_195.0
BYTES_PER_POINT = 0.75
"""Of a mean message, at most; 0.5 for GFS' 30 (2026-11)."""


def model_grid(model: Model, step: float = 0.0) -> Grid:
    """A model's grid with about `step` degrees between its points; 0: as production has it.

    The globe runs from north to south, its rows from where the model's do; raises ValueError where the step does not
    divide 180 degrees. Of a grid in metres every so manyth point of every so manyth row is taken.
    """
    grid = model.grid
    if not step:
        return grid
    if isinstance(grid, PlaneGrid):
        return _thinned(grid, step)
    if not isinstance(grid, LatLonGrid):
        raise TypeError(f"nobody says how to thin out {grid}")
    rows = round(180.0 / step)
    if rows < 1 or abs(rows * step - 180.0) > 1e-9:
        raise ValueError(f"a grid step of {step:g} degrees does not divide 180 degrees")
    return LatLonGrid(90.0, -step, rows + 1, grid.lon0, step, 2 * rows)


def _thinned(grid: PlaneGrid, step: float) -> PlaneGrid:
    every = min(max(round(step * METRES_PER_DEGREE / grid.dx), 1), min(grid.shape))
    ny, nx = (-(-count // every) for count in grid.shape)
    return replace(grid, ny=ny, nx=nx, dx=every * grid.dx, dy=every * grid.dy)


def simulate_run(
    folder: Path,
    model: Model,
    init_time: datetime,
    leads: Iterable[int],
    grid: Grid,
    progress: Callable[[int, int], None] | None = None,
    threads: int | None = None,
    producer: Producer | None = None,
) -> list[Path]:
    """Write the files of `leads` (hours) under `folder`; the same arguments give the same bytes.

    progress: called with (leads written, leads asked for). threads: None takes one a core. producer: who writes; None
    takes the model's own. Returns the files, each index after its data. Raises ValueError for
    a lead or an init time that the model does not have, DiskFull, and BucketError for what else the disk says.
    """
    leads = sorted(set(leads))
    absent = set(leads) - set(model.leads(init_time))
    if absent:
        words = ", ".join(map(str, sorted(absent)))
        raise ValueError(f"{model.name} {init_time:%Y-%m-%dT%H:%MZ} has no lead {words}")
    producer = producer or producer_of(model)
    contents = {lead: messages_of(model, producer, init_time, lead) for lead in leads}
    _check_room(folder, grid, sum(map(len, contents.values())))
    # The last lead that needs the totals of an hour.
    needed = {message.interval[0]: lead for lead, messages in contents.items() for message in messages}
    values = np.empty((max(map(len, contents.values()), default=0), *grid.shape), np.float32)
    written: list[Path] = []
    with ExitStack() as stack:
        workers = threads or os.cpu_count() or 1
        pool = stack.enter_context(ThreadPoolExecutor(workers))
        crew = [stack.enter_context(Encoder(producer, grid, init_time)) for _ in range(workers)]
        strips = strips_of(grid, init_time, model, producer)
        for done, (lead, messages) in enumerate(contents.items(), 1):
            keep = frozenset(start for start, last in needed.items() if last >= lead)
            fields = values[: len(messages)]
            _fill(strips, keep, messages, fields, pool)
            written += _write_files(folder, init_time, lead, producer, messages, _encode(messages, fields, crew, pool))
            if progress is not None:
                progress(done, len(leads))
    return written


def _check_room(folder: Path, grid: Grid, messages: int) -> None:
    """Raises DiskFull where so many messages surely find no room."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    need, free = BYTES_PER_POINT * messages * grid.ny * grid.nx, shutil.disk_usage(there).free
    if need > free:
        raise DiskFull(
            f"{messages} messages of {grid.nx} x {grid.ny} points take up to {size_in_words(need)}, "
            f"the disk of {folder} has {size_in_words(free)} free: free some space or choose another folder"
        )


def _fill(
    strips: Sequence[Strip],
    keep: frozenset[int],
    messages: Sequence[Message],
    fields: NDArray[np.float32],
    pool: Executor,
) -> None:
    """The weather of a lead into `fields` [message, ny, nx]."""
    for _ in pool.map(lambda strip: strip.fill(keep, messages, fields), strips):
        pass


def _encode(
    messages: Sequence[Message], fields: NDArray[np.float32], crew: Sequence[Encoder], pool: Executor
) -> list[bytes]:
    """Every message's bytes. Each encoder takes its share, in one thread at a time."""

    def share(worker: int) -> list[bytes]:
        mine = zip(messages[worker :: len(crew)], fields[worker :: len(crew)], strict=True)
        return [
            crew[worker].message(part.identity, interval, values, part.digits, part.binary, member)
            for (_, part, interval, member), values in mine
        ]

    shares = list(pool.map(share, range(len(crew))))
    return [shares[number % len(crew)][number // len(crew)] for number in range(len(messages))]


def _write_files(
    folder: Path,
    init_time: datetime,
    lead: int,
    producer: Producer,
    messages: Sequence[Message],
    encoded: Sequence[bytes],
) -> list[Path]:
    """The files of a lead, in the order of their messages."""
    files: list[Path] = []
    pairs = zip(messages, encoded, strict=True)
    for product, contents in groupby(pairs, key=lambda pair: pair[0].product):
        files += _write_file(folder, product, init_time, lead, producer, list(contents))
    return files


def _write_file(
    folder: Path,
    product: Product,
    init_time: datetime,
    lead: int,
    producer: Producer,
    contents: Sequence[tuple[Message, bytes]],
) -> list[Path]:
    entries: list[Entry] = []
    offset = 0
    for (_, part, interval, member), data in contents:
        entries.append(
            Entry(
                name=part.name,
                level=part.level_text,
                level_type=part.level_type,
                level_list=part.level_list,
                statistic=part.identity.statistic,
                interval=interval,
                offset=offset,
                length=len(data),
                tail=part.tail,
                member=member,
            )
        )
        offset += len(data)
    data_path = folder / product.data_path(init_time, lead)
    index_path = folder / product.index_path(init_time, lead)
    put(data_path, b"".join(data for _, data in contents))
    put(index_path, index_text(product.kind, init_time, entries, producer.in_minutes).encode())
    return [data_path, index_path]


def put(path: Path, data: bytes) -> None:
    """Make a file appear whole, as objects of a bucket do."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_bytes(data)
        part.replace(path)
