"""The ground of a model comes beside its stores, is opened there, and forecasts nothing."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.static import Ground, Static
from serving.stores import Stores
from serving.sync import sync_once
from storage.folder import FolderBucket
from storage.grids import Cell, just
from storage.static import STATIC, read_static
from tasks.static import publish_static
from tests.serving.client import INIT, NOW, Client, with_client
from tests.serving.conftest import COARSE, write_store

BERLIN = COARSE.cell(52.5, 13.4)


@pytest.fixture
def bucket(tmp_path: Path, weather_store: Any, publish: Any) -> FolderBucket:
    """A bucket with a run of GFS."""
    publish(tmp_path / "bucket", weather_store("gfs", INIT))
    return FolderBucket(tmp_path / "bucket")


@pytest.fixture
def keep(tmp_path: Path, bucket: FolderBucket, series_store: Any) -> Any:
    """keep(height, days): publish static fields that are the same everywhere."""

    def keep(height: float, days: int = 0) -> Path:
        init = INIT + timedelta(days=days)
        store = series_store("gfs", init, [0], {"terrain_height_surface": height, "land_share_surface": 0.75})
        path = tmp_path / "static.zarr.zip"
        path.unlink(missing_ok=True)
        write_store(path, type(store)(replace(store.schema, traits=(STATIC,)), store.values), COARSE)
        digest = f"{int(height):064x}"
        return bucket.folder / publish_static(path, "gfs", init, None, digest, bucket).key

    return keep


def opened(folder: Path) -> Static | None:
    stores = Stores(folder)
    stores.check()
    return stores.snapshot.models[0].static


def test_it_is_synced_opened_and_looked_up(tmp_path: Path, bucket: FolderBucket, keep: Any) -> None:
    keep(35.0)
    report = sync_once(bucket, tmp_path / "stores")
    assert not report.failed
    static = opened(tmp_path / "stores")
    assert static is not None
    assert static.between(52.5, 13.5) == pytest.approx(Ground(35.0, 0.75), abs=0.1)
    assert static.amid(just(BERLIN)) == pytest.approx(Ground(35.0, 0.75), abs=0.1)
    assert static.amid(just(Cell(0, 0))).terrain == pytest.approx(35.0, abs=0.1)


def test_another_one_takes_its_place_while_the_run_stays(tmp_path: Path, bucket: FolderBucket, keep: Any) -> None:
    keep(35.0)
    sync_once(bucket, tmp_path / "stores")
    stores = Stores(tmp_path / "stores")
    stores.check()
    before = stores.snapshot.models[0]
    keep(40.0, days=1)
    sync_once(bucket, tmp_path / "stores")
    stores.check()
    after = stores.snapshot.models[0]
    assert after.store is before.store
    assert before.static is not None
    assert after.static is not None
    # Who still holds the first reads on.
    assert before.static.amid(just(BERLIN)).terrain == pytest.approx(35.0, abs=0.1)
    assert after.static.amid(just(BERLIN)).terrain == pytest.approx(40.0, abs=0.1)
    assert len(list((tmp_path / "stores" / "gfs" / "static").iterdir())) == 1


def test_bytes_that_are_not_what_was_published_are_not_taken(
    tmp_path: Path, bucket: FolderBucket, keep: Any, caplog: pytest.LogCaptureFixture
) -> None:
    file = keep(35.0)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.unlink()
    file.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        report = sync_once(bucket, tmp_path / "stores")
    assert not report.failed
    assert "gfs: its static fields are not brought" in caplog.text
    assert opened(tmp_path / "stores") is None
    file.unlink()
    (bucket.folder / "gfs" / "static.json").unlink()
    keep(35.0)
    sync_once(bucket, tmp_path / "stores")
    assert opened(tmp_path / "stores") is not None


def test_models_tell_of_it_and_answers_tell_the_elevation(tmp_path: Path, bucket: FolderBucket, keep: Any) -> None:
    sync_once(bucket, tmp_path / "stores")

    def ask(path: str) -> httpx.Response:
        async def talk(client: Client, _: Any) -> httpx.Response:
            return await client.get(path)

        answer: httpx.Response = with_client(tmp_path / "stores", talk, NOW)
        return answer

    plain = ask("/forecast/key/52.52,13.405").json()
    assert ask("/models").json()[0]["static"] is None
    keep(35.0)
    sync_once(bucket, tmp_path / "stores")
    told = ask("/models").json()[0]["static"]
    assert told["init_time"] == "2026-11-24T00:00:00Z"
    assert [(each["name"], each["units"]) for each in told["variables"]] == [
        ("terrain_height_surface", "m"),
        ("land_share_surface", "1"),
    ]
    answer = ask("/forecast/key/52.52,13.405").json()
    # Feet: the same weather at 35 m.
    assert answer.pop("elevation") == 115
    assert answer == plain


def test_publishing_keeps_the_one_before(bucket: FolderBucket, keep: Any) -> None:
    files = [keep(height, days) for days, height in enumerate((1.0, 2.0, 3.0))]
    assert [file.exists() for file in files] == [False, True, True]
    manifest = read_static(bucket, "gfs")
    assert manifest is not None
    assert manifest.previous is not None
    assert bucket.folder / manifest.previous == files[1]
