"""Publishing: one swap, whoever else publishes, wherever it is killed."""

from __future__ import annotations

import hashlib
import os
import random
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from storage.bucket import Bucket, open_bucket
from storage.errors import BucketError, Conflict, DiskFull, ManifestError
from storage.folder import FolderBucket
from storage.grids import LatLonGrid
from storage.manifest import Manifest, manifest_key, read_manifest
from storage.schema import Freshness, StoreSchema, Whole
from tasks.publish import publish
from tests.tasks.paused import child

NOW = datetime(2026, 4, 20, 20, tzinfo=UTC)
BYTES = 17 << 20

Finish = Callable[..., Any]


@pytest.fixture
def finished(tmp_path: Path) -> Finish:
    """finished(hour, seed=...): a file as if it were the finished store of that run."""

    def finished(hour: int, seed: int = 0, size: int = 1000) -> Any:
        schema = StoreSchema(
            model="gfs",
            init_time=datetime(2026, 4, 20, hour, tzinfo=UTC),
            lead_times=(0, 60, 180),
            variables=(),
            grid=LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36),
            freshness=Freshness(330, 400, 1440),
            attribution="nobody",
            licence="none",
            provenance={"missing": ["wind_gust_10m: 3"]},
            withheld={"cape_surface": "99 % NaN"},
            whole=Whole(209, 388),
        )
        path = tmp_path / f"{hour}-{seed}-{size}.zarr.zip"
        path.write_bytes(random.Random(f"{hour} {seed}").randbytes(size))
        return SimpleNamespace(path=path, schema=schema)

    return finished


both_buckets = pytest.mark.parametrize("url", ["folder", "s3"], indirect=True)


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "bucket")
    return str(request.getfixturevalue("s3").base)


@pytest.fixture
def halves(url: str, request: pytest.FixtureRequest) -> Callable[[], list[str]]:
    """halves(): what lies half uploaded in the bucket."""

    def halves() -> list[str]:
        if not url.startswith("s3:"):
            return [part.name for part in Path(url).rglob("*.part")]
        s3 = request.getfixturevalue("s3")
        return [row["Key"] for row in s3.client.list_multipart_uploads(Bucket=s3.bucket).get("Uploads", ())]

    return halves


def keys(bucket: Bucket) -> list[str]:
    return [key.removeprefix("gfs/").removesuffix(".zarr.zip") for key in bucket.list("gfs/")]


def assert_whole(bucket: Bucket) -> Manifest:
    """What is published is there, with the size and checksum that the manifest says."""
    manifest = read_manifest(bucket, "gfs")
    assert manifest is not None
    data = b"".join(bucket.blocks(manifest.key, 0, bucket.size(manifest.key)))
    assert (len(data), hashlib.sha256(data).hexdigest()) == (manifest.size, manifest.sha256)
    return manifest


@both_buckets
def test_runs_follow_each_other_and_the_previous_one_stays(url: str, finished: Finish) -> None:
    bucket = open_bucket(url)
    told: list[tuple[int, int]] = []
    manifest = publish(finished(0), bucket, NOW, progress=lambda done, total: told.append((done, total)))
    assert manifest == assert_whole(bucket)
    assert told[-1] == (1000, 1000)
    assert manifest == Manifest(
        model="gfs",
        init_time=datetime(2026, 4, 20, tzinfo=UTC),
        key="gfs/20260420T0000Z.zarr.zip",
        size=1000,
        sha256=hashlib.sha256(finished(0).path.read_bytes()).hexdigest(),
        generation=1,
        leads=3,
        last_lead=180,
        published_at=NOW,
        freshness=Freshness(330, 400, 1440),
        whole=Whole(209, 388),
        missing=("wind_gust_10m: 3",),
        withheld={"cape_surface": "99 % NaN"},
    )
    publish(finished(6), bucket, NOW)
    assert keys(bucket) == ["20260420T0000Z", "20260420T0600Z", "latest.json"]
    assert publish(finished(12), bucket, NOW).generation == 3
    assert keys(bucket) == ["20260420T0600Z", "20260420T1200Z", "latest.json"]
    assert_whole(bucket)


