"""`windlass prune` as people run it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from storage.folder import FolderBucket

OLD = "gfs/20260419T1800Z.zarr.zip"
OLDER = "gfs/20260419T1200Z.zarr.zip"


def test_a_dry_run_says_what_would_go_and_a_run_removes_it(run: Callable[..., Any], published: Any) -> None:
    bucket = FolderBucket(published.windlass.bucket)
    for key in (OLD, OLDER):
        bucket.write(key, b"x" * 1000)
    before = bucket.list()
    dry = run("prune", "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "gfs: would remove 1 store, 1.0 kB: 20260419T1200Z.zarr.zip\n")
    assert bucket.list() == before
    done = json.loads(run("prune", "--bucket", bucket.base, "--json").stdout)
    assert [model["removed"] for model in done["models"]] == [[OLDER]]
    assert bucket.list() == sorted(set(before) - {OLDER})
    assert run("prune").stderr == "gfs: nothing to remove\n"


def test_what_cannot_be_pruned_is_one_clear_line(run: Callable[..., Any], published: Any) -> None:
    FolderBucket(published.windlass.bucket).write("gfs/latest.json", b"garbage")
    assert "gfs/latest.json is not a valid manifest" in run("prune").error
