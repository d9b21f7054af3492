"""A kernel that was compiled and kept must not outlive a change in a file it calls into."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ONE = """
from other import double
from storage.kernels import kernel

@kernel
def told(number):
    return double(number) + 1
"""
OTHER = """
from storage.kernels import kernel

@kernel
def double(number):
    return 2 * number
"""
ASK = "from one import told; print(told(20), sum(told.stats.cache_hits.values()))"


def test_a_change_in_another_file_compiles_again(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(ONE)
    (tmp_path / "other.py").write_text(OTHER)

    def ask() -> list[str]:
        env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
        env.pop("NUMBA_CACHE_DIR", None)
        run = subprocess.run([sys.executable, "-c", ASK], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return run.stdout.split()

    assert ask() == ["41", "0"]
    assert ask() == ["41", "1"], "the second process loads what the first one compiled"
    (tmp_path / "other.py").write_text(OTHER.replace("2 * number", "3 * number"))
    assert ask() == ["61", "0"]
