"""A bucket folder with small published runs, and a folder to sync them into."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from storage.bucket import Bucket
from storage.folder import FolderBucket
from storage.grids import LatLonGrid
from storage.manifest import Manifest
from storage.schema import Freshness, StoredVariable, StoreSchema, Whole
from storage.variables import variable
from storage.writer import StoreWriter, encode_band
from tasks.publish import publish
from tests.serving.sync.synced import Publish

NOW = datetime(2026, 4, 20, 20, tzinfo=UTC)
GRID = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    return FolderBucket(tmp_path / "bucket")


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    return tmp_path / "stores"


@pytest.fixture
def published(bucket: FolderBucket, tmp_path: Path) -> Publish:
    """published(hour, model=..., into=..., of=..., leads=...): a run of 19 x 36 noisy cells (about 70 kB), published.

    It has `leads` leads, one an hour, and says that it comes to `of`.
    """

    def published(
        hour: int, model: str = "gfs", into: Bucket | None = None, of: int | None = None, leads: int = 31
    ) -> Manifest:
        lead_times = tuple(range(0, 60 * leads, 60))
        row = StoredVariable(variable("air_temperature_2m"), 0.01, 280.0, (0,) * len(lead_times))
        schema = StoreSchema(
            model,
            datetime(2026, 4, 20, hour, tzinfo=UTC),
            lead_times,
            (row,),
            GRID,
            Freshness(330, 400, 1440),
            "nobody",
            "none",
            whole=Whole(of or leads, 400),
        )
        random = np.random.default_rng(hour)
        path = tmp_path / f"{model}-{hour}.zarr.zip"
        with StoreWriter(path, schema) as writer:
            for number, rows in enumerate((10, 9)):
                values = random.uniform(250, 300, (len(lead_times), rows, 36)).astype(np.float32)
                writer.append(encode_band(schema, number, lambda name, values=values: values))
        return publish(SimpleNamespace(path=path, schema=schema), into or bucket, NOW)

    return published
