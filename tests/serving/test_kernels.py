"""A kernel that was compiled and kept must not outlive a change in a file it calls into."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ASK = (
    "from serving.statistics import total, kind_of_span as kind_of_day\n"
    "import numpy as np\n"
    "from serving.fields import COLUMNS, COLUMN\n"
    "c = np.zeros((len(COLUMNS), 1)); c[COLUMN['liquid_amount']] = 1.0\n"
    "print(int(kind_of_day(c, 0, 1)), sum(kind_of_day.stats.cache_hits.values()))\n"
)


def test_a_change_in_another_file_compiles_again(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "serving", tmp_path / "serving", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "storage").symlink_to(ROOT / "storage")

    def ask() -> list[str]:
        env = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        env.pop("NUMBA_CACHE_DIR", None)
        run = subprocess.run([sys.executable, "-c", ASK], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return run.stdout.split()

    assert ask() == ["1", "0"]
    assert ask() == ["1", "1"], "the second process loads what the first one compiled"
    derived = tmp_path / "serving" / "derived.py"
    text = derived.read_text()
    assert "NONE, RAIN, SNOW, SLEET, ICE, MIXED = 0, 1, 2, 3, 4, 5" in text
    derived.write_text(text.replace("MIXED = 0, 1, 2, 3, 4, 5", "MIXED = 0, 7, 2, 3, 4, 5"))
    assert ask() == ["7", "0"]
