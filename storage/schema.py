"""StoreSchema: everything a reader needs to know of a run, kept in the store's own attributes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from storage.errors import StoreError
from storage.grids import Grid, grid_from_attrs
from storage.variables import Variable, variable

FORMAT = "windlass-1"
BLOCK = 2
"""Cells along each side of a chunk, where the schema says no other number."""

AI = "ai"
"""The trait of a model that learned the weather; readers leave it out unless they are asked for it."""
ANALYSIS = "analysis"
"""The trait of what tells how it is at one moment: it forecasts nothing, has no end, and is used until it is stale."""
APART = frozenset({AI, ANALYSIS})
"""Traits of what readers do not mean who ask for a forecast and say no more."""


class SchemaError(StoreError):
    """The attributes do not describe a store of this format."""


@dataclass(frozen=True)
class Freshness:
    """How old a run may get, in minutes after its init_time.

    due_after: the next run should have replaced it; late_after: people are told; stale_after: readers pass it over.
    """

    due_after: int
    late_after: int
    stale_after: int


@dataclass(frozen=True)
class Whole:
    """What a run comes to: `leads`, how many it has when it is complete; `within`, minutes after its init_time by when
    that is."""

    leads: int
    within: int


@dataclass(frozen=True)
class StoredVariable:
    """One variable as it lies in the array: value = add_offset + scale_factor * int16.

    `intervals`: per lead the length in minutes of the interval that ends there, 0 for an instant or where missing.
    `widened`: the catalogue's precision did not hold the range and the step was made larger.
    """

    variable: Variable
    scale_factor: float
    add_offset: float
    intervals: tuple[int, ...]
    widened: bool = False

    @property
    def name(self) -> str:
        return self.variable.name


@dataclass(frozen=True)
class StoreSchema:
    """Grid x variables x valid times of one run of one model, and the facts of the run.

    `lead_times`: minutes after init_time, strictly increasing.
    `provenance`: per lead and mirror where bytes came from, what is missing, which software wrote it; plain JSON.
    `withheld`: variable -> why its fields were kept out of the store, all of them or those of the leads that are named.
    What is withheld is not in the store: a variable without any lead left is not among `variables`.
    `whole`: what the run should come to, None where nobody said. `traits`: what readers should know of its kind.
    `block`: cells along each side of a chunk; of few leads many cells make a chunk that is worth its place.
    """

    model: str
    init_time: datetime
    lead_times: tuple[int, ...]
    variables: tuple[StoredVariable, ...]
    grid: Grid
    freshness: Freshness
    attribution: str
    licence: str
    provenance: dict[str, Any] = field(default_factory=dict, compare=False)
    withheld: dict[str, str] = field(default_factory=dict)
    whole: Whole | None = None
    traits: tuple[str, ...] = ()
    block: int = BLOCK

    def __post_init__(self) -> None:
        if self.init_time.tzinfo is None or self.init_time.second or self.init_time.microsecond:
            raise SchemaError(f"init_time {self.init_time!r} must be UTC-aware whole minutes")
        if not self.lead_times or list(self.lead_times) != sorted(set(self.lead_times)):
            raise SchemaError(f"{self.model}: lead times must be strictly increasing and not empty")
        if type(self.block) is not int or not 1 <= self.block <= 256:
            raise SchemaError(f"{self.model}: a chunk cannot have {self.block!r} cells along each side")
        for stored in self.variables:
            if len(stored.intervals) != len(self.lead_times):
                raise SchemaError(f"{self.model}: {stored.name} has {len(stored.intervals)} intervals")

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(stored.name for stored in self.variables)

    @cached_property
    def late_at(self) -> int:
        """From which whole second on (Unix) the run is older than its `late_after`."""
        return int((self.init_time + timedelta(minutes=self.freshness.late_after)).timestamp()) + 1

    @cached_property
    def stale_at(self) -> int:
        """The same of its `stale_after`."""
        return int((self.init_time + timedelta(minutes=self.freshness.stale_after)).timestamp()) + 1

    @property
    def is_complete(self) -> bool:
        """Whether it has as many leads as the run comes to; False where nobody said how many that is."""
        return self.whole is not None and len(self.lead_times) >= self.whole.leads

    @property
    def is_ai(self) -> bool:
        return AI in self.traits

    @property
    def forecasts(self) -> bool:
        """Whether readers who ask for a forecast, and say no more, mean this one, too."""
        return APART.isdisjoint(self.traits)

    @property
    def valid_times(self) -> list[datetime]:
        return [self.init_time + timedelta(minutes=lead) for lead in self.lead_times]

    def until(self, last: int) -> StoreSchema:
        """The same run with the leads up to `last` minutes only: of provenance what concerns them, and nothing `whole`.

        Raises SchemaError where no lead is left.
        """
        leads = tuple(lead for lead in self.lead_times if lead <= last)
        variables = tuple(replace(stored, intervals=stored.intervals[: len(leads)]) for stored in self.variables)
        told: dict[str, Any] = self.provenance.get("leads", {})
        kept = {lead: facts for lead, facts in told.items() if int(lead) in leads}
        provenance = {**self.provenance, "leads": kept} if told else self.provenance
        return replace(self, lead_times=leads, variables=variables, provenance=provenance, whole=None)

    def to_attrs(self) -> dict[str, Any]:
        """Plain JSON of the whole schema."""
        return {
            "format": FORMAT,
            "model": self.model,
            "init_time": self.init_time.strftime("%Y-%m-%dT%H:%MZ"),
            "lead_times": list(self.lead_times),
            "variables": [
                {
                    "name": stored.name,
                    "scale_factor": stored.scale_factor,
                    "add_offset": stored.add_offset,
                    "intervals": list(stored.intervals),
                    "widened": stored.widened,
                }
                for stored in self.variables
            ],
            "grid": self.grid.to_attrs(),
            "freshness": {
                "due_after": self.freshness.due_after,
                "late_after": self.freshness.late_after,
                "stale_after": self.freshness.stale_after,
            },
            "attribution": self.attribution,
            "licence": self.licence,
            "provenance": self.provenance,
            "withheld": self.withheld,
            # Not even as null: the documents of a store written before are those of its schema.
            **({"whole": asdict(self.whole)} if self.whole else {}),
            **({"traits": list(self.traits)} if self.traits else {}),
            **({"block": self.block} if self.block != BLOCK else {}),
        }

    @classmethod
    def from_attrs(cls, attrs: dict[str, Any]) -> StoreSchema:
        """The schema that `to_attrs` wrote; raises SchemaError for anything else."""
        if attrs.get("format") != FORMAT:
            raise SchemaError(f"store format {attrs.get('format')!r} is not {FORMAT!r}: written by another version?")
        try:
            return cls(
                model=attrs["model"],
                init_time=datetime.strptime(attrs["init_time"], "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC),
                lead_times=tuple(attrs["lead_times"]),
                variables=tuple(
                    StoredVariable(
                        variable(row["name"]),
                        row["scale_factor"],
                        row["add_offset"],
                        tuple(row["intervals"]),
                        row["widened"],
                    )
                    for row in attrs["variables"]
                ),
                grid=grid_from_attrs(attrs["grid"]),
                freshness=Freshness(**attrs["freshness"]),
                attribution=attrs["attribution"],
                licence=attrs["licence"],
                provenance=attrs["provenance"],
                # Stores of 0.1 lack it.
                withheld=dict(attrs.get("withheld", {})),
                whole=Whole(**attrs["whole"]) if "whole" in attrs else None,
                traits=tuple(attrs.get("traits", ())),
                block=attrs.get("block", BLOCK),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, SchemaError):
                raise
            raise SchemaError(f"store attributes are incomplete or wrong: {error!r}") from error
