"""The compiler's pages after the kernels are loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from serving.compiler import give_back

SCRIPT = """
import json, psutil
from serving.compiler import give_back
from serving.forecast import warm
warm()
before = psutil.Process().memory_info().rss
given = give_back()
after = psutil.Process().memory_info().rss
warm()
from numba import njit
print(json.dumps([before, after, given, njit(lambda x: x + 1)(1)]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no list of mappings")
def test_a_warm_process_is_smaller_without_them_and_compiles_all_the_same() -> None:
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    before, after, given, two = json.loads(told.stdout)
    assert given > 50e6
    assert before - after > 30e6
    assert two == 2


def test_without_a_list_of_mappings_nothing_is_done(tmp_path: Path) -> None:
    assert give_back(tmp_path / "none") == 0
