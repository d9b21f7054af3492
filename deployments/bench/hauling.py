"""One ingest in this process, taken apart: CPU seconds by stage, peaks of memory and scratch, bytes, waiting time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from deployments.bench.kept import INIT_TIME, KeptRun
from deployments.bench.measure import Cost, Meter, folder_bytes, new_nameless_bytes
from deployments.bench.stages import Clocked, TimedCrew
from flows.dock import Dock
from flows.ingest import ingest
from flows.leads import leads_in_words
from flows.report import IngestReport
from flows.request import IngestRequest

WRITING = (
    Clocked("decode", "tasks.write", "open_fields"),
    Clocked("decode", "tasks.mixed:MixedFields", "fill"),
    Clocked("derive", "tasks.write", "plan_steps"),
    Clocked("derive", "tasks.works", "derive"),
    Clocked("derive", "tasks.turn:Turn", "make"),
    Clocked("quantise, gather", "storage.writer:ShardRow", "__init__"),
    Clocked("quantise, gather", "storage.writer:ShardRow", "put"),
    Clocked("compress", "storage.writer:ShardRow", "encode"),
    Clocked("crc32c, crc32", "google_crc32c", "value"),
    Clocked("crc32c, crc32", "storage.writer", "crc32"),
    Clocked("write", "storage.writer:StoreWriter", "append"),
    Clocked("write", "storage.writer:StoreWriter", "close"),
    Clocked("read back", "storage.writer", "spot_check"),
)
"""The stages of the step `write`."""


@dataclass(frozen=True)
class Hauled:
    """What one ingest took. `cost.disk_bytes`: the peak of what is neither message nor store.

    `stages`: CPU seconds of each, together those of `cost`; `writing`: of the step from messages to a finished store.
    `waited`: wall seconds from the last byte's arrival until the run was published.
    """

    report: IngestReport
    cost: Cost
    stages: dict[str, float]
    writing: float
    waited: float
    store: Path
    store_bytes: int


def request_for(run: KeptRun, folder: Path, bbox: str | None = None) -> IngestRequest:
    """To ingest a run from its own folder and to publish it below `folder`."""
    return IngestRequest(
        init_time=INIT_TIME,
        leads=leads_in_words(run.leads),
        mirror=str(run.folder),
        bucket=str(folder / "bucket"),
        work=folder / "work",
        bbox=bbox,
    )


def haul(run: KeptRun, folder: Path, bbox: str | None = None) -> Hauled:
    """Ingest a run and publish it below `folder`, which must be new; raises what ingest does."""
    model = run.load.model
    dock = Dock(folder / "work" / model.name / f"{INIT_TIME:%Y%m%dT%H%MZ}")

    nameless = new_nameless_bytes()

    def scratch() -> int:
        names = dock.store.name, "static.zarr.zip"
        stores = (*names, *(f"short.{name}" for name in names))
        return nameless() + folder_bytes(dock.scratch, but=stores)

    crew = TimedCrew(clocked={"write": WRITING})
    with Meter(scratch) as meter:
        report = ingest(model, request_for(run, folder, bbox), crew)
        published = monotonic()
    steps = {name: spent.cpu for name, spent in crew.steps.items()}
    writing = {clocked.stage: crew.clocks.seconds.get(clocked.stage, 0.0) for clocked in WRITING}
    stages = {"find, fetch": steps["find"] + steps["fetch"], **writing}
    stages |= {"check": steps["check"], "publish": steps["publish"]}
    stages["rest"] = meter.cost.cpu_seconds - sum(stages.values())
    store = folder / "bucket" / report.key
    waited = published - crew.ended["fetch"]
    return Hauled(report, meter.cost, stages, steps["write"], waited, store, store.stat().st_size)
