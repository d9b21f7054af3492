"""Compiling ahead: each of the small runs becomes a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.kernels import MODELS, compile_ingest
from storage.folder import FolderBucket
from storage.manifest import read_manifest


@pytest.mark.parametrize("name", MODELS)
def test_a_run_is_brought_aboard_to_its_end(name: str, tmp_path: Path) -> None:
    compile_ingest(name, tmp_path)
    manifest = read_manifest(FolderBucket(tmp_path / "bucket"), name)
    assert manifest
    assert manifest.leads >= 3
