"""What came of a sync, by model and in words."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from storage.redact import Said
from storage.sizes import size_in_words


class Outcome(StrEnum):
    """What became of a model."""

    SYNCED = "synced"
    CURRENT = "current"
    OLDER = "older in the bucket"
    FAILED = "failed"


class ModelSync(BaseModel):
    """One model's part of a sync. `bytes`: how many were downloaded; `problem`: why it failed or was left.

    `reason`: the class of the error of one that failed. `shorts`: how many short stores came, `short_bytes` of them;
    `past_problem`: why not all are here that are named. A past that lacks something is no failure: the run is here.
    """

    model: str
    outcome: Outcome
    init_time: datetime | None = None
    key: str | None = None
    bytes: int = 0
    problem: Said | None = None
    reason: str | None = None
    shorts: int = 0
    short_bytes: int = 0
    past_problem: Said | None = None

    @property
    def is_news(self) -> bool:
        """Whether it is worth telling while watching."""
        return self.outcome is not Outcome.CURRENT or self.shorts > 0 or self.past_problem is not None

    def in_words(self) -> str:
        told = [self._run_in_words()]
        if self.shorts:
            stores = "1 short store" if self.shorts == 1 else f"{self.shorts} short stores"
            told.append(f"{stores} of its past, {size_in_words(self.short_bytes)}")
        return "; ".join([*told, *([self.past_problem] if self.past_problem else [])])

    def _run_in_words(self) -> str:
        run = f"{self.model} {self.init_time:%Y-%m-%dT%H:%MZ}" if self.init_time else self.model
        match self.outcome:
            case Outcome.SYNCED:
                return f"{run} synced: {size_in_words(self.bytes)} downloaded"
            case Outcome.CURRENT:
                return f"{run} is here already"
            case _:
                return f"{self.problem}"


class SyncReport(BaseModel):
    """One sync. `problem`: why the bucket as a whole could not be asked; `reason`: the class of that error."""

    bucket: str
    folder: str
    models: list[ModelSync] = []
    problem: Said | None = None
    reason: str | None = None

    @property
    def failed(self) -> bool:
        return self.problem is not None or any(model.outcome is Outcome.FAILED for model in self.models)
