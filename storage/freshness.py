"""How old a run is, in one word, by its model's own limits; serving and ingest both measure with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from storage.manifest import Manifest
from storage.schema import ANALYSIS, Freshness, StoreSchema


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
    return age_in_word(run.init_time, end_of(run), run.freshness, now)


def end_of(run: StoreSchema | Manifest) -> int | None:
    """Minutes after its init time up to which a run tells anything; None where it has no end."""
    if ANALYSIS in run.traits:
        return None
    return run.last_lead if isinstance(run, Manifest) else run.lead_times[-1]


def cut_short(run: StoreSchema | Manifest, now: datetime) -> bool:
    """Whether a run lacks leads that should be there by now; False where nobody said how many it comes to."""
    leads = run.leads if isinstance(run, Manifest) else len(run.lead_times)
    whole = run.whole
    return whole is not None and leads < whole.leads and now - run.init_time > timedelta(minutes=whole.within)


def age_in_word(init_time: datetime, end: int | None, limits: Freshness, now: datetime) -> Age:
    """The same of a run that ends `end` minutes after `init_time` (`end_of`)."""
    age = now - init_time
    if end is not None and age > timedelta(minutes=end):
        return Age.ENDED
    for word, minutes in ((Age.STALE, limits.stale_after), (Age.LATE, limits.late_after), (Age.DUE, limits.due_after)):
        if age > timedelta(minutes=minutes):
            return word
    return Age.FRESH
