"""Stores that do not open, in every way: what is served, and what is told."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.stores import Stores
from storage.manifest import manifest_key
from tests.serving.stores.snapshot import INIT, behind, problems, served


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
