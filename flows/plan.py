"""What an ingest will take: bytes over the wire, disk, memory. Said before it starts."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flows.inventory import leads_of
from flows.leads import leads_in_words
from flows.model import Model
from flows.request import Job
from storage.grids import Box
from storage.sizes import size_in_words
from tasks.errors import DiskFull
from tasks.wanted import Mirror, StagedMessage

STORE_BYTES_PER_VALUE = 0.85
"""int16 in 2 x 2 blocks, lz4 with shuffle: 0.81 measured on GFS, plus header rows and shard indexes."""
SCRATCH_BYTES_PER_VALUE = 2
BASE_MEMORY = 250_000_000
"""The interpreter, ecCodes, numba and the tables of a run."""
SHARD_ROWS = 2
"""Rows of shards in memory: one being filled, one being compressed in the place of its own steps."""


@dataclass(frozen=True)
class Plan:
    """One run to be ingested and an upper estimate of its cost in bytes."""

    model: str
    init_time: datetime
    leads: tuple[int, ...]
    mirrors: tuple[Mirror, ...]
    messages: int
    download: int
    disk: int
    memory: int
    folder: Path

    def in_words(self) -> str:
        names = ", then ".join(mirror.name for mirror in self.mirrors)
        source = f"about {size_in_words(self.download)} to download from {names}" if names else "nothing to download"
        return (
            f"{self.model} {self.init_time:%Y-%m-%dT%HZ}, {len(self.leads)} leads ({leads_in_words(self.leads)}): "
            f"up to {self.messages} messages, {source}; "
            f"up to {size_in_words(self.disk)} of disk in {self.folder} and {size_in_words(self.memory)} of memory"
        )

    def require_room(self) -> None:
        """Raises DiskFull where the work folder's file system cannot hold half of the estimate."""
        free = shutil.disk_usage(self.folder).free
        if free < self.disk / 2:
            raise DiskFull(
                f"{self.model} {self.init_time:%Y-%m-%dT%HZ} needs up to {size_in_words(self.disk)} in {self.folder}, "
                f"where {size_in_words(free)} are free; make room, choose another --work folder, or ask for less with "
                "--leads, --bbox"
            )


def plan_run(model: Model, job: Job, init_time: datetime, mirrors: tuple[Mirror, ...], folder: Path) -> Plan:
    """Estimate one run from the model's declaration."""
    leads = job.run_leads(model, init_time)
    messages = sum(wanted.from_lead <= lead for lead in leads for wanted in model.wanted)
    points = model.points * _share(job.box)
    scratched = messages if model.by_eccodes else 0
    download = messages * model.bytes_per_message
    return Plan(
        model=model.name,
        init_time=init_time,
        leads=leads,
        mirrors=mirrors,
        messages=messages,
        download=download,
        disk=int(download + _disk(scratched, len(model.wanted) * len(leads), points)),
        memory=_memory(len(model.wanted) * len(leads), points),
        folder=folder,
    )


def plan_files(model: Model, init_time: datetime, messages: Sequence[StagedMessage], points: int, folder: Path) -> Plan:
    """Estimate what is found in files, whose grid of `points` may be any crop and whose packing is not known yet."""
    leads = leads_of(messages)
    variables = len({message.variable for message in messages})
    return Plan(
        model=model.name,
        init_time=init_time,
        leads=leads,
        mirrors=(),
        messages=len(messages),
        download=0,
        disk=int(_disk(len(messages), variables * len(leads), points)),
        memory=_memory(variables * len(leads), points),
        folder=folder,
    )


def _disk(scratched: int, maps: int, points: float) -> float:
    """Bytes of scratch for the messages that only ecCodes decodes, and of a store of so many maps."""
    return (SCRATCH_BYTES_PER_VALUE * scratched + STORE_BYTES_PER_VALUE * maps) * points


def _memory(maps: int, points: float) -> int:
    """Rows of shards take 2 bytes a value; a grid of so many points is taken to be twice as wide as high."""
    # With the layout come the kernels' compilers.
    from storage.layout import SHARD

    return int(BASE_MEMORY + SHARD_ROWS * 2 * maps * SHARD * math.sqrt(2 * points))


def _share(box: Box | None) -> float:
    """The share of a global latitude-longitude grid's points that lies in the box."""
    if box is None:
        return 1.0
    width = 360.0 if box.east - box.west >= 360 else (box.east - box.west) % 360.0
    return width / 360.0 * (box.north - box.south) / 180.0
