"""What a machine keeps of incidents, so that people hear of each once though the bucket comes and goes.

Below the work folder lies a copy of each incident that this machine opened, and what it opened while the bucket was out
of reach.
"""

from __future__ import annotations

from storage.bucket import Bucket
from storage.errors import ManifestError
from storage.manifest import read_manifest
from tasks.incidents import Kind, Record, adopt_incident, find_record, records_in
from tasks.ledger import mark_told, read_ledger


def hand_over(here: Bucket, bucket: Bucket) -> None:
    """Give `bucket` the incidents open `here`, but that of the bucket itself. Raises BucketError, ManifestError.

    What people were told here they are told no more. What has ended there is forgotten here.
    """
    kept = [record for record in records_in(here) if not record.ended and record.incident.kind is not Kind.BUCKET]
    told = set(read_ledger(here).told) if kept else set()
    for record in kept:
        there = find_record(bucket, record.incident.model, record.incident.kind)
        if there and record.id in (there.id, *there.continues):
            if there.ended or there.id != record.id:
                here.delete(record.incident.key)
            continue
        known = there if there and not there.ended else record
        is_told = f"{record.id}:opened" in told
        # Beforehand: broken off in between, it is done again and nobody is told twice.
        if is_told:
            mark_told(bucket, f"{known.id}:opened")
        if known is record:
            adopt_incident(bucket, _with_generation(record, bucket))
        elif is_told:
            remember(here, known)
        if not is_told:
            here.delete(record.incident.key)


def remember(here: Bucket, record: Record) -> None:
    """Keep a copy of what people were told from the bucket: who cannot read it there need not tell it again.

    Raises BucketError, ManifestError.
    """
    mark_told(here, f"{record.id}:opened")
    adopt_incident(here, record)


def _with_generation(record: Record, bucket: Bucket) -> Record:
    """What was published when it opened, which nobody could read then: what is published since ends it."""
    try:
        manifest = read_manifest(bucket, record.incident.model)
    except ManifestError:
        # Whoever looks at that model tells of it.
        return record
    if manifest is None or manifest.published_at > record.incident.since:
        return record
    incident = record.incident.model_copy(update={"generation": manifest.generation})
    return record.model_copy(update={"incident": incident})
