"""The state of the data served, by its age and not by the success of jobs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, Field

from serving.preference import is_plain, source_name
from serving.rungs import MEANINGS, Rung, lowest
from serving.series import MAX_GAP
from serving.stores import ModelState, Snapshot
from storage.freshness import Age, age_of, cut_short
from storage.reader import Store
from storage.record import Ending, IngestRecord
from storage.schema import APART

WITHIN_LIMIT = frozenset({Age.FRESH, Age.DUE, Age.LATE})
# Of a path of the machine's, all but its last part; not of a URL's.
_FOLDERS = re.compile(r"(?<![\w/:.-])/(?:[^\s/:;,'\"]+/)+")
# Runs are published hours after they start: none can start later than this from now, unless a clock is wrong.
AHEAD = timedelta(minutes=5)


class Status(StrEnum):
    """What that means for those who ask for forecasts."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class LastError(BaseModel):
    """Why the last ingest of a model failed. It says nothing of the age of what is served."""

    time: datetime = Field(description="when it ended, UTC")
    init_time: datetime | None = Field(description="start of the run that it was at, as far as it knew")
    error: str = Field(description="what it failed with")


class ModelHealth(BaseModel):
    """One model's run, as it is served."""

    model: str = Field(examples=["ifs"])
    source: str = Field(description="its name in flags.sources and exclude", examples=["ecmwf_ifs"])
    traits: list[str] = Field(
        description="of its kind; ai: it learned the weather, and answers only who asks for such models; analysis: it "
        "tells how it is, not how it will be. Neither makes the API ready on its own"
    )
    state: Age = Field(
        description="fresh; due: the next run should be here; late: people are told; stale: passed over while others "
        "are not; ended: its last valid time is past; missing: no run of it opens"
    )
    rung: Rung = Field(
        description="where the model's part of a forecast comes from: "
        + "; ".join(f"{rung}: {text}" for rung, text in MEANINGS.items())
    )
    init_time: datetime | None = Field(description="start of the run that is served, UTC")
    age_minutes: int | None = Field(description="how long ago that was")
    leads: int | None = Field(description="how many lead times the run holds")
    leads_expected: int | None = Field(
        description="how many it has when it is complete; null where its publisher did not say"
    )
    incomplete: bool = Field(description="whether it lacks leads that should be there by now")
    last_valid_time: datetime | None = Field(description="what its last lead is valid for")
    expected_next: datetime | None = Field(description="by when the next run should have taken its place")
    stale_from: datetime | None = Field(description="from when on it is passed over while others are not")
    generation: int | None = Field(
        description="which publication of the model this is, by its manifest; null where the store was taken up "
        "without one"
    )
    store: str | None = Field(description="the file's name", examples=["20261124T0000Z.zarr.zip"])
    previous_init_time: datetime | None = Field(
        description="start of the run before it, which tells what the newest lacks"
    )
    past_since: datetime | None = Field(
        default=None, description="start of the oldest run whose first leads are here, for hours that are over"
    )
    past_lacks: list[str] = Field(
        default=[], description="files of the past that are published and not here, or damaged, newest first"
    )
    newest_seen: datetime | None = Field(description="start of the newest run that was named here, served or not")
    withheld: dict[str, str] = Field(description="variables that were kept out of the run, and why")
    problem: str | None = Field(description="why this is not what the folder of stores asks for")
    last_error: LastError | None = Field(description="null where its last ingest did not fail, or nobody told")


class Health(BaseModel):
    """What is served and how old it is."""

    status: Status = Field(
        description="ok; degraded: a model is late, stale, ended, missing or incomplete, has a problem or withheld "
        "variables; "
        "down: nothing can be served"
    )
    rung: Rung = Field(description="the lowest rung that a model stands on")
    time: datetime = Field(description="the server's clock, which may be frozen")
    generation: int = Field(description="how often this process has exchanged its stores")
    models: list[ModelHealth]
    problem: str | None = Field(description="why the folder of stores cannot be read")

    @property
    def ready(self) -> bool:
        """Whether one model at least that forecasts is within its limit, AI models and mere statistics aside."""
        plain = (each for each in self.models if APART.isdisjoint(each.traits) and is_plain(each.model))
        return any(model.state in WITHIN_LIMIT for model in plain)


