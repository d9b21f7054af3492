"""The laws of the fault matrix can be broken: each is, on purpose, in a world where nothing else is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deployments.chaos.fault import Allowed, Fault, Group, Step, together
from deployments.chaos.hearing import breaches_of, kinds_of
from deployments.chaos.laws import Laws
from deployments.chaos.morning import open_stage
from deployments.chaos.outcome import Outcome, Verdict
from deployments.chaos.remains import ails, remains
from deployments.chaos.scenario import USUAL, Stage
from deployments.chaos.table import pairs, singles
from deployments.chaos.truth import Truth
from deployments.chaos.world import World, open_world
from serving.rungs import Rung
from serving.stores import Snapshot
from tasks.incidents import Incident, Kind, open_incident


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("chaos")) as stage:
        yield stage


@pytest.fixture
def world(stage: Stage, tmp_path: Path) -> Iterator[World]:
    with open_world(stage.site, tmp_path, USUAL.start, 1, like=stage.like) as world:
        yield world


def wrong(laws: Laws, deed: Callable[[], object]) -> str:
    """What is said when all was well before the deed."""
    laws.hold("before")
    assert laws.breaches == []
    deed()
    laws.world.stores.check()
    laws.hold("after")
    return "\n".join(laws.breaches)


def rewrite(file: Path, change: Callable[[bytes], bytes]) -> None:
    """Replace a file: the world's are links to those of others."""
    data = change(file.read_bytes())
    file.unlink()
    file.write_bytes(data)


def test_a_healthy_world_breaks_none(stage: Stage, world: World) -> None:
    laws = Laws(world, stage.truth)
    assert laws.hold("healthy").rung is Rung.NEWEST
    assert (laws.breaches, ails(world), remains(world)) == ([], [], [])


@pytest.mark.parametrize("place", ["bucket", "stores"])
def test_a_manifest_may_neither_vanish_nor_go_back_nor_name_what_rots(
    stage: Stage, world: World, place: str, tmp_path: Path
) -> None:
    manifest = world.folders[place] / "gfs" / "latest.json"
    kept = manifest.read_bytes()
    (store, *_) = sorted(manifest.parent.glob("*.zip"), reverse=True)
    older = kept.replace(b'"2026-04-20T00:00:00Z"', b'"2026-04-19T00:00:00Z"', 1)
    assert older != kept
    assert "gfs went back from" in wrong(Laws(world, stage.truth), lambda: rewrite(manifest, lambda data: older))
    rewrite(manifest, lambda data: kept)
    world.stores.check()
    assert "the manifest of gfs vanished" in wrong(Laws(world, stage.truth), manifest.unlink)
    manifest.write_bytes(kept)
    world.stores.check()
    said = wrong(Laws(world, stage.truth), lambda: rewrite(store, lambda data: data[:200] + b"?" + data[201:]))
    assert "does not verify" in said


def test_an_answer_that_is_not_what_its_runs_say_is_found_out(stage: Stage, world: World) -> None:
    off = {
        run: {time: {name: value + 0.05 for name, value in said.items()} for time, said in leads.items()}
        for run, leads in stage.truth.values.items()
    }
    laws = Laws(world, Truth(off))
    laws.hold("now")
    assert len(laws.breaches) == 3
    assert all("is not what the runs of the flags say" in one for one in laws.breaches)


def test_an_api_that_refuses_though_something_is_there_is_found_out(stage: Stage, world: World) -> None:
    def lose_all() -> None:
        world.stores.snapshot = Snapshot()

    assert "the API answers 503 though ['ifs', 'gfs'] tell" in wrong(Laws(world, stage.truth), lose_all)


def test_late_data_that_are_said_to_be_the_newest_are_found_out(stage: Stage, world: World) -> None:
    laws = Laws(world, stage.truth)
    laws.hold("before")
    believed = world.machine.now()
    world.machine.now = lambda: believed + timedelta(hours=9)  # type: ignore[method-assign]
    laws.hold("after")
    assert any("late, and said to be the newest" in one for one in laws.breaches), laws.breaches


