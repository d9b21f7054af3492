"""What is open and what is over, judged by the data that is published and never by the success of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from flows.gaps import gaps_of, tail_in_words
from flows.report import IngestReport, Outcome
from storage.bucket import Bucket
from storage.errors import ManifestError
from storage.freshness import Age, age_of, cut_short
from storage.manifest import Manifest, read_manifest
from tasks.incidents import Incident, Kind, Served, close_incident, find_incident, open_incident
from tasks.notice import in_words, run_name

ENDED_BY_A_RUN = (Kind.FAILED, Kind.CRASHED)
RED = (Age.LATE, Age.STALE, Age.ENDED, Age.MISSING)


@dataclass(frozen=True)
class Job:
    """A flow run as the Prefect server tells of it. `state` is the state's name, `since` when it was entered."""

    model: str
    id: str
    name: str
    state: str
    since: datetime
    begun: datetime | None = None
    message: str = ""
    link: str | None = None


class ModelFreshness(BaseModel):
    """How old the published data of a model is. `problem`: what is wrong with it, None where nothing is."""

    model: str
    state: Age
    init_time: datetime | None = None
    age_minutes: int | None = None
    generation: int | None = None
    published_at: datetime | None = None
    expected_next: datetime | None = None
    problem: str | None = None
    jobs: list[str] = Field(default_factory=list, description="what its newest flow runs did, newest first")

    def in_words(self) -> str:
        if self.init_time is None:
            return f"{self.model} {self.state}: {self.problem or 'no run is published'}"
        run, age = run_name(self.model, self.init_time), in_words(timedelta(minutes=self.age_minutes or 0))
        return f"{run} {self.state}, {age} old" + (f": {self.problem}" if self.problem else "")


def look_at(bucket: Bucket, model: str, now: datetime, jobs: Sequence[Job] | None = None) -> ModelFreshness:
    """Open and close the incidents of a model's data: late, stale, what the published run lacks, and what it ends.

    `jobs`: the model's flow runs that ended lately, newest first, read before this call; None: nobody was asked.
    Raises BucketError, ManifestError.
    """
    said = _said_by(jobs)
    try:
        manifest = read_manifest(bucket, model)
    except ManifestError as error:
        found = ModelFreshness(model=model, state=Age.MISSING, problem=str(error), jobs=said)
        open_incident(bucket, Incident(model=model, kind=Kind.STALE, reason=str(error), since=now))
        return found
    if manifest is None:
        return _missing(bucket, model, now, said)
    found = ModelFreshness(
        model=model,
        state=age_of(manifest, now),
        init_time=manifest.init_time,
        age_minutes=_age_minutes(manifest, now),
        generation=manifest.generation,
        published_at=manifest.published_at,
        expected_next=_expected_next(manifest),
        jobs=said,
    )
    limits = manifest.freshness
    _close_what_is_newer(bucket, ENDED_BY_A_RUN, manifest, now)
    hollow = _hollow(manifest, jobs or ()) if found.state is not Age.FRESH else None
    if found.state in (Age.STALE, Age.ENDED):
        passed = limits.stale_after if found.state is Age.STALE else min(limits.stale_after, manifest.last_lead)
        found.problem = hollow or "no newer run; readers prefer another model by now"
        open_incident(bucket, _incident(found, manifest, Kind.STALE, passed, jobs or (), now))
    elif found.state is Age.LATE or hollow:
        found.problem = hollow or "no newer run"
        if find_incident(bucket, model, Kind.STALE) is None:
            passed = limits.late_after if found.state is Age.LATE else limits.due_after
            open_incident(bucket, _incident(found, manifest, Kind.LATE, passed, jobs or (), now))
    else:
        _close_what_is_newer(bucket, (Kind.LATE, Kind.STALE), manifest, now)
    _keep_gaps(bucket, manifest, now)
    if cut_short(manifest, now):
        found.problem = "; ".join(filter(None, (found.problem, tail_in_words(manifest))))
    return found


def _close_what_is_newer(
    bucket: Bucket, kinds: Sequence[Kind], manifest: Manifest, now: datetime, link: str | None = None
) -> None:
    """Close what opened before this manifest was published: the same data never grow younger by themselves."""
    for kind in kinds:
        incident = find_incident(bucket, manifest.model, kind)
        if incident and (incident.generation or 0) < manifest.generation:
            close_incident(bucket, manifest.model, kind, now, _is_served(manifest, now), link)


