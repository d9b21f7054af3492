"""`simulate_run`: one run of a model as its public bucket would hold it, GRIB2 files and their indexes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from deployments.simulator.amounts import Amounts
from deployments.simulator.climate import Field
from deployments.simulator.encode import Encoder
from deployments.simulator.index import Entry, index_text
from deployments.simulator.parts import Part, parts_of
from deployments.simulator.producers import producer_of
from deployments.simulator.values import values_of
from deployments.simulator.weather import Weather
from flows.model import Model
from storage.grids import LatLonGrid
from tasks.wanted import Product


class Message(NamedTuple):
    """A message before it is encoded. interval: (start, end) hours after init_time; values: in the message's units."""

    part: Part
    interval: tuple[int, int]
    values: Field


def model_grid(model: Model, step: float = 0.25) -> LatLonGrid:
    """The globe in steps of `step` degrees as the model's producer lays it out: from north to south, longitudes from
    0 (NCEP) or 180 (ECMWF) on. Raises ValueError where the step does not divide 180 degrees.
    """
    rows = round(180.0 / step)
    if rows < 1 or abs(rows * step - 180.0) > 1e-9:
        raise ValueError(f"a grid step of {step:g} degrees does not divide 180 degrees")
    first = producer_of(model.products[0]).first_longitude
    return LatLonGrid(90.0, -step, rows + 1, first, step, 2 * rows)


def simulate_run(
    folder: Path,
    model: Model,
    init_time: datetime,
    leads: Iterable[int],
    grid: LatLonGrid,
    progress: Callable[[int, int], None] | None = None,
    threads: int | None = None,
) -> list[Path]:
    """Write the files of `leads` (hours) under `folder`; the same arguments give the same bytes.

    progress: called with (leads written, leads asked for). threads: that encode; None takes one a core. Returns the
    files, each index after its data. Raises ValueError for a lead or an init time that the model does not have.
    """
    leads = sorted(set(leads))
    absent = set(leads) - set(model.leads(init_time))
    if absent:
        words = ", ".join(map(str, sorted(absent)))
        raise ValueError(f"{model.name} {init_time:%Y-%m-%dT%H:%MZ} has no lead {words}")
    written: list[Path] = []
    for done, files in enumerate(_write_leads(folder, model, init_time, leads, grid, threads), 1):
        written += files
        if progress is not None:
            progress(done, len(leads))
    return written


def _write_leads(
    folder: Path, model: Model, init_time: datetime, leads: Sequence[int], grid: LatLonGrid, threads: int | None
) -> Iterator[list[Path]]:
    """Write one lead after the other and give its files."""
    _, lats, _, lons = grid.axes()
    amounts = Amounts(Weather(lats, lons), init_time, model.name)
    contents = {product: parts_of(model, product) for product in model.products}
    plan = {product: _intervals(model, product, parts, init_time, leads) for product, parts in contents.items()}
    # The last lead that needs the totals of an hour.
    needed = {start: lead for lead in leads for product in plan for start, _ in plan[product][lead].values()}
    with ExitStack() as stack:
        workers = threads or os.cpu_count() or 1
        pool = stack.enter_context(ThreadPoolExecutor(workers))
        crews = {
            product: [stack.enter_context(Encoder(producer_of(product), grid, init_time)) for _ in range(workers)]
            for product in model.products
        }
        for lead in leads:
            amounts.advance(lead, frozenset(start for start, last in needed.items() if last >= lead))
            files: list[Path] = []
            for product, crew in crews.items():
                messages = [
                    Message(part, interval, values_of(part, interval, amounts))
                    for part, interval in plan[product][lead].items()
                ]
                encoded = _encode(messages, crew, pool)
                files += _write_file(folder, product, init_time, lead, messages, encoded)
            yield files


def _intervals(
    model: Model, product: Product, parts: Sequence[Part], init_time: datetime, leads: Sequence[int]
) -> dict[int, dict[Part, tuple[int, int]]]:
    """Lead -> the messages its file has, and the hours each speaks of."""
    published = model.leads(init_time)
    before = dict(zip(published[1:], published, strict=False))
    hours = producer_of(product).bucket_hours
    return {
        lead: {part: part.interval(lead, before.get(lead, 0), hours) for part in parts if part.is_in(lead)}
        for lead in leads
    }


def _encode(messages: Sequence[Message], crew: Sequence[Encoder], pool: Executor) -> list[bytes]:
    """Every message's bytes. Each encoder takes its share, in one thread at a time."""

    def share(worker: int) -> list[bytes]:
        return [
            crew[worker].message(part.identity, interval, values, part.digits)
            for part, interval, values in messages[worker :: len(crew)]
        ]

    shares = list(pool.map(share, range(len(crew))))
    return [shares[number % len(crew)][number // len(crew)] for number in range(len(messages))]


def _write_file(
    folder: Path, product: Product, init_time: datetime, lead: int, messages: Sequence[Message], encoded: list[bytes]
) -> list[Path]:
    entries: list[Entry] = []
    offset = 0
    for (part, interval, _), data in zip(messages, encoded, strict=True):
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
            )
        )
        offset += len(data)
    data_path = folder / product.data_path(init_time, lead)
    index_path = folder / product.index_path(init_time, lead)
    put(data_path, b"".join(encoded))
    put(index_path, index_text(product.kind, init_time, entries).encode())
    return [data_path, index_path]


def put(path: Path, data: bytes) -> None:
    """Make a file appear whole, as objects of a bucket do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
