"""The state of the data served, by its age and not by the success of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, Field

from serving.preference import source_name
from serving.rungs import MEANINGS, Rung, lowest
from serving.series import MAX_GAP
from serving.stores import ModelState, Snapshot
from storage.freshness import Age, age_of
from storage.reader import Store

WITHIN_LIMIT = frozenset({Age.FRESH, Age.DUE, Age.LATE})
# Runs are published hours after they start: none can start later than this from now, unless a clock is wrong.
AHEAD = timedelta(minutes=5)


class Status(StrEnum):
    """What that means for those who ask for forecasts."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class ModelHealth(BaseModel):
    """One model's run, as it is served."""

    model: str = Field(examples=["ifs"])
    source: str = Field(description="its name in flags.sources and exclude", examples=["ecmwf_ifs"])
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
    newest_seen: datetime | None = Field(description="start of the newest run that was named here, served or not")
    withheld: dict[str, str] = Field(description="variables that were kept out of the run, and why")
    problem: str | None = Field(description="why this is not what the folder of stores asks for")


class Health(BaseModel):
    """What is served and how old it is."""

    status: Status = Field(
        description="ok; degraded: a model is late, stale, ended or missing, has a problem or withheld variables; "
        "down: nothing can be served"
    )
    rung: Rung = Field(description="the lowest rung that a model stands on")
    time: datetime = Field(description="the server's clock, which may be frozen")
    generation: int = Field(description="how often this process has exchanged its stores")
    models: list[ModelHealth]
    problem: str | None = Field(description="why the folder of stores cannot be read")

    @property
    def ready(self) -> bool:
        """Whether one model at least is within its limit."""
        return any(model.state in WITHIN_LIMIT for model in self.models)


def health(snapshot: Snapshot, folder: Path, now: datetime) -> Health:
    """The report of GET /health and /status.json. `folder` of the stores is left out of what it tells."""
    ages = [age_of(state.store.schema, now) if state.store else Age.MISSING for state in snapshot.models]
    models = [_model_health(state, age, ages, folder, now) for state, age in zip(snapshot.models, ages, strict=True)]
    good = all(model.state in (Age.FRESH, Age.DUE) and not model.problem and not model.withheld for model in models)
    status = Status.OK if good and not snapshot.problem else Status.DEGRADED
    if all(age in (Age.ENDED, Age.MISSING) for age in ages):
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
        state=age,
        rung=_rung_of(state, age, ages, now),
        init_time=schema.init_time if schema else None,
        age_minutes=_minutes(now - schema.init_time) if schema else None,
        leads=len(schema.lead_times) if schema else None,
        last_valid_time=schema.valid_times[-1] if schema else None,
        expected_next=schema.init_time + timedelta(minutes=schema.freshness.due_after) if schema else None,
        stale_from=schema.init_time + timedelta(minutes=schema.freshness.stale_after) if schema else None,
        generation=state.manifest.generation if state.manifest else None,
        store=state.store.path.name if state.store else None,
        previous_init_time=state.previous.schema.init_time if state.previous else None,
        newest_seen=state.newest_seen,
        withheld=schema.withheld if schema else {},
        problem=problem,
    )


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
    if old[-1] > new[-1] or set(newest.schema.withheld) & set(previous.schema.names):
        return True
    gap = timedelta(seconds=MAX_GAP)
    return any(after - before > gap and any(before < time < after for time in old) for before, after in pairwise(new))
