"""`windlass terrain`: from a map somebody downloaded to an answer at the height of the place."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rasterio", reason="windlass[terrain] is not installed")

from serving.static import NOWHERE
from serving.terrain import open_terrain
from tests.tasks.maps import hills, write_map

ROOT = Path(__file__).parents[2]


def make_terrain(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deployments.cli", "terrain", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def alps(tmp_path: Path) -> str:
    return write_map(tmp_path / "alps.tif", hills(180, 240), 6.0, 48.0, 1 / 60)


def test_a_map_becomes_the_terrain_that_serving_opens(tmp_path: Path, alps: str) -> None:
    run = make_terrain(
        "alps.tif", "--atlas", "gmted2010", "--to", "made.zarr.zip", "--bbox=7,45.5,9,47", folder=tmp_path
    )
    assert run.returncode == 0, run.stderr
    assert "maps     1, 0.0 million pixels" in run.stderr
    assert "cells    90 x 120" in run.stderr
    assert "unknown, nothing is corrected there" in run.stderr
    assert f"export WINDLASS_TERRAIN={tmp_path / 'made.zarr.zip'}" in run.stderr
    terrain = open_terrain(tmp_path / "made.zarr.zip")
    made = hills(180, 240)
    assert terrain.between(47 - 0.5 / 60, 7 + 0.5 / 60).terrain == pytest.approx(made[60, 60])
    assert terrain.between(46.5, 8.0).terrain == pytest.approx(made[89:91, 119:121].mean(), abs=0.01)
    assert terrain.store.schema.attribution.startswith("GMTED2010")
    shown = subprocess.run(
        [sys.executable, "-m", "deployments.cli", "store", "show", str(tmp_path / "made.zarr.zip")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "public domain" in shown.stdout
    assert re.search(r"^maps +1: alps.tif$", shown.stdout, re.MULTILINE)


def test_a_plan_makes_nothing(tmp_path: Path, alps: str) -> None:
    run = make_terrain("alps.tif", "--atlas", "gmted2010", "--plan", "--step", "120", folder=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "cells    90 x 120, 0.0 million of 120 seconds" in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["alps.tif"]


def test_atlases_know_what_their_numbers_mean(tmp_path: Path) -> None:
    made = hills(60, 60)
    made[:30] = -3000
    write_map(tmp_path / "map.tif", made, 0.0, 1.0, 1 / 60)
    run = make_terrain("map.tif", "--atlas", "etopo2022", "--bbox=0,0,2,1", folder=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "1800 pixels below 0 m are its surface now" in run.stderr
    terrain = open_terrain(tmp_path / "terrain.zarr.zip")
    assert terrain.between(0.8, 0.5).terrain == 0.0
    assert terrain.between(0.8, 1.5) == NOWHERE
    run = make_terrain("map.tif", "--atlas", "etopo2022", "--missing", "sea", "--bbox=0,0,2,1", folder=tmp_path)
    assert open_terrain(tmp_path / "terrain.zarr.zip").between(0.8, 1.5).terrain == 0.0


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("alps.tif",), 2, "whose map is it?"),
        (("alps.tif", "--atlas", "srtm"), 2, "there are etopo2022, gmted2010, copernicus"),
        (("alps.tif", "--atlas", "gmted2010", "--missing", "zero"), 2, "unknown or sea"),
        (("alps.tif", "--atlas", "gmted2010", "--step", "7"), 1, "does not go into 180 degrees"),
        (("alps.tif", "--atlas", "gmted2010", "--bbox", "1,2,3"), 1, "write W,S,E,N"),
        (("alps.tif", "--atlas", "gmted2010", "--to", "no/where.zip"), 1, "no folder"),
        (("other.tif", "--atlas", "gmted2010"), 1, "no file other.tif"),
        (("utm.tif", "--atlas", "gmted2010"), 1, "gdalwarp -t_srs EPSG:4326"),
        (("short.tif", "--atlas", "gmted2010"), 1, "cut short perhaps"),
    ],
    ids=lambda value: " ".join(value[:4:3]) if isinstance(value, tuple) else "",
)
def test_mistakes_are_one_line(tmp_path: Path, alps: str, words: tuple[str, ...], code: int, why: str) -> None:
    write_map(tmp_path / "utm.tif", hills(8, 8), 4e5, 5.3e6, 90.0, crs="EPSG:32632")
    short = Path(write_map(tmp_path / "short.tif", hills(180, 240).astype(np.float32), 6.0, 48.0, 1 / 60))
    short.write_bytes(short.read_bytes()[:100_000])
    run = make_terrain(*words, folder=tmp_path)
    assert run.returncode == code, run.stderr
    assert why in " ".join(run.stderr.replace("│", " ").split())
    assert "Traceback" not in run.stderr
    assert not list(tmp_path.glob("*.zarr.zip*"))


def test_it_needs_no_ecCodes_and_no_Prefect(tmp_path: Path, alps: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nfor name in ('eccodes', 'prefect', 'fastapi'): sys.modules[name] = None\n"
    )
    run = make_terrain(
        "alps.tif", "--atlas", "gmted2010", folder=tmp_path, PYTHONPATH=f"{tmp_path}:{ROOT}", WINDLASS_LOG_FORMAT="json"
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "terrain.zarr.zip").exists()
