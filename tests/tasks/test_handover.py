"""Incidents that a machine kept while the bucket was away go on in the bucket, and nobody hears of them twice."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.errors import BucketError
from storage.folder import FolderBucket
from storage.manifest import Manifest, manifest_key, store_key
from storage.schema import Freshness
from tasks.handover import hand_over, remember
from tasks.incidents import Incident, Kind, close_incident, find_incident, open_incident, records_in
from tasks.notice import Notice
from tasks.receivers import Channel
from tasks.telling import tell_pending

NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)
FAILED = Incident(model="gfs", kind=Kind.FAILED, reason="access denied", since=NOW)
AWAY = Incident(model="bucket", kind=Kind.BUCKET, reason="access denied", since=NOW)


class Ear(Channel):
    """Hears titles."""

    def __init__(self) -> None:
        super().__init__("ear://")
        self.heard: list[str] = []

    def send(self, notice: Notice) -> None:
        self.heard.append(notice.title)


class Failing(FolderBucket):
    """A bucket that takes so many requests and refuses the others."""

    def __init__(self, folder: Path, left: int) -> None:
        super().__init__(folder)
        self.left = left

    def _bear(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise BucketError("slow down")

    def read(self, key: str) -> bytes:
        self._bear()
        return super().read(key)

    def swap(self, key: str, data: bytes, expected: bytes | None) -> None:
        self._bear()
        super().swap(key, data, expected)


@pytest.fixture
def here(tmp_path: Path) -> FolderBucket:
    return FolderBucket(tmp_path / "here")


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    return FolderBucket(tmp_path / "bucket")


def tell(ear: Ear, *places: FolderBucket) -> list[str]:
    before = len(ear.heard)
    for place in places:
        tell_pending(place, [ear], clock=lambda: NOW)
    return ear.heard[before:]


def publish(bucket: FolderBucket, generation: int, at: datetime) -> None:
    manifest = Manifest(
        model="gfs",
        init_time=NOW - timedelta(hours=6),
        key=store_key("gfs", NOW - timedelta(hours=6)),
        size=1,
        sha256="0" * 64,
        generation=generation,
        leads=2,
        last_lead=180,
        published_at=at,
        freshness=Freshness(690, 760, 7200),
    )
    bucket.write(manifest_key("gfs"), manifest.to_bytes())


def test_what_was_told_here_is_open_there_and_its_end_is_told_once(here: FolderBucket, bucket: FolderBucket) -> None:
    ear = Ear()
    open_incident(here, FAILED)
    open_incident(here, AWAY)
    assert tell(ear, here) == ["windlass: bucket out of reach; gfs failed"]
    hand_over(here, bucket)
    hand_over(here, bucket)
    assert tell(ear, here, bucket) == []
    assert not open_incident(bucket, FAILED)
    # The bucket may go away again.
    assert not open_incident(here, FAILED)
    close_incident(bucket, "gfs", Kind.FAILED, NOW)
    assert tell(ear, here, bucket) == ["windlass: gfs no longer failed"]
    hand_over(here, bucket)
    assert [record.incident.model for record in records_in(here)] == ["bucket"]


def test_what_nobody_heard_of_here_is_told_there(here: FolderBucket, bucket: FolderBucket) -> None:
    open_incident(here, FAILED)
    hand_over(here, bucket)
    assert tell(Ear(), here, bucket) == ["windlass: gfs failed"]


def test_one_that_is_open_there_already_is_not_told_again(here: FolderBucket, bucket: FolderBucket) -> None:
    ear = Ear()
    open_incident(here, FAILED)
    tell(ear, here)
    open_incident(bucket, FAILED)
    hand_over(here, bucket)
    assert tell(ear, here, bucket) == []
    assert [record.id for record in records_in(here)] == [record.id for record in records_in(bucket)]


def test_what_was_told_from_the_bucket_is_not_told_again_when_that_is_away(
    here: FolderBucket, bucket: FolderBucket
) -> None:
    ear = Ear()
    open_incident(bucket, FAILED)
    assert tell(ear, bucket) == ["windlass: gfs failed"]
    remember(here, records_in(bucket)[0])
    assert not open_incident(here, FAILED)
    assert tell(ear, here) == []


def test_one_that_began_again_after_it_had_ended_is_told_though_a_copy_of_the_first_lies_here(
    here: FolderBucket, bucket: FolderBucket
) -> None:
    ear = Ear()
    open_incident(bucket, FAILED)
    tell(ear, bucket)
    remember(here, records_in(bucket)[0])
    close_incident(bucket, "gfs", Kind.FAILED, NOW)
    assert tell(ear, bucket) == ["windlass: gfs no longer failed"]
    open_incident(bucket, FAILED)
    hand_over(here, bucket)
    assert tell(ear, here, bucket) == ["windlass: gfs failed"]
    assert records_in(here) == []


def test_broken_off_anywhere_it_is_done_again_and_nobody_hears_twice(tmp_path: Path) -> None:
    for allowed in range(8):
        ear, bucket = Ear(), Failing(tmp_path / f"bucket {allowed}", allowed)
        here = FolderBucket(tmp_path / f"here {allowed}")
        open_incident(here, FAILED)
        tell(ear, here)
        with suppress(BucketError):
            hand_over(here, bucket)
        bucket.left = 1_000_000
        hand_over(here, bucket)
        assert tell(ear, here, bucket) == []
        close_incident(bucket, "gfs", Kind.FAILED, NOW)
        assert tell(ear, here, bucket) == ["windlass: gfs no longer failed"]
        hand_over(here, bucket)
        assert records_in(here) == []


def test_one_that_ended_there_before_begins_again(here: FolderBucket, bucket: FolderBucket) -> None:
    ear = Ear()
    open_incident(bucket, FAILED)
    close_incident(bucket, "gfs", Kind.FAILED, NOW)
    tell(ear, bucket)
    open_incident(here, FAILED)
    tell(ear, here)
    hand_over(here, bucket)
    assert tell(ear, here, bucket) == []
    assert find_incident(bucket, "gfs", Kind.FAILED)


@pytest.mark.parametrize(("published", "generation"), [(NOW - timedelta(hours=1), 7), (NOW + timedelta(hours=1), None)])
def test_only_what_is_published_after_it_ends_it(
    here: FolderBucket, bucket: FolderBucket, published: datetime, generation: int | None
) -> None:
    publish(bucket, 7, published)
    open_incident(here, FAILED)
    hand_over(here, bucket)
    found = find_incident(bucket, "gfs", Kind.FAILED)
    assert found is not None
    assert found.generation == generation


def test_a_manifest_that_cannot_be_read_holds_up_nothing(here: FolderBucket, bucket: FolderBucket) -> None:
    bucket.write(manifest_key("gfs"), b"{")
    open_incident(here, FAILED)
    hand_over(here, bucket)
    assert find_incident(bucket, "gfs", Kind.FAILED) == FAILED
