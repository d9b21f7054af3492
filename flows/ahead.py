"""`windlass ingest --plan`: what the run that would be ingested now takes, with nothing of it fetched but a message."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from flows.crew import PlainCrew
from flows.ingest import worth_it
from flows.look import grid_of, look_at_run
from flows.model import Model
from flows.pace import last_of, seconds_of
from flows.plan import Plan, plan_files, plan_run
from flows.request import IngestRequest, job_for
from flows.search import find
from storage.bucket import open_bucket
from storage.manifest import read_manifest
from storage.run_time import run_time
from storage.sizes import size_in_words
from tasks.bands import workers
from tasks.clock import Clock, FastClock

LINE = 100e6 / 8
"""Bytes a second, for an example."""


@dataclass(frozen=True)
class Ahead:
    """A plan, and the seconds of work after the last byte has come. `by`: what they go by, in words."""

    plan: Plan
    seconds: float
    by: str
    bucket: str

    def in_words(self) -> str:
        plan = self.plan
        line = f"; the line before that: {_clock(plan.download / LINE)} at 100 Mbit/s" if plan.download else ""
        return "\n".join(
            [
                plan.title(),
                f"download  {plan.source()}",
                f"disk      {size_in_words(plan.disk)} in {plan.folder} while it works",
                f"          {size_in_words(plan.kept)} in {self.bucket} for this run",
                f"memory    {size_in_words(plan.memory)}",
                f"time      {_clock(self.seconds)} to write, check and publish, {self.by}{line}",
            ]
        )

    def to_json(self) -> dict[str, Any]:
        plan = {**asdict(self.plan), "mirrors": [mirror.name for mirror in self.plan.mirrors]}
        return {**plan, "leads": list(self.plan.leads), "seconds": round(self.seconds, 1), "seconds_by": self.by}


def look_ahead(model: Model, request: IngestRequest) -> Ahead | str:
    """What the request would take; in words, why it takes nothing. Raises what finding a run does, and NothingInside.

    Of a run that is arriving the leads that have landed are looked at, and taken for the others.
    """
    job = job_for(model, request)
    clock = FastClock(job.now) if request.now else Clock()
    bucket = open_bucket(job.bucket)
    published = read_manifest(bucket, model.name)
    found = find(model, job, clock.now(), published, PlainCrew())
    if published and not worth_it(model, job, found, published):
        return f"{model.name} {run_time(published.init_time)} is published already, and nothing newer is there"
    folder, last = job.work / model.name, last_of(model.name, bucket)
    if found.messages:
        plan = plan_files(model, found, job.box, grid_of(found.messages), folder)
    else:
        look = look_at_run(model, found.init_time, found.leads, found.mirrors)
        plan = plan_run(model, found, job.box, folder, look, last)
    seconds, by = seconds_of(plan.kept, last, workers())
    return Ahead(plan, seconds, by, job.bucket)


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"about {whole} s" if whole < 100 else f"about {whole // 60} min {whole % 60:02d} s"
