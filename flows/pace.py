"""What the last ingest of a model tells of the next one: how long its bytes took, and how well they packed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter

from flows.needs import Shape, store_bytes
from storage.bucket import Bucket
from storage.errors import ManifestError
from storage.manifest import read_manifest
from storage.record import read_record
from storage.run_time import run_time

SAMPLE = 4 << 20
"""Bytes that are compressed to see how fast this machine is: 10 ms."""
PER_BYTE = 6.0
"""Seconds of work on a byte of a store for each second in which lz4 compresses as much noise: 64 s of CPU for 5.37 GB,
where a core compressed 0.5 GB/s (GFS, 2026-11)."""


@dataclass(frozen=True)
class Last:
    """The published run. `size`: bytes of its store; `kept`: with its short one; `worked`: seconds from the last
    byte on.
    """

    run: str
    size: int
    kept: int
    messages: int
    cells: int
    worked: float


def last_of(model: str, bucket: Bucket) -> Last | None:
    """None where nothing is published, or nobody recorded how. Raises BucketError."""
    try:
        record, manifest = read_record(bucket, model), read_manifest(bucket, model)
    except ManifestError:
        return None
    done = record.success if record else None
    if not (done and manifest and done.init_time == manifest.init_time and done.cells and done.worked):
        return None
    kept = manifest.size + sum(short.size for short in manifest.history if short.init_time == done.init_time)
    return Last(run_time(done.init_time), manifest.size, kept, done.messages, done.cells, done.worked)


def packed_as(shape: Shape, last: Last | None) -> Shape:
    """The shape with values that pack as those of the last store did, where that has as many cells."""
    if last is None or last.cells != shape.cells or not last.messages:
        return shape
    return replace(shape, filled=shape.filled * last.size / (store_bytes(shape) * last.messages / shape.messages))


def seconds_of(kept: int, last: Last | None, workers: int) -> tuple[float, str]:
    """From the last byte fetched to so many that are published, and in words what it goes by."""
    if last:
        return last.worked * kept / last.kept, f"as the run of {last.run} took"
    return PER_BYTE * kept * _compressing() / workers, "by how fast this machine compresses"


def _compressing() -> float:
    """Seconds a byte."""
    import numpy as np
    from numcodecs import blosc

    from storage.shard import compress_inline

    compress_inline()
    noise = np.random.default_rng(0).integers(0, 256, SAMPLE // 2, np.int16)
    begun = perf_counter()
    blosc.compress(noise, b"lz4", 5, blosc.SHUFFLE)
    return (perf_counter() - begun) / SAMPLE
