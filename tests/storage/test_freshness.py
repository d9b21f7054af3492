"""The words for a run's age, of a store and of a manifest alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from storage.freshness import Age, age_of
from storage.manifest import Manifest
from storage.schema import StoreSchema

RUN = datetime(2026, 4, 20, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "word"),
    [
        (-5, Age.FRESH),
        (300, Age.FRESH),
        (301, Age.DUE),
        (400, Age.DUE),
        (401, Age.LATE),
        (1000, Age.LATE),
        (1001, Age.STALE),
        (1440, Age.STALE),
        (1441, Age.ENDED),
    ],
)
def test_a_store_and_its_manifest_are_of_one_age(
    make_schema: Callable[..., StoreSchema], minutes: int, word: Age
) -> None:
    schema = make_schema(leads=(0, 60, 1440))
    manifest = Manifest(
        model="gfs",
        init_time=RUN,
        key="gfs/20260420T0600Z.zarr.zip",
        size=1,
        sha256="0" * 64,
        generation=1,
        leads=3,
        last_lead=1440,
        published_at=RUN,
        freshness=schema.freshness,
    )
    now = RUN + timedelta(minutes=minutes)
    assert age_of(schema, now) is word
    assert age_of(manifest, now) is word
