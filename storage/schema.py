"""StoreSchema: everything a reader needs to know of a run, kept in the store's own attributes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.errors import StoreError
from storage.grids import Grid, grid_from_attrs
from storage.variables import Variable, variable

FORMAT = "windlass-1"


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

    def __post_init__(self) -> None:
        if self.init_time.tzinfo is None or self.init_time.second or self.init_time.microsecond:
            raise SchemaError(f"init_time {self.init_time!r} must be UTC-aware whole minutes")
        if not self.lead_times or list(self.lead_times) != sorted(set(self.lead_times)):
            raise SchemaError(f"{self.model}: lead times must be strictly increasing and not empty")
        for stored in self.variables:
            if len(stored.intervals) != len(self.lead_times):
                raise SchemaError(f"{self.model}: {stored.name} has {len(stored.intervals)} intervals")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(stored.name for stored in self.variables)

    @property
    def valid_times(self) -> list[datetime]:
        return [self.init_time + timedelta(minutes=lead) for lead in self.lead_times]

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
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, SchemaError):
                raise
            raise SchemaError(f"store attributes are incomplete or wrong: {error!r}") from error
