"""Staged messages to a finished store: decode, plan the steps, derive and encode band after band, close."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from storage.grids import Box
from storage.layout import shard_grid
from storage.schema import Freshness, StoreSchema
from storage.writer import StoreWriter
from tasks.encode import Tally, encoded
from tasks.errors import DecodeError
from tasks.fields import Advance, Fields
from tasks.mixed import MixedFields, open_fields
from tasks.parts import Part, parts_of, sort_out
from tasks.steps import plan_steps
from tasks.wanted import StagedMessage, Wanted


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
    """A finished store. `anomalies`: variable -> what was set missing -> in how many values."""

    path: Path
    schema: StoreSchema
    anomalies: dict[str, dict[str, int]]


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
) -> Written:
    """Write the store of a run to `path`, and nothing there when it fails.

    Variables without any message are left out. `scratch` takes two bytes per value of the messages that only ecCodes
    decodes. `progress` counts messages: those when they are decoded, and all by the bands that are written.
    Raises DecodeError, DiskFull of tasks and of storage, QuantisationOverflow.
    """
    try:
        groups = sort_out(wanted, messages)
        ordered = [message for group in groups for message in group.messages]
        count = len(ordered)
        fields = open_fields(ordered, scratch, box, lambda done, slow: progress(done, slow + count))
        try:
            slow = fields.by_eccodes
            parts = parts_of(groups, fields.steps)
            schema = _schema(facts, parts, fields, provenance)
            return _write(
                schema, parts, fields, path, lambda done, bands: progress(slow + count * done // bands, slow + count)
            )
        finally:
            fields.close()
    except DecodeError as error:
        raise DecodeError(f"{facts}: {error}", error.message) from error


def _schema(facts: RunFacts, parts: Sequence[Part], fields: MixedFields, provenance: dict[str, Any]) -> StoreSchema:
    return StoreSchema(
        model=facts.model,
        init_time=facts.init_time,
        lead_times=parts[0].course.leads,
        variables=plan_steps(parts, fields),
        grid=fields.grid,
        freshness=facts.freshness,
        attribution=facts.attribution,
        licence=facts.licence,
        provenance={"decoder": fields.decoder(), **provenance},
    )


def _write(
    schema: StoreSchema, parts: Sequence[Part], fields: Fields, path: Path, advance: Callable[[int, int], None]
) -> Written:
    tally = Tally(parts)
    bands = shard_grid(schema)[0]
    with StoreWriter(path, schema) as writer:
        for done, band in enumerate(encoded(schema, parts, fields, tally), 1):
            writer.append(band)
            advance(done, bands)
        tally.require_plausible(schema.grid.ny * schema.grid.nx)
        anomalies = tally.anomalies()
        # Documents are written last, so what was found on the way can still go into them.
        writer.schema = replace(schema, provenance={**schema.provenance, "anomalies": anomalies})
    return Written(path, writer.schema, anomalies)
