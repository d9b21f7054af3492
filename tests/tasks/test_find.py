from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployments.simulator.server import Fault, serve
from tasks.errors import MirrorError, NoMirrorLeft, NoRunFound
from tasks.find import find_run
from tasks.mirrors import Patience
from tasks.wanted import Mirror

Find = Callable[..., tuple[datetime, str]]


@pytest.fixture
def find(toy: SimpleNamespace, hasty: Patience) -> Find:
    """find(mirror, ..., runs=(hours after the toy run, ...)): the run found and the mirror's name; last lead 3."""

    def find(*mirrors: str | Path, runs: Sequence[int] = (6, 0, -6)) -> tuple[datetime, str]:
        candidates = [(toy.run + timedelta(hours=hours), 3) for hours in runs]
        places = [Mirror(f"mirror{number}", str(base)) for number, base in enumerate(mirrors, 1)]
        (init_time, _), mirror = find_run(places, toy.main, candidates, "toy", hasty)
        return init_time, mirror.name

    return find


def test_the_newest_run_whose_last_lead_is_indexed_is_found(find: Find, bucket: Path, toy: SimpleNamespace) -> None:
    toy.write_run(bucket, (0, 1, 2), toy.run + timedelta(hours=6))
    toy.write_run(bucket, (0, 1, 2, 3), toy.run - timedelta(hours=6))
    assert find(bucket) == (toy.run, "mirror1")
    with serve(bucket) as server:
        assert find(server.url) == (toy.run, "mirror1")
        assert [path.rsplit("/", 1)[-1] for path in server.paths()] == ["main.f003.idx"] * 2


def test_a_newer_run_on_a_later_mirror_wins(find: Find, bucket: Path, tmp_path: Path, toy: SimpleNamespace) -> None:
    newer = toy.write_run(tmp_path / "newer", init_time=toy.run + timedelta(hours=6))
    assert find(bucket, newer) == (toy.run + timedelta(hours=6), "mirror2")


def test_of_two_mirrors_with_the_run_the_first_wins(find: Find, bucket: Path, toy: SimpleNamespace) -> None:
    assert find(bucket, bucket) == (toy.run, "mirror1")


def test_a_mirror_that_is_down_is_passed_over_and_asked_once(find: Find, bucket: Path, toy: SimpleNamespace) -> None:
    with serve(bucket, [Fault("*", status=503)]) as down, serve(bucket) as up:
        assert find(down.url, up.url) == (toy.run, "mirror2")
        assert len(down.asked) == 3


def test_a_passing_fault_does_not_hide_a_run(find: Find, bucket: Path, toy: SimpleNamespace) -> None:
    with serve(bucket, [Fault("*", status=302, times=2, headers=(("Location", "/robot"),))]) as server:
        assert find(server.url, runs=(0,)) == (toy.run, "mirror1")


def test_no_run_says_what_was_asked_and_what_each_mirror_said(find: Find, bucket: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with serve(bucket, [Fault("*", status=403)]) as server, pytest.raises(NoRunFound) as raised:
        find(server.url, tmp_path / "empty", runs=(0, -6))
    said = str(raised.value)
    assert said.startswith("toy 2026-04-20T06Z lead 3, 2026-04-20T00Z lead 3: ")
    assert f"mirror1: {server.url}/run.2026042006/main.f003.idx: HTTP 403" in said
    assert "main.f003.idx does not exist" in said
    assert "--init-time" in said


def test_mirrors_that_are_all_down_are_not_a_missing_run(find: Find, bucket: Path) -> None:
    with serve(bucket) as server:
        gone = server.url
    with serve(bucket, [Fault("*", status=500)]) as failing, pytest.raises(NoMirrorLeft) as raised:
        find(gone, failing.url)
    assert isinstance(raised.value, MirrorError)
    assert "toy 2026-04-20T12Z lead 3" in str(raised.value)
    assert f"{gone}/run.2026042012/main.f003.idx cannot be reached" in str(raised.value)
    assert "HTTP 500" in str(raised.value)


def test_one_mirror_down_and_one_without_the_run_is_no_run(find: Find, bucket: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with serve(bucket, [Fault("*", status=500)]) as failing, pytest.raises(NoRunFound, match="HTTP 500"):
        find(failing.url, tmp_path / "empty")


def test_an_index_that_is_none_is_not_a_run(find: Find, bucket: Path, toy: SimpleNamespace) -> None:
    (bucket / toy.main.index_path(toy.run, 3)).write_text("<html>Access denied</html>")
    older = toy.run - timedelta(hours=6)
    toy.write_run(bucket, (3,), older)
    assert find(bucket) == (older, "mirror1")


def test_no_mirror_at_all(find: Find) -> None:
    with pytest.raises(NoMirrorLeft, match="toy"):
        find()


def test_patience_ends_with_the_search(find: Find, bucket: Path, toy: SimpleNamespace, hasty: Patience) -> None:
    with serve(bucket, [Fault("*", status=429, headers=(("Retry-After", "7000"),))]) as server:
        with pytest.raises(NoMirrorLeft, match="HTTP 429"):
            find_run([Mirror("m", server.url)], toy.main, [(toy.run, 3)], "toy", replace(hasty, tries=9))
        assert len(server.asked) == 1
