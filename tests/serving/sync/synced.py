"""What a folder of stores holds after a sync, and a bucket whose line breaks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from serving import sync as verb
from serving.synced import SyncReport
from storage.errors import BucketError
from storage.folder import FolderBucket
from storage.manifest import Manifest, read_manifest
from storage.reader import Store

Publish = Callable[..., Manifest]


def only(report: SyncReport) -> verb.ModelSync:
    assert len(report.models) == 1
    return report.models[0]


def assert_whole(stores: Path, manifest: Manifest) -> None:
    """`manifest` is what the folder holds of its model, to the bit, and opens."""
    assert read_manifest(FolderBucket(stores), manifest.model) == manifest
    data = (stores / manifest.key).read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (manifest.size, manifest.sha256)
    with Store.open(stores / manifest.key) as store:
        assert store.schema.init_time == manifest.init_time


def names(stores: Path) -> list[str]:
    """The model's files, without the lock and suffixes."""
    return sorted(path.name.removesuffix(".zarr.zip") for path in (stores / "gfs").iterdir() if path.name != ".lock")


class Breaking(FolderBucket):
    """A bucket whose line breaks behind `after` bytes of every read but the last one of `times`."""

    def __init__(self, folder: Path, after: int, times: int) -> None:
        super().__init__(folder)
        self.after = after
        self.times = times
        self.starts: list[int] = []

    def blocks(self, key: str, start: int, end: int) -> Iterator[bytes]:
        self.starts.append(start)
        if not self.times:
            yield from super().blocks(key, start, end)
            return
        self.times -= 1
        yield from super().blocks(key, start, min(start + self.after, end))
        raise BucketError(f"cannot read {self.url(key)}: the line broke")
