"""What a bucket keeps: never less than what is published and the run before it, whoever else works in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.bucket import Bucket, open_bucket
from storage.errors import BucketError
from storage.folder import FolderBucket
from storage.manifest import Manifest, ShortStore, manifest_key, read_manifest, short_key, short_order, store_key
from storage.schema import Freshness
from tasks.prune import Pruned, needed, prune, prune_model

DAY = datetime(2026, 4, 20, tzinfo=UTC)


def key(hours: int, generation: int | None = None) -> str:
    """The store of the run that began so many hours after DAY."""
    return store_key("gfs", DAY + timedelta(hours=hours), generation)


def short(hours: int, generation: int | None = None) -> str:
    return short_key(key(hours, generation))


def manifest(
    hours: int, generation: int = 9, again: int | None = None, previous: str | None = None, history: Iterable[str] = ()
) -> Manifest:
    """The manifest of a store; `again`: the generation in its key, where it has one."""
    return Manifest(
        model="gfs",
        init_time=DAY + timedelta(hours=hours),
        key=key(hours, again),
        size=1,
        sha256="ab" * 32,
        generation=generation,
        leads=1,
        last_lead=0,
        published_at=DAY,
        freshness=Freshness(1, 2, 3),
        previous=previous,
        history=tuple(
            ShortStore(init_time=order[0], key=name, size=1, sha256="cd" * 32, last_lead=480)
            for name in history
            if (order := short_order(name))
        ),
    )


def filled(bucket: Bucket, published: Manifest, keys: Iterable[str]) -> Bucket:
    for name in keys:
        bucket.write(name, b"0123456789")
    bucket.write(manifest_key("gfs"), published.to_bytes())
    return bucket


RUNS = [key(hours) for hours in (-60, -54, -48, -24, -6, 0)]

CASES = {
    "two runs": (manifest(0, previous=key(-6)), RUNS, RUNS[-2:]),
    "the short stores that are named, and those that may be named yet": (
        manifest(0, previous=key(-6), history=[short(0), short(-6, 4), short(-48)]),
        [key(-6), key(0), *map(short, (-60, -48, -6, 0, 6)), short(-6, 4), short(0, 9), short(0, 10)],
        [key(-6), key(0), short(-48), short(-6, 4), short(0), short(0, 10), short(6)],
    ),
    "no short store, where none is named": (
        manifest(0, previous=key(-6)),
        [key(-6), key(0), short(-6)],
        [key(-6), key(0)],
    ),
    "after an outage of days the run before, however old": (
        manifest(0, previous=key(-200)),
        [key(-206), key(-200), key(0)],
        [key(-200), key(0)],
    ),
    "of a run that was published in stages the last two stores, and the run before it": (
        manifest(0, 9, 9, previous=key(0, 8)),
        [key(-12), key(-6), key(-6, 5), key(0), key(0, 7), key(0, 8), key(0, 9)],
        [key(-6, 5), key(0, 8), key(0, 9)],
    ),
    "of the run before the last store": (
        manifest(0, previous=key(-6, 5)),
        [key(-12), key(-12, 3), key(-6), key(-6, 5), key(0)],
        [key(-6, 5), key(0)],
    ),
    "what may be published yet": (
        manifest(0, 9, previous=key(-6)),
        [key(-12), key(-6), key(0), key(0, 10), key(6)],
        [key(-6), key(0), key(0, 10), key(6)],
    ),
    "what it does not know": (
        manifest(0, previous=key(-6)),
        ["gfs/notes.txt", "gfs/20269999T0000Z.zarr.zip", key(-12), key(-6), key(0)],
        ["gfs/20269999T0000Z.zarr.zip", "gfs/notes.txt", key(-6), key(0)],
    ),
    "the store it replaced, though an older one": (
        manifest(0, previous=key(-24)),
        RUNS,
        [key(-24), key(-6), key(0)],
    ),
    "the last store before it, where an old manifest names none": (
        manifest(0, 9, 9),
        [key(-6), key(0), key(0, 9)],
        [key(-6), key(0), key(0, 9)],
    ),
    "the only store": (manifest(0), [key(0)], [key(0)]),
    "nothing of what is gone": (manifest(0, previous=key(-6)), [key(0)], [key(0)]),
}


@pytest.mark.parametrize("case", CASES)
def test_it_keeps(case: str) -> None:
    published, keys, kept = CASES[case]
    assert sorted(needed([*keys, manifest_key("gfs")], published)) == sorted([*kept, manifest_key("gfs")])


@pytest.fixture(params=["folder", "s3"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    if request.param == "folder":
        return open_bucket(str(tmp_path / "bucket"))
    return open_bucket(request.getfixturevalue("s3").base)


def test_a_dry_run_says_what_a_run_does_and_a_second_run_finds_nothing(bucket: Bucket) -> None:
    published = manifest(0, previous=key(-6))
    filled(bucket, published, [*RUNS, "ifs/20200101T0000Z.zarr.zip", "incidents/gfs-late.json"])
    before = bucket.list()
    promised = prune_model(bucket, "gfs", dry_run=True)
    assert bucket.list() == before
    assert promised == Pruned((*RUNS[-2:], manifest_key("gfs")), tuple(RUNS[:-2]), 40)
    assert prune_model(bucket, "gfs") == promised
    assert bucket.list() == sorted(set(before) - set(RUNS[:-2]))
    assert prune_model(bucket, "gfs").removed == ()
    assert read_manifest(bucket, "gfs") == published


def test_a_model_without_a_manifest_is_left_alone(bucket: Bucket) -> None:
    bucket.write(RUNS[0], b"uploaded, and to be named soon")
    assert prune_model(bucket, "gfs") == Pruned((), (), 0)
    assert bucket.list() == [RUNS[0]]


class Hooked(FolderBucket):
    """A folder in which something happens before each delete."""

    def __init__(self, folder: Path, happens: Callable[[str], None]) -> None:
        super().__init__(folder)
        self.happens = happens

    def delete(self, key: str) -> None:
        self.happens(key)
        super().delete(key)


def test_a_run_published_meanwhile_keeps_all_that_it_needs(tmp_path: Path) -> None:
    newer = manifest(6, 10, previous=key(0))

    def publish(deleted: str) -> None:
        filled(FolderBucket(tmp_path), newer, [newer.key])

    bucket = filled(Hooked(tmp_path, publish), manifest(0, previous=key(-6)), RUNS)
    pruned = prune_model(bucket, "gfs")
    assert not {newer.key, newer.previous} & set(pruned.removed)
    assert bucket.list() == [key(-6), key(0), key(6), manifest_key("gfs")]


def test_broken_off_it_leaves_what_is_published_and_the_next_one_goes_on(tmp_path: Path) -> None:
    deleted: list[str] = []

    def die(key: str) -> None:
        if deleted:
            raise BucketError("the machine is gone")
        deleted.append(key)

    published = manifest(0, previous=key(-6))
    bucket = filled(Hooked(tmp_path, die), published, RUNS)
    with pytest.raises(BucketError, match="gone"):
        prune(bucket, published)
    assert bucket.list() == [*RUNS[1:], manifest_key("gfs")]
    assert prune_model(FolderBucket(tmp_path), "gfs").removed == tuple(RUNS[1:-2])
    assert read_manifest(bucket, "gfs") == published