def health(snapshot: Snapshot, folder: Path, now: datetime) -> Health:
    """The report of GET /health and /status.json. `folder` of the stores is left out of what it tells."""
    ages = [age_of(state.store.schema, now) if state.store else Age.MISSING for state in snapshot.models]
    plain = [
        age
        for state, age in zip(snapshot.models, ages, strict=True)
        if is_plain(state.model) and (state.store is None or state.store.schema.forecasts)
    ]
    models = [_model_health(state, age, plain, folder, now) for state, age in zip(snapshot.models, ages, strict=True)]
    good = all(
        model.state in (Age.FRESH, Age.DUE) and not (model.problem or model.withheld or model.incomplete)
        for model in models
    )
    status = Status.OK if good and not snapshot.problem else Status.DEGRADED
    if all(age in (Age.ENDED, Age.MISSING) for age in plain):
        status = Status.DOWN
    return Health(
        status=status,
        rung=lowest(model.rung for model in models) if models else Rung.NONE,
        time=now,
        generation=snapshot.generation,
        models=models,
        problem=_relative(snapshot.problem, folder),
    )


def _relative(problem: str | None, folder: Path) -> str | None:
    """A problem without the server's own paths."""
    return problem and problem.replace(f"{folder}/", "").replace(str(folder), "")


def _model_health(state: ModelState, age: Age, ages: Sequence[Age], folder: Path, now: datetime) -> ModelHealth:
    schema = state.store.schema if state.store else None
    problem = _relative(state.problem, folder)
    if schema and schema.init_time - now > AHEAD:
        problem = problem or f"the run starts {_minutes(schema.init_time - now)} minutes from now: is the clock right?"
    return ModelHealth(
        model=state.model,
        source=source_name(state.model),
        traits=list(schema.traits) if schema else [],
        state=age,
        rung=_rung_of(state, age, ages, now),
        init_time=schema.init_time if schema else None,
        age_minutes=_minutes(now - schema.init_time) if schema else None,
        leads=len(schema.lead_times) if schema else None,
        leads_expected=schema.whole.leads if schema and schema.whole else None,
        incomplete=schema is not None and cut_short(schema, now),
        last_valid_time=schema.valid_times[-1] if schema else None,
        expected_next=schema.init_time + timedelta(minutes=schema.freshness.due_after) if schema else None,
        stale_from=schema.init_time + timedelta(minutes=schema.freshness.stale_after) if schema else None,
        generation=state.manifest.generation if state.manifest else None,
        store=state.store.path.name if state.store else None,
        previous_init_time=state.previous.schema.init_time if state.previous else None,
        past_since=state.past.since if state.past else None,
        past_lacks=[short.key for short in state.past.lacking] if state.past else [],
        newest_seen=state.newest_seen,
        withheld=schema.withheld if schema else {},
        problem=problem,
        last_error=_last_error(state.record),
    )


def _last_error(record: IngestRecord | None) -> LastError | None:
    last = record.last if record else None
    if last is None or last.outcome is not Ending.FAILED:
        return None
    # The ingest's folders are nobody's business.
    told = _FOLDERS.sub("", last.error or last.error_class or "it did not say why")
    return LastError(time=last.ended_at, init_time=last.run, error=told)


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)


def _rung_of(state: ModelState, age: Age, ages: Sequence[Age], now: datetime) -> Rung:
    """Where the model's part of a forecast comes from, as far as that is the same at every place."""
    within = any(each in WITHIN_LIMIT for each in ages)
    if age in WITHIN_LIMIT or (age is Age.STALE and not within):
        if age in (Age.LATE, Age.STALE) or state.problem:
            return Rung.LAST_GOOD
        fills = state.store is not None and state.previous is not None and _fills(state.previous, state.store, now)
        return Rung.PREVIOUS_RUN if fills else Rung.NEWEST
    return Rung.NEXT_MODEL if within or Age.STALE in ages else Rung.NONE


def _fills(previous: Store, newest: Store, now: datetime) -> bool:
    """Whether the run before the newest has leads to come that this lacks, or variables that were withheld from it."""
    if age_of(previous.schema, now) not in WITHIN_LIMIT:
        return False
    old, new = previous.schema.valid_times, newest.schema.valid_times
    ends_early = old[-1] > new[-1] and not newest.schema.is_complete
    if ends_early or set(newest.schema.withheld) & set(previous.schema.names):
        return True
    gap = timedelta(seconds=MAX_GAP)
    return any(after - before > gap and any(before < time < after for time in old) for before, after in pairwise(new))
