"""The set of open stores: new runs replace old ones, broken ones don't, and nothing that is held is closed."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import threading
import weakref
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.stores import Snapshot, Stores
from storage.bucket import open_bucket
from storage.grids import Cell
from storage.manifest import Manifest, manifest_key

INIT = datetime(2026, 11, 24, tzinfo=UTC)
ANY = Cell(3, 4)


@pytest.fixture
def run(series_store: Any, publish: Any, tmp_path: Path) -> Callable[..., Manifest]:
    """run(number, model): publish a run 6 h after the one before, in which it is `number` degrees."""

    def run(number: int, model: str = "gfs", generation: int = 1) -> Manifest:
        store = series_store(
            model, INIT + timedelta(hours=6 * number), range(30), {"air_temperature_2m": 273.15 + number + generation}
        )
        manifest: Manifest = publish(tmp_path, store, generation)
        return manifest

    return run


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores(tmp_path)


def served(snapshot: Snapshot) -> dict[str, int]:
    """Model -> number of the run that is served."""
    runs = {store.schema.model: store.schema.init_time - INIT for store in snapshot.stores}
    return {model: age // timedelta(hours=6) for model, age in runs.items()}


def problems(snapshot: Snapshot) -> dict[str, str | None]:
    return {state.model: state.problem for state in snapshot.models}


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


def open_files(folder: Path) -> list[str]:
    links = Path("/proc/self/fd")
    if not links.is_dir():
        pytest.skip("needs /proc")
    paths = []
    for link in links.iterdir():
        try:
            paths.append(os.readlink(link))
        except FileNotFoundError:
            continue
    return [path for path in paths if path.startswith(str(folder))]


def cut_short(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def flip_the_directory(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-200] ^= 0xFF
    path.write_bytes(data)


def wipe_chunks(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[: len(data) // 2] = bytes(len(data) // 2)
    path.write_bytes(data)


SPOILERS: dict[str, Callable[[Path], Any]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "no zip": lambda path: path.write_bytes(b"<html>not found</html>"),
    "cut short": cut_short,
    "flipped": flip_the_directory,
    "wiped": wipe_chunks,
    "manifest empty": lambda path: path.with_name("latest.json").write_bytes(b""),
    "manifest of another model": lambda path: path.with_name("latest.json").write_text(
        path.with_name("latest.json").read_text().replace('"gfs', '"ifs')
    ),
    "manifest gone": lambda path: path.with_name("latest.json").unlink(),
    "folder gone": lambda path: shutil.rmtree(path.parent),
}


@pytest.mark.parametrize("spoil", SPOILERS.values(), ids=SPOILERS)
def test_a_new_run_that_does_not_open_leaves_the_old_one_and_is_told_once(
    stores: Stores, run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], Any]
) -> None:
    run(0)
    stores.check()
    before = stores.snapshot
    broken = run(1)
    spoil(tmp_path / broken.key)
    stores.check()
    stores.check()
    assert served(stores.snapshot) == {"gfs": 0}
    assert stores.snapshot.stores == before.stores
    assert stores.snapshot.generation == 1
    told = problems(stores.snapshot)["gfs"]
    assert told is not None
    assert str(tmp_path / "gfs") in told
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "serving 20261124T0000Z.zarr.zip" in errors[0].getMessage()
    run(2)
    stores.check()
    assert served(stores.snapshot) == {"gfs": 2}
    assert problems(stores.snapshot) == {"gfs": None}


def test_a_repaired_file_is_taken_up(stores: Stores, run: Any, tmp_path: Path) -> None:
    run(0)
    stores.check()
    path = tmp_path / run(1).key
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    stores.check()
    assert "cut short" in str(problems(stores.snapshot)["gfs"])
    path.write_bytes(good)
    stores.check()
    assert served(stores.snapshot) == {"gfs": 1}
    assert problems(stores.snapshot) == {"gfs": None}


def test_a_store_of_another_run_than_its_manifest_says_is_refused(stores: Stores, run: Any, tmp_path: Path) -> None:
    first, second = run(0), run(1)
    stores.check()
    shutil.copy(tmp_path / first.key, tmp_path / second.key)
    lying = second.model_copy(update={"size": first.size, "generation": 2})
    (tmp_path / manifest_key("gfs")).write_bytes(lying.to_bytes())
    stores.check()
    assert "holds gfs 2026-11-24T00:00Z and not gfs 2026-11-24T06:00Z" in str(problems(stores.snapshot)["gfs"])
    assert served(stores.snapshot) == {"gfs": 1}


def test_after_a_restart_the_run_before_the_broken_one_is_served(stores: Stores, run: Any, tmp_path: Path) -> None:
    for number in range(4):
        cut_short(tmp_path / run(number).key) if number in (0, 3) else run(number)
    stores.check()
    assert served(stores.snapshot) == {"gfs": 2}
    (state,) = stores.snapshot.models
    assert state.manifest is None
    assert state.problem is not None


def behind(snapshot: Snapshot) -> dict[str, int | None]:
    """Model -> number of the run that is open behind the newest."""
    runs = {state.model: state.previous for state in snapshot.models}
    return {
        model: (store.schema.init_time - INIT) // timedelta(hours=6) if store else None for model, store in runs.items()
    }


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


def test_a_broken_run_behind_the_newest_is_passed_over_and_told(
    stores: Stores, run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(0)
    broken = run(1)
    cut_short(tmp_path / broken.key)
    run(2)
    stores.check()
    assert served(stores.snapshot) == {"gfs": 2}
    assert behind(stores.snapshot) == {"gfs": 0}
    assert "cannot fall back on 20261124T0600Z.zarr.zip" in caplog.text
    assert problems(stores.snapshot) == {"gfs": None}


def test_of_a_damaged_run_the_latest_publication_that_opens_is_served(stores: Stores, run: Any, tmp_path: Path) -> None:
    for generation in (9, 10, 11):
        last = run(1, generation=generation)
    run(0)
    (tmp_path / manifest_key("gfs")).write_bytes(last.to_bytes())
    cut_short(tmp_path / last.key)
    stores.check()
    assert stores.snapshot.stores[0].path.name == "20261124T0600Z.g10.zarr.zip"
    assert behind(stores.snapshot) == {"gfs": 0}
    assert stores.snapshot.models[0].newest_seen == INIT + timedelta(hours=6)
    assert stores.snapshot.troubled == {"gfs"}


def test_a_file_that_is_replaced_under_its_name_is_opened_anew(stores: Stores, run: Any, tmp_path: Path) -> None:
    manifests = [run(0), run(1)]
    stores.check()
    before = stores.snapshot
    for manifest in manifests:
        path = tmp_path / manifest.key
        part = path.with_name(".new")
        shutil.copy(path, part)
        part.replace(path)
    stores.check()
    assert served(stores.snapshot) == {"gfs": 1}
    assert behind(stores.snapshot) == {"gfs": 0}
    assert not set(before.runs) & set(stores.snapshot.runs)


def test_a_model_of_which_nothing_opens_is_told(stores: Stores, run: Any, tmp_path: Path) -> None:
    run(0, "ifs")
    cut_short(tmp_path / run(0, "gfs").key)
    stores.check()
    assert served(stores.snapshot) == {"ifs": 0}
    assert set(problems(stores.snapshot)) == {"gfs", "ifs"}
    assert problems(stores.snapshot)["gfs"]


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
