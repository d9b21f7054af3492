"""What an ingest tells when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from flows.leads import minutes_in_words
from storage.redact import Said
from storage.run_time import run_time
from storage.sizes import size_in_words


class Outcome(StrEnum):
    """How an ingest ended, short of an error."""

    PUBLISHED = "published"
    ALREADY_PUBLISHED = "already published"


class GroupReport(BaseModel):
    """What one group of leads cost and where it came from."""

    leads: str
    messages: int
    bytes: int
    mirrors: list[str]
    seconds: float
    missing: list[str] = Field(default_factory=list)


class IngestReport(BaseModel):
    """The result of an ingest. `leads`: hours, of the files; `lead_times`: minutes, of the store; `missing` reads
    `variable: leads`; `manifest` as published.

    `withheld`: variable -> which leads the gate kept out, and why. `gate`: what else it has to say, and what hinders
    static fields. `unrecorded`: why
    the model's record of ingests does not tell of this one.
    """

    outcome: Outcome
    model: str
    init_time: datetime
    key: str
    leads: list[int]
    lead_times: list[int] = Field(default_factory=list)
    missing: list[str] = Field(default_factory=list)
    withheld: dict[str, str] = Field(default_factory=dict)
    gate: list[str] = Field(default_factory=list)
    messages: int = 0
    bytes: int = 0
    seconds: float = 0.0
    worked: float = 0.0
    cells: int | None = None
    mirrors: list[str] = Field(default_factory=list)
    problems: list[Said] = Field(default_factory=list)
    unrecorded: str = ""
    groups: list[GroupReport] = Field(default_factory=list)
    manifest: dict[str, Any]

    def in_words(self) -> str:
        unrecorded = f"; {self.unrecorded}" if self.unrecorded else ""
        return self._outcome_in_words() + unrecorded

    def _outcome_in_words(self) -> str:
        run = f"{self.model} {run_time(self.init_time)}"
        if self.outcome is Outcome.ALREADY_PUBLISHED:
            return f"{run} is already published as {self.key}; --force ingests it again"
        text = (
            f"{run} published as {self.key}: {len(self.lead_times)} leads ({minutes_in_words(self.lead_times)}), "
            f"{self.messages} messages, {size_in_words(self.bytes)} from {', '.join(self.mirrors)}, "
            f"{self.seconds:.1f} s"
        )
        text += f"; missing {'; '.join(self.missing)}" if self.missing else ""
        text += f"; withheld {'; '.join(self.withheld_in_words())}" if self.withheld else ""
        return text + "".join(f"; {line}" for line in self.gate)

    def withheld_in_words(self) -> list[str]:
        """['cloud_cover_low, lead 6 h: ...', ...]"""
        return [f"{name}, {why}" for name, why in self.withheld.items()]


@dataclass(frozen=True)
class MapOf:
    """A store on this machine, to draw a map of while it is there."""

    store: Path
    title: str
