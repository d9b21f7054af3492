"""An empty bucket on a roomy disk, and manifests in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import flows.freshness as room
from storage.folder import FolderBucket
from storage.manifest import Manifest, manifest_key, store_key
from tests.flows.freshness.looks import LANDED, LIMITS, RUN


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderBucket:
    for name in ("PREFECT_API_URL", "WINDLASS_NOTIFY_URL", "WINDLASS_NOTIFY_URLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WINDLASS_BUCKET", str(tmp_path / "bucket"))
    monkeypatch.setenv("WINDLASS_WORK", str(tmp_path / "work"))
    roomy = SimpleNamespace(free=900_000_000_000, total=1_000_000_000_000)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: roomy)
    return FolderBucket(tmp_path / "bucket")


@pytest.fixture
def published(bucket: FolderBucket) -> Callable[..., Manifest]:
    """published(model, run): the run's manifest, the next generation; its store is nobody's business here."""
    generations: dict[str, int] = {}

    def published(model: str = "gfs", run: datetime = RUN, leads: int = 129, **lacks: Any) -> Manifest:
        generations[model] = generations.get(model, 0) + 1
        manifest = Manifest(
            model=model,
            init_time=run,
            key=store_key(model, run),
            size=1,
            sha256="0" * 64,
            generation=generations[model],
            leads=leads,
            last_lead=384 * 60,
            published_at=run + LANDED,
            freshness=LIMITS,
            **lacks,
        )
        bucket.write(manifest_key(model), manifest.to_bytes())
        return manifest

    return published