@both_buckets
def test_a_run_published_again_gets_a_key_of_its_own(url: str, finished: Finish) -> None:
    bucket = open_bucket(url)
    for seed in range(3):
        manifest = publish(finished(0, seed), bucket, NOW)
        assert assert_whole(bucket) == manifest
        assert manifest.generation == seed + 1
    assert keys(bucket) == ["20260420T0000Z.g2", "20260420T0000Z.g3", "latest.json"]


@both_buckets
def test_other_models_and_strangers_are_left_alone(url: str, finished: Finish) -> None:
    bucket = open_bucket(url)
    for key in ("ifs/20200101T0000Z.zarr.zip", "gfs/notes.txt", "gfs/20260420T1800Z.zarr.zip"):
        bucket.write(key, b"x")
    for hour in (0, 6, 12):
        publish(finished(hour), bucket, NOW)
    assert "ifs/20200101T0000Z.zarr.zip" in bucket.list()
    assert "notes.txt" in keys(bucket)
    assert "20260420T1800Z" in keys(bucket)


@both_buckets
def test_an_older_run_is_refused(url: str, finished: Finish) -> None:
    bucket = open_bucket(url)
    newer = publish(finished(6), bucket, NOW)
    with pytest.raises(Conflict, match=r"gfs 2026-04-20T06:00Z was published meanwhile.*00:00Z does not replace it"):
        publish(finished(0), bucket, NOW)
    assert read_manifest(bucket, "gfs") == newer
    assert keys(bucket) == ["20260420T0600Z", "latest.json"]


@both_buckets
def test_a_manifest_that_is_garbage_is_not_replaced_in_silence(url: str, finished: Finish) -> None:
    bucket = open_bucket(url)
    bucket.write("gfs/latest.json", b"garbage")
    with pytest.raises(ManifestError, match=r"gfs/latest\.json is not a valid manifest"):
        publish(finished(6), bucket, NOW)
    assert bucket.list() == ["gfs/latest.json"]


