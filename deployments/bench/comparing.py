"""Like for like: an eighth of the globe, ingested, and turned into series by xarray, Dask and zarr.

Messages are simulated for the eighth alone, so that every stage of both has an eighth of the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deployments.bench.hauling import Hauled, haul
from deployments.bench.kept import KeptRun
from deployments.bench.measure import Cost, Meter
from deployments.bench.plain import open_series, plain_pipeline
from deployments.bench.table import Row
from storage.grids import Cell, LatLonGrid
from storage.reader import Store
from tasks.mixed import open_fields
from tasks.wanted import StagedMessage

EIGHTH = LatLonGrid(90.0, -0.25, 361, 0.0, 0.25, 360)
"""A quarter of the northern hemisphere."""
PLAIN = "ecCodes, xarray, Dask and zarr"
CELLS = 50
BUCKET = 6
"""Steps in the longest of NCEP's buckets: what is wrong by packing over six hours is so many times as wrong in one."""
SHARE = 8


class Disagreement(AssertionError):
    """The two pipelines do not tell the same weather: their costs cannot be compared."""


def compare(run: KeptRun, scratch: Path) -> list[Row]:
    """Both pipelines over a run on a regular grid. Raises Disagreement where their series differ at sampled cells."""
    ours = haul(run, scratch / "ours")
    plain, cost, scratch_bytes = _plain(run, scratch / "plain")
    agree(ours.store, plain, run, np.random.default_rng(1).integers(0, run.load.grid.shape, (CELLS, 2)))
    return rows(f"an eighth of the area, {len(run.leads)} leads", ours, cost, scratch_bytes, plain.stat().st_size)


def _plain(run: KeptRun, folder: Path) -> tuple[Path, Cost, int]:
    folder.mkdir()
    messages = run.messages()
    assert isinstance(run.load.grid, LatLonGrid)
    with Meter() as meter:
        made = plain_pipeline(run.load.model.wanted, messages, run.load.grid, folder)
    return made.path, meter.cost, made.scratch_bytes


def agree(store: Path, series: Path, run: KeptRun, cells: Iterable[NDArray[np.int64]]) -> None:
    """Raises Disagreement unless both hold the same values, within what int16, float32 and packing round."""
    array = open_series(series)
    packing = coarsest_packing(run.messages())
    with Store.open(store) as opened:
        steps = {stored.name: stored.scale_factor for stored in opened.schema.variables}
        for y, x in cells:
            ours, theirs = opened.point(Cell(int(y), int(x))), np.asarray(array[:, :, int(y), int(x)])
            for number, row in enumerate(run.load.model.wanted):
                mine, other = ours[opened.index[row.name]], theirs[number]
                slack = 0.51 * steps[row.name] + 1e-5 * np.abs(other)
                if row.summed:
                    # Where a total falls by its packing, an ingest makes up for it later and a difference does not.
                    slack = slack + 2 * BUCKET * packing[row.name] * abs(row.factor)
                apart = ~((np.abs(mine - other) <= slack) | (np.isnan(mine) & np.isnan(other)))
                if apart.any():
                    time = int(apart.argmax())
                    raise Disagreement(
                        f"{row.name} at cell {y}, {x}, lead {run.leads[time]} h: {mine[time]} in the store, "
                        f"{other[time]} by {PLAIN}"
                    )


def coarsest_packing(messages: Sequence[StagedMessage]) -> dict[str, float]:
    """Variable -> the coarsest packing of its messages, in their units."""
    fields = open_fields(messages, Path(), None, lambda done, total: None)
    try:
        coarsest: dict[str, float] = {}
        for message, step in zip(messages, fields.steps, strict=True):
            coarsest[message.variable] = max(step, coarsest.get(message.variable, 0.0))
        return coarsest
    finally:
        fields.close()


def rows(what: str, ours: Hauled, plain: Cost, scratch_bytes: int, zip_bytes: int) -> list[Row]:
    """What both took."""
    pairs = (
        (what, ours.cost.cpu_seconds, plain.cpu_seconds, 1.0, "s CPU"),
        ("its peak of anonymous memory", ours.cost.anonymous_bytes, plain.anonymous_bytes, 1e9, "GB"),
        ("its scratch", ours.cost.disk_bytes, scratch_bytes, 1e9, "GB"),
        ("bytes of its store", ours.store_bytes, zip_bytes, 1e9, "GB"),
    )
    whole = Row("so the whole globe, by area", SHARE * ours.cost.cpu_seconds, "s CPU", SHARE * plain.cpu_seconds, PLAIN)
    first, *more = (Row(name, mine / unit, word, other / unit, PLAIN) for name, mine, other, unit, word in pairs)
    return [first, whole, *more]
