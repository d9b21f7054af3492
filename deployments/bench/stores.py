"""Full-size stores for the benchmarks, made of smooth numbers without any GRIB."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flows.model import Model
from flows.models import flow_named
from storage.bucket import open_bucket
from storage.grids import LatLonGrid
from storage.layout import BLOCK, SHARD, shard_grid, shard_side
from storage.manifest import read_manifest
from storage.schema import StoredVariable, StoreSchema
from storage.static import STATIC
from storage.tiles import encode_tiles
from storage.variables import Statistic
from storage.writer import EncodedBand, StoreWriter, encode_band
from tasks.publish import publish
from tasks.write import Written

THREADS = 2


def newest_init_time() -> datetime:
    """A run that has just been published: 00Z of today or, before 12Z, of yesterday."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today if datetime.now(UTC).hour >= 12 else today - timedelta(days=1)


def full_schema(model: Model, init_time: datetime) -> StoreSchema:
    """Every variable of the model at every lead on the global 0.25 degree grid."""
    leads = tuple(60 * lead for lead in model.leads(init_time))
    steps = tuple(int(step) for step in np.diff(leads, prepend=leads[0]))
    return StoreSchema(
        model=model.name,
        init_time=init_time,
        lead_times=leads,
        variables=tuple(
            StoredVariable(
                wanted.variable,
                wanted.variable.precision,
                _middle(wanted.variable.valid_min, wanted.variable.valid_max, wanted.variable.precision),
                (0,) * len(leads) if wanted.statistic is Statistic.INSTANT else steps,
            )
            for wanted in model.wanted
        ),
        grid=LatLonGrid(90.0, -0.25, 721, 0.0, 0.25, 1440),
        freshness=model.freshness,
        attribution=model.attribution,
        licence=model.licence,
    )


def full_ground(model: Model, schema: StoreSchema) -> StoreSchema:
    """The static fields of a model on the grid of a run."""
    rows = (wanted.variable for wanted in model.static)
    variables = tuple(StoredVariable(row, row.precision, 0.0, (0,)) for row in rows)
    return replace(schema, lead_times=(0,), variables=variables, traits=(*schema.traits, STATIC), block=SHARD)


def _middle(low: float, high: float, step: float) -> float:
    """An offset at which the int16 range reaches the lower half of what nature allows."""
    return min((low + high) / 2, low + 32_000 * step)


def write_full_store(
    path: Path, schema: StoreSchema, advance: Callable[[int, int], None], constant: frozenset[str] = frozenset()
) -> None:
    """Write every shard row, two at once; rough enough that lz4 finds what it finds in weather.

    constant: variables that are their offset everywhere.
    """
    rows, _ = shard_grid(schema)
    encode = encode_band if schema.block == BLOCK else encode_tiles
    path.parent.mkdir(parents=True, exist_ok=True)
    with StoreWriter(path, schema) as writer, ThreadPoolExecutor(THREADS) as pool:
        waiting: deque[Future[EncodedBand]] = deque()
        for row in range(rows):
            waiting.append(pool.submit(encode, schema, row, _bands(schema, row, constant)))
            if len(waiting) > THREADS:
                writer.append(waiting.popleft().result())
                advance(row, rows)
        while waiting:
            writer.append(waiting.popleft().result())
        advance(rows, rows)


def _bands(schema: StoreSchema, row: int, constant: frozenset[str]) -> Callable[[str], NDArray[np.float32]]:
    """Per variable [time, rows, nx]: waves in time and space, and noise of three steps."""
    noise = np.random.default_rng(row)
    side = shard_side(schema)
    count = min(side, schema.grid.ny - row * side)
    time = np.array(schema.lead_times, np.float32)[:, None, None] / 1440
    y = (row * side + np.arange(count, dtype=np.float32))[None, :, None]
    x = np.arange(schema.grid.nx, dtype=np.float32)[None, None, :]
    wave = np.sin(time * 6.28 + x * 0.0044) + np.cos(y * 0.02 + x * 0.013 - time)
    offsets = {stored.name: (stored.add_offset, stored.scale_factor) for stored in schema.variables}

    def band(name: str) -> NDArray[np.float32]:
        offset, step = offsets[name]
        if name in constant:
            return np.full(wave.shape, offset, np.float32)
        rough = noise.integers(-3, 4, wave.shape, dtype=np.int8)
        return (offset + step * (400 * wave + rough)).astype(np.float32)

    return band


def full_stores(folder: Path, advance: Callable[[int, int], None]) -> list[Path]:
    """One published full-size run of GFS and of IFS in `folder`, laid out as sync leaves them."""
    bucket = open_bucket(str(folder))
    found = []
    for flow in (flow_named("gfs"), flow_named("ifs")):
        schema = full_schema(flow.model, newest_init_time())
        manifest = read_manifest(bucket, schema.model)
        if manifest is None or manifest.init_time != schema.init_time:
            path = folder.with_name("building") / f"{schema.model}.zarr.zip"
            write_full_store(path, schema, advance)
            manifest = publish(Written(path, schema, {}), bucket, datetime.now(UTC))
            path.unlink()
        found.append(folder / manifest.key)
    return found
