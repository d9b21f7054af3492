"""The fault matrix in its fast form: a seeded sample of pairs with every fault, outages of days on a fast clock."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deployments.chaos.faults import FAULTS
from deployments.chaos.matrix import Scenario, named, pairs, sample
from deployments.chaos.morning import open_long_stage, open_stage
from deployments.chaos.outage import DAYS, play_outage
from deployments.chaos.outcome import Verdict
from deployments.chaos.scenario import Stage, play
from serving.rungs import Rung

ROOT = Path(__file__).parents[2]
SEED = 1
PAIRS = 20


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("chaos")) as stage:
        yield stage


@pytest.fixture(scope="session")
def long_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_long_stage(tmp_path_factory.mktemp("chaos")) as stage:
        yield stage


def name_of(scenario: Scenario) -> str:
    return "+".join(fault.name for fault in scenario) or "nothing"


@pytest.mark.parametrize("scenario", [(), *sample(FAULTS, PAIRS, SEED)], ids=name_of)
def test_whatever_fails_the_api_answers_honestly_and_all_heals(
    stage: Stage, scenario: Scenario, tmp_path: Path
) -> None:
    outcome = play(stage, scenario, tmp_path, SEED)
    if outcome.verdict is Verdict.SKIPPED:
        pytest.skip(outcome.skipped)
    assert not outcome.breaches, "\n".join(outcome.breaches)
    assert outcome.answers > 8
    assert outcome.refused == 0
    assert outcome.healed is not None


def test_the_sample_of_pairs_holds_every_fault_and_is_the_same_for_a_seed() -> None:
    chosen = sample(FAULTS, PAIRS, SEED)
    assert {fault.name for pair in chosen for fault in pair} == {fault.name for fault in FAULTS}
    assert len(set(map(name_of, chosen))) == len(chosen) >= PAIRS
    assert set(map(name_of, chosen)) <= set(map(name_of, pairs(FAULTS)))
    assert list(map(name_of, chosen)) == list(map(name_of, sample(FAULTS, PAIRS, SEED)))
    assert list(map(name_of, chosen)) != list(map(name_of, sample(FAULTS, PAIRS, SEED + 1)))


def test_no_two_faults_have_one_name() -> None:
    assert max(Counter(fault.name for fault in FAULTS).values()) == 1
    with pytest.raises(LookupError, match=r"no fault first-up; faults: first-down, "):
        named(["first-down", "first-up"])


def test_the_command_lists_the_faults_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    from deployments.chaos.__main__ import app

    with pytest.raises(SystemExit) as left:
        app(["--only", "first-down,first-up"])
    assert left.value.code == 1
    assert "there is no fault first-up; faults: first-down, first-slow, " in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize("days", DAYS)
def test_days_without_anything_from_upstream_go_down_the_ladder_and_up_again(
    long_stage: Stage, days: int, tmp_path: Path
) -> None:
    hours, outcome = play_outage(long_stage, days, timedelta(hours=6), tmp_path, SEED)
    assert outcome.breaches == ()
    assert outcome.healed is not None
    heard = Counter(one for hour in hours for one in hour.heard)
    begun = {"gfs failed", "ifs failed", "gfs late", "ifs late"}
    if days > 5:
        begun |= {"gfs stale", "ifs stale"}
    assert heard == dict.fromkeys(begun | {f"{one} over" for one in begun}, 1)
    rungs = [hour.rung for hour in hours]
    down = [Rung.NEWEST, Rung.LAST_GOOD]
    if days > 5:
        # IFS is stale first; then GFS too, which goes on telling; then both have ended.
        down += [Rung.NEXT_MODEL, Rung.NONE]
        assert [hour.status for hour in hours if hour.rung is Rung.NONE] == [503]
    assert list(dict.fromkeys(rungs)) == down
    assert rungs[-1] is Rung.NEWEST


def test_the_document_lists_the_faults_there_are() -> None:
    text = (ROOT / "docs" / "fault-matrix.md").read_text()
    alone, square = text.split("## Each fault alone")[1].split("## Two at once")
    names = [fault.name for fault in FAULTS]
    assert re.findall(r"^\| `([a-z-]+)` \|", alone, re.MULTILINE) == names
    rows = re.findall(r"^\| (\d+) \| `([a-z-]+)` \|", square, re.MULTILINE)
    assert rows == [(str(number), name) for number, name in enumerate(names, 1)]
