"""`windlass simulate` as people run it: a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployments.commands.simulate import newest_due, simulate
from flows.errors import RequestError
from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from flows.models import model_names
from tasks.clock import parse_clock

ROOT = Path(__file__).parents[2]
COMMAND = """
import sys, typer
from deployments.commands.simulate import simulate
from deployments.console import report_errors
app = typer.Typer(rich_markup_mode="rich", pretty_exceptions_enable=False)
app.command()(simulate)
with report_errors():
    app()
"""


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """command(*arguments): what subprocess needs to simulate into tmp_path / "public"."""

    def command(*arguments: str) -> dict[str, Any]:
        return {
            "args": [sys.executable, "-c", COMMAND, str(tmp_path / "public"), *arguments],
            "cwd": ROOT,
            "env": {**os.environ, "COLUMNS": "100"},
            "text": True,
        }

    return command


Command = Callable[..., dict[str, Any]]


def run(command: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(**command, capture_output=True, stdin=subprocess.DEVNULL)


def test_help_teaches(command: Command) -> None:
    done = run(command("--help"))
    assert done.returncode == 0
    for taught in ("windlass simulate DIR --model gfs", "--bbox=5,47,16,55", "mislabelled", "stalling", "--mirror DIR"):
        assert taught in done.stdout


def test_a_region_of_a_run_is_written_spoilt_and_the_next_command_is_said(command: Command, tmp_path: Path) -> None:
    done = run(
        command(
            "--model", "gfs", "--init-time", "2026-04-20T06", "--leads", "0-2", "--step", "0.5",
            "--bbox=5,47,16,55", "--fault", "missing@2", "--fault", "corrupt@1:secondary",
        )
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "3 leads to 2 h on 23 x 17 points: 12 files" in done.stderr
    public = tmp_path / "public"
    assert done.stdout.strip() == f"windlass ingest gfs --mirror {public} --init-time 2026-04-20T06 --leads 0-2"
    names = sorted(file.name for file in public.rglob("*") if file.is_file())
    assert len(names) == 10
    assert "gfs.t06z.pgrb2.0p25.f002" not in names
    assert "gfs.t06z.pgrb2b.0p25.f002" in names


def test_served_faults_and_all_until_it_is_interrupted(command: Command) -> None:
    arguments = ("--model", "ifs", "--init-time", "2026-04-20T00", "--leads", "0-3/3", "--step", "10")
    with subprocess.Popen(
        **command(*arguments, "--serve", "--fault", "failing@3"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as serving:
        assert serving.stdout is not None
        told = serving.stdout.readline()
        match = re.search(r"windlass ingest ifs --mirror (http://127\.0\.0\.1:\d+) --init-time", told)
        assert match, told
        base = f"{match[1]}/20260420/00z/ifs/0p25/oper/20260420000000"
        with urllib.request.urlopen(f"{base}-0h-oper-fc.grib2") as answer:
            assert answer.read(4) == b"GRIB"
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"{base}-3h-oper-fc.grib2")
        serving.send_signal(signal.SIGINT)
        _, shown = serving.communicate()
    assert serving.returncode == 0
    assert "stopped" in shown


def test_files_of_an_arriving_run_land_at_its_pace_on_a_fast_clock(command: Command) -> None:
    arguments = ("--model", "ifs", "--init-time", "2026-04-20T00", "--leads", "0-3/3", "--step", "10")
    # A year takes two minutes: ten minutes before the first lead are over at once.
    with subprocess.Popen(
        **command(*arguments, "--serve", "--arrive", "300000"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as serving:
        assert serving.stdout is not None
        told = serving.stdout.readline()
        match = re.search(r"windlass watch ifs --ingest --mirror (http://127\.0\.0\.1:\d+) --clock (\S+)", told)
        assert match, told
        clock = parse_clock(match[2])
        assert (clock.start, clock.speed) == (datetime(2026, 4, 20, 5, 35, tzinfo=UTC), 300000)
        with urllib.request.urlopen(f"{match[1]}/20260420/00z/ifs/0p25/oper/20260420000000-0h-oper-fc.grib2") as answer:
            assert answer.read(4) == b"GRIB"
        serving.send_signal(signal.SIGINT)
        serving.communicate()
    assert serving.returncode == 0


def test_a_wrong_model_is_one_line_and_a_bad_exit(command: Command, tmp_path: Path) -> None:
    done = run(command("--model", "nosuch"))
    assert done.returncode == 1
    assert done.stderr.strip() == f"error: there is no model 'nosuch'; models: {', '.join(model_names())}"
    assert not (tmp_path / "public").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"step": 7.0}, "a grid step of 7 degrees does not divide 180"),
        ({"leads": "121"}, "has no lead 121; its leads are 0-120,123-384/3"),
        ({"init_time": "2026-04-20T05"}, "runs start at 00Z, 06Z, 12Z, 18Z"),
        ({"fault": ["corupt@1"]}, "kinds: missing, truncated, stale-index"),
        ({"fault": ["corrupt@1:third"]}, "products: main, secondary"),
        ({"leads": "1", "fault": ["corrupt@2"]}, "lead 2 is not simulated"),
        ({"fault": ["slow@1"]}, "only a server can be slow@1: add --serve"),
        ({"arrive": 60.0}, "files can land on a server only: add --serve"),
        ({"step": 1.0, "full": True}, "give one of them"),
        ({"bbox": "1,2,3"}, "write W,S,E,N"),
    ],
)
def test_what_has_no_meaning_is_refused_before_anything_is_written(
    tmp_path: Path, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(RequestError) as caught:
        simulate(tmp_path / "public", "gfs", **options)
    assert told in str(caught.value)
    assert not (tmp_path / "public").exists()


def test_the_newest_run_that_is_due_is_the_default() -> None:
    now = datetime(2026, 4, 20, 12, tzinfo=UTC)
    assert newest_due(GFS, now) == datetime(2026, 4, 20, 6, tzinfo=UTC)
    assert newest_due(IFS, now) == datetime(2026, 4, 20, 0, tzinfo=UTC)
