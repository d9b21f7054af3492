"""Staged messages to a finished store: decode, plan the steps, derive and encode band after band, close."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from storage.grids import Box
from storage.layout import shard_grid
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.writer import StoreWriter
from tasks.encode import encoded
from tasks.errors import DecodeError
from tasks.fields import Advance, SomeFields
from tasks.gate import Gate, Verdict
from tasks.mixed import MixedFields, open_fields
from tasks.parts import parts_of, sort_out
from tasks.statistics import Measured, Tally
from tasks.steps import plan_steps
from tasks.wanted import StagedMessage, Wanted

GateOf = Callable[[StoreSchema], Gate]


@dataclass(frozen=True)
class RunFacts:
    """What a model's file and the journey so far say of the run."""

    model: str
    init_time: datetime
    freshness: Freshness
    attribution: str
    licence: str

    def __str__(self) -> str:
        return f"{self.model} {self.init_time:%Y-%m-%dT%H:%MZ}"


@dataclass(frozen=True)
class Written:
    """A finished store. `anomalies`: variable -> what was set missing -> in how many values.

    `messages`: those that are in the store. `measured`: its fields. `verdict`: what the gate said.
    """

    path: Path
    schema: StoreSchema
    anomalies: dict[str, dict[str, int]]
    messages: tuple[StagedMessage, ...] = ()
    measured: tuple[Measured, ...] = ()
    verdict: Verdict = field(default_factory=Verdict)


def write_store(
    facts: RunFacts,
    wanted: Sequence[Wanted],
    messages: Sequence[StagedMessage],
    path: Path,
    *,
    box: Box | None,
    scratch: Path,
    provenance: dict[str, Any],
    progress: Advance,
    gate: GateOf | None = None,
) -> Written:
    """Write the store of a run to `path`, and nothing there when it fails.

    Variables without any message are left out. `scratch` takes two bytes per value of the messages that only ecCodes
    decodes. `progress` counts messages: those when they are decoded, and all by the bands that are written.
    `gate`: told the schema, gives what judges the run; None lets all pass. Where it withholds any message the store is
    written again without it, so that amounts are those of the intervals that are left, steps those of the values that
    are, and every reader finds the same. That takes as long again as the first time, but for ecCodes' part.
    Raises DecodeError, DiskFull of tasks and of storage, QuantisationOverflow, GateFailed.
    """
    try:
        ordered = [message for group in sort_out(wanted, messages) for message in group.messages]
        count = len(ordered)
        fields = open_fields(ordered, scratch, box, lambda done, slow: progress(done, slow + count))
        try:
            slow = fields.by_eccodes
            run = Run(facts, wanted, fields, provenance, tuple(sorted({message.lead for message in ordered})))
            verdict: Verdict | None = None
            while True:
                kept = {n: one for n, one in enumerate(ordered) if verdict is None or verdict.lets_pass(one)}
                written = _write(
                    run, kept, path, gate, verdict, lambda done, of: progress(slow + count * done // of, slow + count)
                )
                if isinstance(written, Written):
                    return written
                verdict = written
        finally:
            fields.close()
    except DecodeError as error:
        raise DecodeError(f"{facts}: {error}", error.message) from error


@dataclass(frozen=True)
class Run:
    """What all attempts to write a run share."""

    facts: RunFacts
    wanted: Sequence[Wanted]
    fields: MixedFields
    provenance: dict[str, Any]
    leads: tuple[int, ...]

    def schema(self, variables: tuple[StoredVariable, ...]) -> StoreSchema:
        return StoreSchema(
            model=self.facts.model,
            init_time=self.facts.init_time,
            lead_times=self.leads,
            variables=variables,
            grid=self.fields.grid,
            freshness=self.facts.freshness,
            attribution=self.facts.attribution,
            licence=self.facts.licence,
            provenance={"decoder": self.fields.decoder(), **self.provenance},
        )


def _write(
    run: Run,
    kept: Mapping[int, StagedMessage],
    path: Path,
    gate: GateOf | None,
    before: Verdict | None,
    advance: Callable[[int, int], None],
) -> Written | Verdict:
    """The store of the messages `kept`, by their numbers among the fields; a verdict where more must be left out."""
    fields = SomeFields(run.fields, tuple(kept))
    parts = parts_of(sort_out(run.wanted, tuple(kept.values())), fields.steps, run.leads)
    schema = run.schema(plan_steps(parts, fields))
    tally = Tally(parts, schema.grid.ny * schema.grid.nx)
    bands = shard_grid(schema)[0]
    with StoreWriter(path, schema) as writer:
        for done, band in enumerate(encoded(schema, parts, fields, tally), 1):
            writer.append(band)
            advance(done, bands)
        anomalies, measured = tally.anomalies(), tally.measured()
        verdict = gate(schema).judge(str(run.facts), schema.grid, measured, before) if gate else Verdict()
        if verdict.leaves_out_more(before):
            writer.discard()
            return verdict
        # Documents are written last, so what was found on the way can still go into them.
        found = {"anomalies": anomalies, "gate": verdict.provenance()}
        writer.schema = replace(schema, provenance={**schema.provenance, **found}, withheld=verdict.reasons())
    return Written(path, writer.schema, anomalies, tuple(kept.values()), measured, verdict)
