"""The words for a run's age, of a store and of a manifest alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from storage.freshness import Age, age_of, cut_short
from storage.manifest import Manifest
from storage.schema import StoreSchema, Whole

RUN = datetime(2026, 4, 20, 6, tzinfo=UTC)


def manifest_of(schema: StoreSchema) -> Manifest:
    return Manifest(
        model="gfs",
        init_time=RUN,
        key="gfs/20260420T0600Z.zarr.zip",
        size=1,
        sha256="0" * 64,
        generation=1,
        leads=len(schema.lead_times),
        last_lead=schema.lead_times[-1],
        published_at=RUN,
        freshness=schema.freshness,
        whole=schema.whole,
    )


@pytest.mark.parametrize(
    ("whole", "minutes", "short"),
    [
        (None, 9999, False),
        (Whole(4, 388), 388, False),
        (Whole(4, 388), 389, True),
        (Whole(3, 388), 389, False),
        (Whole(2, 388), 389, False),
    ],
)
def test_a_run_is_cut_short_when_what_is_missing_should_be_there(
    make_schema: Callable[..., StoreSchema], whole: Whole | None, minutes: int, short: bool
) -> None:
    schema = replace(make_schema(leads=(0, 60, 1440)), whole=whole)
    now = RUN + timedelta(minutes=minutes)
    assert cut_short(schema, now) is short
    assert cut_short(manifest_of(schema), now) is short


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
    now = RUN + timedelta(minutes=minutes)
    assert age_of(schema, now) is word
    assert age_of(manifest_of(schema), now) is word