class Meanwhile:
    """A progress callback during which somebody else acts, once."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act: Callable[[], object] | None = act

    def __call__(self, done: int, total: int) -> None:
        act, self.act = self.act, None
        if act:
            act()


@both_buckets
def test_a_newer_run_published_meanwhile_stays(url: str, finished: Finish, halves: Callable[[], list[str]]) -> None:
    bucket = open_bucket(url)
    publish(finished(0), bucket, NOW)
    other = Meanwhile(lambda: publish(finished(12), bucket, NOW))
    with pytest.raises(Conflict, match="12:00Z was published meanwhile"):
        publish(finished(6, size=BYTES), bucket, NOW, progress=other)
    assert assert_whole(bucket).init_time.hour == 12
    assert keys(bucket) == ["20260420T0000Z", "20260420T1200Z", "latest.json"]
    assert halves() == []


@both_buckets
def test_an_older_run_published_meanwhile_is_replaced(url: str, finished: Finish) -> None:
    bucket = open_bucket(url)
    publish(finished(0), bucket, NOW)
    manifest = publish(
        finished(12, size=BYTES), bucket, NOW, progress=Meanwhile(lambda: publish(finished(6), bucket, NOW))
    )
    assert assert_whole(bucket) == manifest
    assert manifest.generation == 3
    assert keys(bucket) == ["20260420T0600Z", "20260420T1200Z", "latest.json"]


@both_buckets
def test_of_two_that_publish_the_same_run_the_first_wins(
    url: str, finished: Finish, halves: Callable[[], list[str]]
) -> None:
    bucket = open_bucket(url)
    publish(finished(0), bucket, NOW)
    for generation, again in ((2, ""), (3, ".g3")):
        first: list[Manifest] = []
        other = Meanwhile(lambda first=first: first.append(publish(finished(6, 1), bucket, NOW)))
        with pytest.raises(Conflict, match=r"gfs 2026-04-20T06:00Z was published meanwhile by somebody else as .*gfs/"):
            publish(finished(6, 2, size=BYTES), bucket, NOW, progress=other)
        assert assert_whole(bucket) == first[0]
        assert first[0].key == f"gfs/20260420T0600Z{again}.zarr.zip"
        assert first[0].generation == generation
    assert keys(bucket) == ["20260420T0000Z", "20260420T0600Z.g3", "20260420T0600Z", "latest.json"]
    assert halves() == []


@both_buckets
def test_a_store_that_no_manifest_names_is_not_touched_before_the_swap_and_gone_after(
    url: str, finished: Finish
) -> None:
    bucket = open_bucket(url)
    publish(finished(0), bucket, NOW)
    bucket.write("gfs/20260420T0600Z.zarr.zip", b"of a killed publisher")
    bucket.write("gfs/20260420T0600Z.g2.zarr.zip", b"of another")
    during: list[list[str]] = []
    manifest = publish(finished(6), bucket, NOW, progress=Meanwhile(lambda: during.append(keys(bucket))))
    assert {"20260420T0600Z", "20260420T0600Z.g2"} <= set(during[0])
    assert manifest.key == "gfs/20260420T0600Z.g3.zarr.zip"
    assert assert_whole(bucket) == manifest
    assert keys(bucket) == ["20260420T0000Z", "20260420T0600Z.g3", "latest.json"]


def test_what_cannot_be_cleaned_is_said_and_the_run_is_published(tmp_path: Path, finished: Finish) -> None:
    class Stubborn(FolderBucket):
        def delete(self, key: str) -> None:
            raise BucketError(f"cannot delete {self.url(key)}: Permission denied")

    bucket = Stubborn(tmp_path / "bucket")
    publish(finished(0), bucket, NOW)
    publish(finished(6), bucket, NOW)
    with pytest.raises(BucketError, match=r"gfs 2026-04-20T12:00Z is published as .*T1200Z.*cannot delete .*T0000Z"):
        publish(finished(12), bucket, NOW)
    assert assert_whole(bucket).init_time.hour == 12


@pytest.mark.parametrize(
    ("url", "point"),
    [("folder", "uploading"), ("folder", "swapping"), ("folder", "swapped"), ("s3", "swapping")],
    indirect=["url"],
)
def test_killed_anywhere_one_whole_run_is_published_and_the_next_publish_cleans_up(
    url: str, finished: Finish, halves: Callable[[], list[str]], point: str
) -> None:
    bucket = open_bucket(url)
    publish(finished(18, seed=9), open_bucket(url + "/elsewhere"), NOW)
    publish(finished(0), bucket, NOW)
    publish(finished(6), bucket, NOW)
    for _ in range(1 if url.startswith("s3:") else 2):
        with child(url, finished(12, size=BYTES), point) as process:
            process.send_signal(signal.SIGKILL)
        assert assert_whole(bucket).init_time.hour == (12 if point == "swapped" else 6)
        assert ("20260420T1200Z" in keys(bucket)) == (point != "uploading")
    manifest = publish(finished(12, seed=1), bucket, NOW)
    assert assert_whole(bucket) == manifest
    # The run before 12Z and, where 12Z was published before, that store too.
    assert len(keys(bucket)) == (4 if point == "swapped" else 3)
    assert "20260420T0600Z" in keys(bucket)
    assert halves() == []
    publish(finished(18), bucket, NOW)
    assert len(keys(bucket)) == 3
    assert read_manifest(open_bucket(url + "/elsewhere"), "gfs") is not None


@both_buckets
def test_of_processes_that_publish_at_once_the_newest_run_wins(url: str, finished: Finish) -> None:
    bucket = open_bucket(url)
    publish(finished(0), bucket, NOW)
    children = [child(url, finished(hour), "start") for hour in (12, 6, 18)]
    ends = []
    for process in children:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in children:
        _, told = process.communicate()
        ends.append(process.returncode)
        assert not process.returncode or "Conflict" in told.splitlines()[-1]
    assert ends[2] == 0
    assert assert_whole(bucket).init_time.hour == 18
    assert manifest_key("gfs") in bucket.list()


def test_a_full_disk_leaves_the_old_run(small_disk: Path, finished: Finish) -> None:
    bucket = FolderBucket(small_disk)
    publish(finished(0, size=1_200_000), bucket, NOW)
    with pytest.raises(DiskFull, match=rf"no room left on the disk of {small_disk}"):
        publish(finished(6, size=1_200_000), bucket, NOW)
    assert assert_whole(bucket).init_time.hour == 0
    assert keys(bucket) == ["20260420T0000Z", "latest.json"]
    assert [name for name in os.listdir(small_disk / "gfs") if name.endswith(".part")] == []
    publish(finished(6, size=1000), bucket, NOW)
    assert assert_whole(bucket).init_time.hour == 6
