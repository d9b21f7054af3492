"""A run that the gate refused before: it is not brought again as long as no mirror has other bytes of it."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING

from flows.crew import Crew
from flows.dock import Dock
from flows.model import Model
from flows.request import Job
from flows.search import Found
from flows.staging import distrust
from storage.bucket import Bucket
from storage.errors import ManifestError, StorageError
from storage.run_time import run_time
from tasks.again import marks_of
from tasks.errors import GateFailed, RefusedBefore
from tasks.refusal import Probe, Refusal, keep_refusal, read_refusal
from tasks.wanted import Mirror, hour_of

if TYPE_CHECKING:
    from flows.appeal import Appeal


def reconsider(model: Model, job: Job, found: Found, bucket: Bucket, dock: Dock, appeal: Appeal, crew: Crew) -> None:
    """Let a run pass that was not refused before, or of which a mirror has other bytes since.

    Then the leads that the gate doubts are thrown away where they are staged, and that mirror is asked for them first.
    Raises RefusedBefore, BucketError.
    """
    if job.force or job.no_gate or found.messages:
        return
    try:
        before = read_refusal(bucket, model.name, found.init_time)
    except ManifestError as error:
        crew.say(str(error))
        return
    if before is None or before.terms != _terms(model, job, found):
        return
    appeal.known |= before.known()
    same, other = crew.step("ask again", lambda advance: _sorted_out(before, appeal))
    if not other:
        kept = keep_refusal(bucket, before.with_marks(same))
        raise RefusedBefore(_in_words(kept))
    crew.say(
        f"{model.name} {run_time(found.init_time)} was refused at {before.refused_at:%Y-%m-%dT%H:%MZ}, but "
        f"{', '.join(mirror.name for mirror in other)} has other bytes of it: it is tried with those"
    )
    distrust(dock.staged, before.doubted, [mirror.name for mirror in found.mirrors if mirror not in other])


def remember(
    model: Model, job: Job, found: Found, bucket: Bucket, appeal: Appeal, error: GateFailed, now: datetime
) -> None:
    """Keep for all machines that a run was refused. Where that fails `error` says so too: it tells more."""
    if found.messages:
        return
    refusal = Refusal(
        model=model.name,
        init_time=found.init_time,
        leads=len(found.leads),
        terms=_terms(model, job, found),
        refused_at=now,
        reason=appeal.refused,
        doubted=tuple(sorted({hour_of(lead) for _, lead in appeal.doubted})),
        probes=tuple(
            Probe(variable=name, lead=lead, sha256=tuple(sorted(known)))
            for (name, lead), known in sorted(appeal.known.items())
        ),
        marks=appeal.marks,
    )
    try:
        keep_refusal(bucket, refusal)
    except StorageError as problem:
        error.args = (f"{error}. That could not be remembered, so the next ingest brings the run again: {problem}",)


def _sorted_out(before: Refusal, appeal: Appeal) -> tuple[dict[str, dict[str, str]], list[Mirror]]:
    """Marks of the mirrors that still have, or have by now, the refused bytes; the mirrors that have other ones.

    A mirror that cannot be asked is neither.
    """
    probes = sorted(before.known())
    same: dict[str, dict[str, str]] = {}
    other: list[Mirror] = []
    for mirror in appeal.mirrors:
        marks = marks_of(appeal.source, mirror, probes)
        if marks and marks == before.marks.get(mirror.name):
            same[mirror.name] = marks
            continue
        answer = appeal.again(mirror, probes)
        if len(answer) == len(probes):
            if appeal.is_known(answer):
                same[mirror.name] = marks
            else:
                other.append(mirror)
    return same, other


def _terms(model: Model, job: Job, found: Found) -> str:
    said = repr((version("windlass"), model.wanted, model.products, found.leads, job.box))
    return sha256(said.encode()).hexdigest()


def _in_words(refusal: Refusal) -> str:
    same = ", ".join(sorted(name for name, marks in refusal.marks.items() if marks)) or "no mirror"
    return (
        f"{refusal.model} {run_time(refusal.init_time)} was refused at {refusal.refused_at:%Y-%m-%dT%H:%MZ}, and no "
        f"mirror has other bytes since (the same: {same}): nothing was fetched. It is tried again when a mirror's "
        "bytes change, and a newer run as ever; --force judges these bytes once more, --no-gate publishes them. "
        f"What was wrong: {refusal.reason}"
    )