def settle(
    bucket: Bucket, report: IngestReport, now: datetime, flow_run: str | None = None, link: str | None = None
) -> None:
    """What a run that was just published opens and closes, with a link to its flow run; who looks next does the same
    where nobody came to it. Raises BucketError, ManifestError.
    """
    if report.outcome is not Outcome.PUBLISHED:
        return
    manifest = read_manifest(bucket, report.model)
    if manifest is None or manifest.init_time != report.init_time:
        return
    _close_what_is_newer(bucket, ENDED_BY_A_RUN, manifest, now, link)
    _keep_gaps(bucket, manifest, now, flow_run, link)
    look_at(bucket, report.model, now)


def _keep_gaps(
    bucket: Bucket, manifest: Manifest, now: datetime, flow_run: str | None = None, link: str | None = None
) -> None:
    """Open and close what the published run lacks, by its manifest.

    The same gap run after run is one incident; the first run without it ends it.
    """
    for gap in gaps_of(bucket, manifest, now):
        open_already = find_incident(bucket, manifest.model, gap.kind)
        if open_already and (open_already.generation or 0) > manifest.generation:
            continue
        if not gap.names:
            close_incident(bucket, manifest.model, gap.kind, now, f"{_run(manifest)} lacks nothing of it", link)
        elif gap.reason:
            open_incident(
                bucket,
                Incident(
                    model=manifest.model,
                    kind=gap.kind,
                    reason=gap.reason,
                    since=now,
                    run=_run(manifest),
                    served=served_by(manifest, now),
                    flow_run=flow_run,
                    link=link,
                    generation=manifest.generation,
                    cause=",".join(sorted(gap.names)),
                ),
            )


def bad_end(bucket: Bucket, kind: Kind, job: Job, now: datetime) -> bool:
    """Open the incident of a flow run that failed or crashed. Raises BucketError, ManifestError."""
    return open_incident(bucket, bad_end_of(kind, job, read_manifest(bucket, job.model), now))


def bad_end_of(kind: Kind, job: Job, manifest: Manifest | None, now: datetime) -> Incident:
    """The incident itself; `manifest`: what is published of the model, as far as that is known."""
    return Incident(
        model=job.model,
        kind=kind,
        reason=job.message or "no reason given",
        since=job.since,
        run=job.name,
        served=served_by(manifest, now) if manifest else None,
        expected_next=_expected_next(manifest) if manifest else None,
        flow_run=job.id,
        link=job.link,
        generation=manifest.generation if manifest else None,
    )


def served_by(manifest: Manifest, now: datetime) -> Served:
    """What is served while that manifest stands."""
    return Served(run=_run(manifest), age_minutes=_age_minutes(manifest, now), state=age_of(manifest, now))


def _missing(bucket: Bucket, model: str, now: datetime, said: list[str]) -> ModelFreshness:
    problem = "no run of it was ever published"
    open_incident(bucket, Incident(model=model, kind=Kind.STALE, reason=problem, since=now, generation=0))
    return ModelFreshness(model=model, state=Age.MISSING, problem=problem, jobs=said)


def _hollow(manifest: Manifest, jobs: Sequence[Job]) -> str | None:
    """A run that began after the last publication and says that it published, when nothing is."""
    for job in jobs:
        if job.state == "Completed" and job.begun and job.begun > manifest.published_at:
            return f"the job {job.name} says that it succeeded, and brought no new data to {_run(manifest)}"
    return None


def _incident(
    found: ModelFreshness, manifest: Manifest, kind: Kind, passed: int, jobs: Sequence[Job], now: datetime
) -> Incident:
    return Incident(
        model=found.model,
        kind=kind,
        reason="; ".join([found.problem or "", *found.jobs[:1]]),
        since=min(now, manifest.init_time + timedelta(minutes=passed)),
        run=_run(manifest),
        served=served_by(manifest, now),
        expected_next=found.expected_next,
        flow_run=jobs[0].id if jobs else None,
        link=jobs[0].link if jobs else None,
        generation=manifest.generation,
    )


def _said_by(jobs: Sequence[Job] | None) -> list[str]:
    if jobs is None:
        return []
    said = [f"{job.name} ended as {job.state} at {job.since:%Y-%m-%d %H:%M}Z" for job in jobs[:3]]
    return said or ["no flow run of it ended lately"]


def _is_served(manifest: Manifest, now: datetime) -> str:
    return f"{_run(manifest)} is served, {in_words(timedelta(minutes=_age_minutes(manifest, now)))} old"


def _run(manifest: Manifest) -> str:
    return run_name(manifest.model, manifest.init_time)


def _age_minutes(manifest: Manifest, now: datetime) -> int:
    return int((now - manifest.init_time).total_seconds() // 60)


def _expected_next(manifest: Manifest) -> datetime:
    return manifest.init_time + timedelta(minutes=manifest.freshness.due_after)
