"""Processes killed at any moment, in one world of IFS: a few times each. `python -m deployments.chaos --processes` does
it for longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployments.chaos.outcome import Verdict
from deployments.chaos.processes.kills import DECODERS, KILLS
from deployments.chaos.processes.play import play
from deployments.chaos.processes.watches import WATCHES
from deployments.chaos.processes.witness import Witness
from deployments.chaos.processes.world import World, running
from flows.ifs import MODEL

pytestmark = pytest.mark.xdist_group("chaos-processes")

FAULTS = {fault.name: fault for fault in (*KILLS, *DECODERS, *WATCHES)}
OFTEN = {"ingest-killed": 3, "sync-killed": 2}
SELDOM = {"api-terminated", "sync-terminated"}
"""Only in the long form: they differ little from a kill, and starting the API takes long."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("chaos"), MODEL) as world:
        yield world


@pytest.mark.parametrize(
    ("name", "seed"), [(name, seed) for name in FAULTS if name not in SELDOM for seed in range(OFTEN.get(name, 1))]
)
def test_it_holds(world: World, name: str, seed: int) -> None:
    outcome = play(world, FAULTS[name], seed)
    assert outcome.breaches == ()
    assert outcome.verdict is Verdict.HELD
    assert outcome.healed is not None
    assert outcome.answers > 0
    assert outcome.ingests > 0


def test_a_witness_sees_answers_that_are_of_two_publications(world: World) -> None:
    asked = world.asked()
    truth = world.weather(0).truth
    middle = sorted(truth)[3]
    mixed = {time: degrees if time < middle else degrees + 1 for time, degrees in truth.items()}
    witness = Witness(replace(asked, truths=lambda: [mixed]), (world.bucket,))
    witness.look()
    assert "of no single publication" in witness.breaches[0]


def test_a_witness_sees_a_manifest_that_goes_back_and_a_store_that_is_broken(world: World, tmp_path: Path) -> None:
    witness = Witness(world.asked(), (tmp_path,))
    published, place = world.published, tmp_path / "ifs" / "latest.json"
    manifest = published.model_copy(update={"generation": published.generation + 1})
    place.parent.mkdir()
    place.write_bytes(manifest.to_bytes())
    (tmp_path / manifest.key).write_bytes(b"torn")
    witness.look()
    place.write_bytes(published.to_bytes())
    witness.look()
    place.unlink()
    witness.look()
    broken, back, gone = [text for text in witness.breaches if "does not verify" not in text or manifest.key in text][
        :3
    ]
    assert "does not verify" in broken
    assert f"generation {manifest.generation} was followed by {published.generation}" in back
    assert "vanished" in gone
