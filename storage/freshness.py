"""How old a run is, in one word, by its model's own limits; serving and ingest both measure with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from storage.manifest import Manifest
from storage.schema import Freshness, StoreSchema


class Age(StrEnum):
    """How old a run is, by its model's own limits."""

    FRESH = "fresh"
    DUE = "due"
    LATE = "late"
    STALE = "stale"
    ENDED = "ended"
    MISSING = "missing"


def age_of(run: StoreSchema | Manifest, now: datetime) -> Age:
    """The age of a store's run, or of a published one, in a word; never MISSING."""
    last = run.last_lead if isinstance(run, Manifest) else run.lead_times[-1]
    return age_in_word(run.init_time, last, run.freshness, now)


def age_in_word(init_time: datetime, last_lead: int, limits: Freshness, now: datetime) -> Age:
    """The same of a run whose last lead is `last_lead` minutes after `init_time`."""
    age = now - init_time
    if age > timedelta(minutes=last_lead):
        return Age.ENDED
    for word, minutes in ((Age.STALE, limits.stale_after), (Age.LATE, limits.late_after), (Age.DUE, limits.due_after)):
        if age > timedelta(minutes=minutes):
            return word
    return Age.FRESH
