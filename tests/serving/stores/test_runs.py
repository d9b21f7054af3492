"""Runs are taken up from a folder while others are read."""

from __future__ import annotations

import asyncio
import gc
import shutil
import threading
import weakref
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.stores import Snapshot, Stores
from storage.bucket import open_bucket
from storage.manifest import manifest_key
from tests.serving.stores.snapshot import ANY, INIT, behind, open_files, problems, served


def test_what_manifests_name_is_opened_on_the_first_look(stores: Stores, run: Any) -> None:
    run(0, "gfs")
    run(1, "gfs")
    run(0, "ifs")
    assert stores.snapshot == Snapshot()
    stores.check()
    assert served(stores.snapshot) == {"gfs": 1, "ifs": 0}
    assert stores.snapshot.generation == 1
    assert problems(stores.snapshot) == {"gfs": None, "ifs": None}


def test_a_look_at_an_unchanged_folder_changes_nothing(stores: Stores, run: Any) -> None:
    run(0)
    stores.check()
    before = stores.snapshot
    stores.check()
    assert stores.snapshot is before


def test_a_new_run_takes_the_place_of_its_model_only(stores: Stores, run: Any) -> None:
    run(0, "gfs")
    run(0, "ifs")
    stores.check()
    ifs = stores.snapshot.stores[1]
    run(1, "gfs")
    stores.check()
    assert served(stores.snapshot) == {"gfs": 1, "ifs": 0}
    assert stores.snapshot.generation == 2
    assert stores.snapshot.stores[1] is ifs


def test_a_run_published_again_is_taken_up(stores: Stores, run: Any) -> None:
    run(0)
    stores.check()
    run(0, generation=2)
    stores.check()
    (store,) = stores.snapshot.stores
    assert store.path.name == "20261124T0000Z.g2.zarr.zip"
    assert store.point(ANY)[0, 0] == pytest.approx(275.15)


def test_an_operator_may_go_back_to_an_older_run(stores: Stores, run: Any, tmp_path: Path) -> None:
    older = run(0)
    run(1)
    stores.check()
    (tmp_path / manifest_key("gfs")).write_bytes(older.to_bytes())
    stores.check()
    assert served(stores.snapshot) == {"gfs": 0}


def test_a_store_is_closed_with_the_last_request_that_holds_it(stores: Stores, run: Any, tmp_path: Path) -> None:
    first = run(0)
    stores.check()
    request = stores.snapshot
    store = weakref.ref(request.stores[0])
    run(1)
    stores.check()
    (tmp_path / first.key).unlink()
    stores.check()
    assert request.stores[0].point(ANY)[0, 0] == pytest.approx(274.15)
    assert len(open_files(tmp_path)) == 2
    del request
    gc.collect()
    assert store() is None
    assert len(open_files(tmp_path)) == 1


def test_the_run_before_the_newest_is_open_behind_it(stores: Stores, run: Any) -> None:
    run(0)
    stores.check()
    assert behind(stores.snapshot) == {"gfs": None}
    newest = stores.snapshot.stores[0]
    run(1)
    stores.check()
    assert behind(stores.snapshot) == {"gfs": 0}
    assert stores.snapshot.models[0].previous is newest, "what is open is not opened again"
    assert [store.schema.init_time for store in stores.snapshot.runs] == [INIT + timedelta(hours=6), INIT]
    fresh = Stores(stores.folder)
    fresh.check()
    assert behind(fresh.snapshot) == {"gfs": 0}


def test_an_earlier_publication_of_the_newest_run_is_not_the_run_before(stores: Stores, run: Any) -> None:
    run(0)
    for generation in range(1, 12):
        run(1, generation=generation)
    stores.check()
    assert stores.snapshot.stores[0].path.name == "20261124T0600Z.g11.zarr.zip"
    assert behind(stores.snapshot) == {"gfs": 0}


def test_a_run_that_was_taken_back_fills_nothing(stores: Stores, run: Any, tmp_path: Path) -> None:
    run(0)
    older = run(1)
    run(2)
    stores.check()
    (tmp_path / manifest_key("gfs")).write_bytes(older.to_bytes())
    stores.check()
    assert served(stores.snapshot) == {"gfs": 1}
    assert behind(stores.snapshot) == {"gfs": 0}


def test_other_files_and_folders_are_nobody(stores: Stores, run: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "gfs").mkdir()
    (tmp_path / "gfs" / ".20261124T0600Z.zarr.zip.part").write_bytes(b"half")
    stores.check()
    assert stores.snapshot == Snapshot()
    run(0)
    stores.check()
    before = stores.snapshot
    (tmp_path / "gfs" / ".20261124T0600Z.zarr.zip.part").write_bytes(b"half and more")
    stores.check()
    assert stores.snapshot is before


def test_a_missing_folder_is_told_and_taken_up_when_it_comes(tmp_path: Path, run: Any) -> None:
    stores = Stores(tmp_path / "later")
    stores.check()
    assert str(tmp_path / "later") in str(stores.snapshot.problem)
    run(0)
    tmp_path.joinpath("later").mkdir()
    shutil.move(tmp_path / "gfs", tmp_path / "later")
    stores.check()
    assert served(stores.snapshot) == {"gfs": 0}
    assert stores.snapshot.problem is None
    shutil.move(tmp_path / "later", tmp_path / "gone")
    stores.check()
    assert served(stores.snapshot) == {"gfs": 0}
    assert stores.snapshot.problem


def test_a_local_bucket_is_a_folder_of_stores(stores: Stores, run: Any, tmp_path: Path) -> None:
    manifest = run(0)
    bucket = open_bucket(str(tmp_path / "bucket"))
    assert bucket.upload(tmp_path / manifest.key, manifest.key) == manifest.sha256
    bucket.swap(manifest_key("gfs"), manifest.to_bytes(), None)
    from_bucket = Stores(tmp_path / "bucket")
    from_bucket.check()
    assert served(from_bucket.snapshot) == {"gfs": 0}


def test_readers_in_other_threads_read_on_while_runs_are_exchanged(stores: Stores, run: Any, tmp_path: Path) -> None:
    run(0)
    stores.check()
    stop = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not stop.is_set():
            (store,) = stores.snapshot.stores
            number = (store.schema.init_time - INIT) // timedelta(hours=6)
            values = store.point(ANY)[0]
            if not np.allclose(values, 274.15 + number):
                wrong.append((number, values))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    before: Path | None = None
    for number in range(1, 8):
        key = run(number).key
        stores.check()
        if before:
            before.unlink()
        before = tmp_path / key
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert stores.snapshot.generation == 8


def test_the_watch_takes_new_runs_up_and_outlives_its_own_failure(
    stores: Stores, run: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run(0)
    looked = 0
    whole = stores.check

    def check() -> None:
        nonlocal looked
        looked += 1
        if looked == 1:
            raise RuntimeError("a bug")
        whole()

    monkeypatch.setattr(stores, "check", check)

    async def watch() -> None:
        watching = asyncio.create_task(stores.watch(pause=0))
        while not stores.snapshot.stores:
            await asyncio.sleep(0)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(watch())
    assert served(stores.snapshot) == {"gfs": 0}
    assert "RuntimeError: a bug" in caplog.text
