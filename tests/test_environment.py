"""What tests may write to: folders of their session, never the developer's."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from storage.settings import HOME, Settings

ROOT = Path(__file__).parents[1]
TELL = "from storage.settings import Settings; s = Settings(); print(s.bucket, s.stores, s.work, sep='\\n')"


def test_a_command_without_folders_writes_into_the_session_s_own() -> None:
    here = Settings()
    told = subprocess.run([sys.executable, "-c", TELL], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [Path(line) for line in told.splitlines()] == [Path(here.bucket), here.stores, here.work]
    for folder in (Path(here.bucket), here.stores, here.work):
        assert folder.is_relative_to(tempfile.gettempdir())
        assert not folder.is_relative_to(HOME)


@pytest.mark.parametrize("name", ["BUCKET", "STORES", "WORK"])
def test_no_test_takes_a_folder_s_setting_away(name: str) -> None:
    """Without the variable the default would count again."""
    gone = f'delenv("WINDLASS_{name}"'
    assert not [str(path) for path in (ROOT / "tests").rglob("*.py") if gone in path.read_text()]


def test_every_test_is_of_a_group_that_xdist_knows(request: pytest.FixtureRequest) -> None:
    """Without one each worker would start a Prefect server, and make everything that tests share anew."""
    if not request.config.getoption("loadgroup", False):
        pytest.skip("groups are for workers: --dist loadgroup")
    marked = {mark.args[0] for item in request.session.items for mark in item.iter_markers("xdist_group")}
    assert {item.nodeid.rpartition("@")[2] for item in request.session.items} == marked
