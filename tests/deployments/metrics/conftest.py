"""A bucket, a sync, a watch and an API of which everything can be scraped that there is to tell."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prometheus_client.metrics_core import Metric

from deployments.metrics.page import page
from deployments.metrics.published import PublishedState
from deployments.metrics.syncing import SyncState
from deployments.metrics.watching import WatchState
from serving.app import create_app
from serving.synced import SyncReport
from storage.bucket import open_bucket
from storage.folder import FolderBucket
from storage.manifest import Manifest, manifest_key
from storage.record import Attempt, Ending, Success, Traffic, change_record
from storage.schema import Freshness
from tasks.incidents import Incident, Kind, close_incident, open_incident
from tasks.ledger import LEDGER, Ledger, Letter
from tasks.looked import DiskLook, Looked, keep_looked
from tasks.notice import Notice
from tests.deployments.metrics.scraped import INIT, NOW, clock, families


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    """A bucket in which everything that can be recorded is."""
    bucket = open_bucket(str(tmp_path / "full"))
    assert isinstance(bucket, FolderBucket)
    bucket.write("gfs/20261124T0000Z.zarr.zip", b"store")
    manifest = Manifest(
        model="gfs",
        init_time=INIT,
        key="gfs/20261124T0000Z.zarr.zip",
        size=5,
        sha256="0" * 64,
        generation=3,
        leads=2,
        last_lead=360,
        published_at=NOW,
        freshness=Freshness(due_after=60, late_after=120, stale_after=240),
        withheld={"cape_surface": "lead 3 h: nonsense"},
    )
    bucket.write(manifest_key("gfs"), manifest.to_bytes())
    success = Success(
        init_time=INIT,
        generation=3,
        published_at=NOW,
        leads=2,
        seconds=12.5,
        bytes=1000,
        messages=20,
        withheld=["cape_surface"],
        lag_seconds=61.5,
    )
    traffic = Traffic(bytes=1000, messages=20, retries={"aws": 2}, problems={"google": 1})
    failed = Attempt(begun_at=INIT, ended_at=NOW, outcome=Ending.FAILED, error_class="NoMirrorLeft", error="gone")
    change_record(bucket, "gfs", lambda record: record.with_traffic(traffic).with_success(success))
    change_record(bucket, "gfs", lambda record: record.with_attempt(failed))
    for kind in (Kind.FAILED, Kind.LATE):
        open_incident(bucket, Incident(model="gfs", kind=kind, reason="none", since=INIT))
    close_incident(bucket, "gfs", Kind.LATE, NOW)
    letter = Letter(id="1", written=NOW, notice=Notice(title="t", text="t", fields={}), owed=["https://b.example"])
    ledger = Ledger(letters=[letter], delivered_total={"https://a.example": 4}, failed_total={"https://b.example": 2})
    bucket.write(LEDGER, ledger.to_bytes())
    keep_looked(bucket, Looked(time=NOW, problems=2, disks=[DiskLook(name="work", free=10, total=100)]))
    return bucket


@pytest.fixture
def sync_state(bucket: FolderBucket, tmp_path: Path) -> SyncState:
    """The state of a sync that copied one model, and met a bucket and a model that fail."""
    state = SyncState(tmp_path / "synced", clock)
    stores = tmp_path / "synced" / "gfs"
    stores.mkdir(parents=True)
    for key in ("gfs/20261124T0000Z.zarr.zip", "gfs/latest.json"):
        (tmp_path / "synced" / key).write_bytes(bucket.read(key))
    good = {"model": "gfs", "outcome": "synced", "bytes": 5}
    bad = {"model": "ifs", "outcome": "failed", "problem": "no", "reason": "WrongChecksum"}
    for fields in (
        {"models": [good]},
        {"models": [bad]},
        {"problem": "no", "reason": "BucketError"},
    ):
        state.learn(SyncReport.model_validate({"bucket": "b", "folder": "f", **fields}))
    return state


def watched() -> list[Any]:
    model = SimpleNamespace(name="gfs")
    return [SimpleNamespace(model=model, looked=NOW, told_total=2, tell_failures_total=1)]


@pytest.fixture
def api_page(published: Any) -> str:
    """Of an API whose only run is too old, which counts as a fallback."""

    async def scrape() -> str:
        app = create_app(published.windlass.stores, clock, pause=0)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://api") as client,
        ):
            await client.get("/forecast/key/51.5,-0.12")
            return (await client.get("/metrics")).text

    return asyncio.run(scrape())


@pytest.fixture
def pages(api_page: str, bucket: FolderBucket, sync_state: SyncState) -> dict[str, dict[str, Metric]]:
    """Page -> its families."""
    return {
        "API": families(api_page),
        "bucket": families(page([PublishedState(bucket, clock)])),
        "watch": families(page([WatchState(watched())])),
        "sync": families(page([sync_state])),
    }