def test_what_is_left_behind_or_still_open_is_told(world: World) -> None:
    staged = world.folders["work"] / "gfs" / "20260420T0600Z" / "staged" / "f000.grib2"
    staged.parent.mkdir(parents=True)
    staged.touch()
    part = world.folders["stores"] / "gfs" / ".x.part"
    part.touch()
    assert remains(world) == [f"left behind: {staged}", f"left behind: {part}"]
    open_incident(
        world.bucket, Incident(model="gfs", kind=Kind.LATE, reason="no newer run", since=world.true.now(), generation=2)
    )
    assert ails(world) == ["gfs late is still open", "gfs late is not told yet"]
    world.true.advance(USUAL.rounds[-1])
    assert "bucket: gfs 20T12Z is not there" in ails(world)


def notice(*facts: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "incidents": [
            {"model": model, "kind": kind, "state": state, "reason": reason}
            for model, kind, state in facts
            for reason in ["it is so"]
        ]
    }


LATE, OVER = ("gfs", "late", "late"), ("gfs", "late", "recovered")


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        ([notice(LATE), notice(OVER)], ""),
        ([notice(LATE), notice(LATE), notice(OVER)], "told twice that gfs is late"),
        ([notice(LATE)], "never told that gfs is late no more"),
        ([], "nobody was told: late"),
        ([notice(OVER)], ""),
        ([notice(LATE, ("gfs", "disk", "disk")), notice(OVER, ("gfs", "disk", "recovered"))], "told of disk"),
    ],
)
def test_people_hear_once_of_what_they_should(heard: list[dict[str, Any]], told: str) -> None:
    allowed = Allowed(told=frozenset({Kind.LATE}))
    found = breaches_of(heard, allowed)
    assert len(found) == bool(told)
    assert told in "".join(found)
    assert kinds_of(heard).count(Kind.LATE) == min(1, len(heard)) or "twice" in told


def fault(name: str, **fields: Any) -> Fault[None]:
    return Fault(name, Group.DISK, f"what {name} is", lambda world: None, lambda world: None, **fields)


def test_what_one_fault_hides_another_need_not_tell() -> None:
    late = fault("late", told=frozenset({Kind.LATE}), rungs=frozenset({Rung.LAST_GOOD}))
    dark = fault("dark", told=frozenset({Kind.BUCKET}), hides=frozenset(Kind))
    both = together([late, dark])
    assert both.told == {Kind.BUCKET}
    assert both.may == {Kind.BUCKET, Kind.LATE}
    assert both.rungs == {Rung.NEWEST, Rung.LAST_GOOD}


def test_what_strikes_in_a_step_that_another_fault_keeps_ingests_from_need_not_be_told() -> None:
    full = fault("full", told=frozenset({Kind.DISK}), needs=Step.WRITE)
    for stops, told in ((Step.FETCH, set()), (Step.WRITE, set()), (Step.PUBLISH, {Kind.DISK}), (Step.END, {Kind.DISK})):
        both = together([full, fault("other", stops=stops)])
        assert both.told == told
        assert both.may == {Kind.DISK}


def test_tables_show_what_was_played_and_what_was_not() -> None:
    faults = [fault("one"), fault("two"), fault("three")]
    held = Outcome(("one",), 1, answers=9, rung=Rung.LAST_GOOD, told=(Kind.LATE, Kind.LATE), ingests=4, healed=30)
    assert held.verdict is Verdict.HELD
    assert singles(faults, {"one": held})[2:] == [
        "| `one` | what one is | 9 x 200 | last-good | late | 4 published | 30 min | held |",
        "| `two` | what two is | not run |  |  |  |  |  |",
        "| `three` | what three is | not run |  |  |  |  |  |",
    ]
    broke = Outcome(("one", "two"), 1, breaches=("it did",))
    skipped = Outcome(("one", "three"), 1, skipped="no disk")
    square = pairs(faults, {frozenset(one.faults): one for one in (broke, skipped)})
    assert square[2:] == ["| 1 | `one` |  |  |", "| 2 | `two` | **X** |  |", "| 3 | `three` | s |   |"]
