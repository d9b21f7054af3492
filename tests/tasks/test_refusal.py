"""What is remembered of refused runs, by several machines at once, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.errors import Conflict, ManifestError
from storage.folder import FolderBucket
from storage.manifest import Manifest
from storage.record import change_record
from storage.schema import Freshness
from tasks.incidents import Incident, Kind, close_incident, open_incident
from tasks.refusal import Probe, Refusal, keep_refusal, read_refusal, sweep_refusals

RUN = datetime(2026, 4, 20, 6, tzinfo=UTC)
PROBES = (Probe(variable="air_temperature_2m", lead=60, sha256=("ab",)),)


def refusal(init_time: datetime = RUN, leads: int = 209, terms: str = "these", **marks: str) -> Refusal:
    return Refusal(
        model="gfs",
        init_time=init_time,
        leads=leads,
        terms=terms,
        refused_at=RUN,
        reason="zeros",
        doubted=(1,),
        probes=PROBES,
        marks={mirror: {"f001": mark} for mirror, mark in marks.items()},
    )


def published(leads: int) -> Manifest:
    return Manifest(
        model="gfs",
        init_time=RUN,
        key="gfs/20260420T0600Z.zarr.zip",
        size=1,
        sha256="0" * 64,
        generation=1,
        leads=leads,
        last_lead=60,
        published_at=RUN,
        freshness=Freshness(1, 2, 3),
    )


class Busy(FolderBucket):
    """A bucket in which another machine is always quicker, once."""

    other: Refusal | None = None

    def swap(self, key: str, data: bytes, expected: bytes | None) -> None:
        if self.other:
            other, self.other = self.other, None
            keep_refusal(FolderBucket(self.folder), other)
        super().swap(key, data, expected)


def test_two_machines_that_refuse_the_same_know_what_both_found(tmp_path: Path) -> None:
    bucket = Busy(tmp_path)
    bucket.other = refusal(aws="1", google="2")
    kept = keep_refusal(bucket, refusal(aws="3", nomads="4"))
    assert kept.marks == {"aws": {"f001": "3"}, "google": {"f001": "2"}, "nomads": {"f001": "4"}}
    assert read_refusal(bucket, "gfs", RUN) == kept


class Stubborn(FolderBucket):
    """A bucket that answers every swap as if somebody had been faster."""

    def swap(self, key: str, data: bytes, expected: bytes | None) -> None:
        raise Conflict(f"{key} is another")


def test_a_bucket_that_takes_no_swap_is_not_asked_for_ever(tmp_path: Path) -> None:
    incident = Incident(model="gfs", kind=Kind.LATE, reason="late", since=RUN)
    for again in range(2):
        with pytest.raises(Conflict):
            keep_refusal(Stubborn(tmp_path), refusal())
        with pytest.raises(Conflict):
            change_record(Stubborn(tmp_path), "gfs", lambda record: record)
        with pytest.raises(Conflict):
            close_incident(Stubborn(tmp_path), "gfs", Kind.LATE, RUN) if again else open_incident(
                Stubborn(tmp_path), incident
            )
        keep_refusal(FolderBucket(tmp_path), refusal(terms="others"))
        change_record(FolderBucket(tmp_path), "gfs", lambda record: record)
        open_incident(FolderBucket(tmp_path), incident)


def test_another_question_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    keep_refusal(bucket, refusal(aws="1"))
    keep_refusal(bucket, refusal(terms="others", google="2"))
    assert read_refusal(bucket, "gfs", RUN) == refusal(terms="others", google="2")


def test_what_is_no_newer_than_the_published_run_is_forgotten(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    six = timedelta(hours=6)
    for init_time in (RUN - six, RUN, RUN + six):
        keep_refusal(bucket, refusal(init_time))
    bucket.write("gfs/20269999T0600Z.refused.json", b"no time")
    bucket.write("ifs/20260420T0000Z.refused.json", b"another model's")
    bucket.write("gfs/statistics.json", b"no refusal")
    others = ["gfs/20269999T0600Z.refused.json", "gfs/statistics.json", "ifs/20260420T0000Z.refused.json"]
    # A stage of the run: the whole of it is still refused.
    sweep_refusals(bucket, published(leads=121))
    newer = ["gfs/20260420T0600Z.refused.json", "gfs/20260420T1200Z.refused.json"]
    assert bucket.list() == sorted(others + newer)
    sweep_refusals(bucket, published(leads=209))
    assert bucket.list() == sorted(others + newer[1:])


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"model": 7}'])
def test_what_is_no_refusal_says_so_and_is_swept_with_its_run(tmp_path: Path, content: bytes) -> None:
    bucket = FolderBucket(tmp_path)
    assert read_refusal(bucket, "gfs", RUN) is None
    bucket.write("gfs/20260420T0600Z.refused.json", content)
    with pytest.raises(ManifestError, match=r"20260420T0600Z\.refused\.json holds no refusal"):
        read_refusal(bucket, "gfs", RUN)
    sweep_refusals(bucket, published(leads=1))
    assert bucket.list() == []
