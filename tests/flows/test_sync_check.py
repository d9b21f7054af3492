"""A sync that brings nothing turns red, whatever its jobs say; people are told by incidents."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import numpy as np
import pytest
import uvicorn

from flows.errors import NotServed
from flows.sync_check import SILENT, sync_check
from serving.app import create_app
from serving.sync import sync_once
from storage.folder import FolderBucket
from storage.grids import LatLonGrid
from storage.manifest import manifest_key
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.variables import variable
from storage.writer import StoreWriter, encode_band
from tasks.incidents import Kind, find_incident
from tasks.lag import Lag
from tasks.publish import publish

SIX = datetime(2026, 4, 20, 6, tzinfo=UTC)
LANDED = timedelta(hours=5)


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderBucket:
    monkeypatch.setenv("WINDLASS_BUCKET", str(tmp_path / "bucket"))
    monkeypatch.setenv("WINDLASS_STORES", str(tmp_path / "stores"))
    return FolderBucket(tmp_path / "bucket")


@pytest.fixture
def published(bucket: FolderBucket, tmp_path: Path) -> Callable[[str, int], datetime]:
    """published(model, hour): a tiny run, published LANDED after it began; gives that time."""

    def published(model: str, hour: int) -> datetime:
        row = StoredVariable(variable("air_temperature_2m"), 0.01, 280.0, (0, 0))
        grid = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)
        init_time = datetime(2026, 4, 20, hour, tzinfo=UTC)
        schema = StoreSchema(model, init_time, (0, 4320), (row,), grid, Freshness(400, 500, 1440), "nobody", "none")
        path = tmp_path / f"{model}-{hour}.zarr.zip"
        with StoreWriter(path, schema) as writer:
            for number, rows in enumerate((10, 9)):
                values = np.full((2, rows, 36), 280 + hour, np.float32)
                writer.append(encode_band(schema, number, lambda name, values=values: values))
        publish(SimpleNamespace(path=path, schema=schema), bucket, init_time + LANDED)
        return init_time + LANDED

    return published


def test_served_data_that_does_not_advance_is_red_until_it_does(
    bucket: FolderBucket, published: Callable[[str, int], datetime], tmp_path: Path
) -> None:
    stores = tmp_path / "stores"
    published("ifs", 0)
    published("gfs", 0)
    sync_once(bucket, stores)
    landed = published("gfs", 6)

    # The sync still downloads: neither red nor an incident.
    early = sync_check(now=landed + timedelta(minutes=5))
    assert {row.model: (row.state, row.lag_minutes, row.age_minutes) for row in early.models} == {
        "gfs": (Lag.BEHIND, 5, 665),
        "ifs": (Lag.NONE, 0, 665),
    }
    assert find_incident(bucket, "gfs", Kind.SYNC) is None

    with pytest.raises(NotServed, match=r"gfs 2026-04-20T06Z .* 45 minutes ago, served is 2026-04-20T00Z, 705 minutes"):
        sync_check(now=landed + timedelta(minutes=45))
    incident = find_incident(bucket, "gfs", Kind.SYNC)
    assert incident is not None
    assert (incident.run, incident.since) == ("gfs 2026-04-20T06Z", landed)
    assert incident.served is not None
    assert (incident.served.run, incident.served.age_minutes, incident.served.state) == (
        "gfs 2026-04-20T00Z",
        705,
        "late",
    )
    assert find_incident(bucket, "ifs", Kind.SYNC) is None

    # A newer run is not served for some minutes only; what is served has not advanced for hours all the same.
    landed = published("gfs", 12)
    assert sync_check(now=landed + timedelta(minutes=5)).models[0].state is Lag.BEHIND
    assert find_incident(bucket, "gfs", Kind.SYNC) == incident

    sync_once(bucket, stores)
    done = sync_check(now=landed + timedelta(minutes=6))
    assert [row.state for row in done.models] == [Lag.NONE, Lag.NONE]
    assert "gfs 2026-04-20T12Z (generation 3) is served, 306 minutes old" in done.in_words()
    assert find_incident(bucket, "gfs", Kind.SYNC) is None


@contextmanager
def api(stores: Path) -> Iterator[str]:
    """The API over a folder of stores; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(create_app(stores, lambda: SIX), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            # It compiles before it answers.
            urlopen(f"{url}/health", timeout=180).close()
            yield url
        finally:
            server.should_exit = True
            thread.join()


def test_what_apis_say_counts_before_what_lies_in_a_folder(
    bucket: FolderBucket,
    published: Callable[[str, int], datetime],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served, stores = tmp_path / "served", tmp_path / "stores"
    published("gfs", 0)
    sync_once(bucket, served)
    landed = published("gfs", 6)
    sync_once(bucket, stores)
    late = landed + timedelta(hours=1)
    assert sync_check(now=late).broken == []
    with api(served) as behind, api(stores) as current:
        monkeypatch.setenv("WINDLASS_API_URLS", current)
        assert [row.where for row in sync_check(now=late).models] == [current]
        # One of two nodes lags.
        monkeypatch.setenv("WINDLASS_API_URLS", f"{current}, {behind}")
        with pytest.raises(NotServed) as red:
            sync_check(now=late)
        assert str(red.value).startswith(f"{behind}: gfs 2026-04-20T06Z (generation 2) was published 60 minutes ago")
        assert find_incident(bucket, "gfs", Kind.SYNC) is not None
    # Both are gone: that is another incident, and says nothing of the model.
    with pytest.raises(NotServed, match=r"/health does not answer.*/health does not answer"):
        sync_check(now=late)
    assert find_incident(bucket, SILENT, Kind.SYNC) is not None
    assert find_incident(bucket, "gfs", Kind.SYNC) is not None
    monkeypatch.delenv("WINDLASS_API_URLS")
    sync_check(now=late)
    assert find_incident(bucket, SILENT, Kind.SYNC) is None
    assert find_incident(bucket, "gfs", Kind.SYNC) is None


def test_nothing_published_is_nothing_wrong_but_a_damaged_manifest_is(bucket: FolderBucket, tmp_path: Path) -> None:
    (tmp_path / "stores").mkdir()
    assert sync_check().in_words() == f"nothing is published in {bucket.base}"
    bucket.write(manifest_key("gfs"), b"garbage")
    with pytest.raises(ValueError, match="not a valid manifest"):
        sync_check()
