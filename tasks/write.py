"""Staged messages to a finished store: decode, plan the steps, derive and encode band after band, close."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

import eccodes
import numpy as np
from numpy.typing import NDArray

from storage.grids import Box
from storage.layout import SHARD, shard_grid
from storage.schema import Freshness, StoreSchema
from storage.writer import EncodedBand, StoreWriter, encode_band
from tasks.bands import in_threads
from tasks.decode import EcCodes, broken
from tasks.derive import Anomalies, derive
from tasks.errors import DecodeError
from tasks.fields import Advance, Fields
from tasks.parts import Part, parts_of, sort_out
from tasks.steps import plan_steps
from tasks.wanted import StagedMessage, Wanted

DAMAGED = 0.01
"""A message with a larger part of its values outside the catalogue's valid range is broken, not odd."""


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

    Variables without any message are left out. `scratch` takes two bytes per value until the store is written.
    `progress` counts messages twice: when they are decoded, and by the bands that are written.
    Raises DecodeError, DiskFull of tasks and of storage, QuantisationOverflow.
    """
    try:
        groups = sort_out(wanted, messages)
        ordered = [message for group in groups for message in group.messages]
        half, total = len(ordered), 2 * len(ordered)
        fields = EcCodes(scratch, box).open(ordered, lambda done, count: progress(done, total))
        try:
            parts = parts_of(groups, fields.facts)
            schema = _schema(facts, parts, fields, provenance)
            return _write(schema, parts, fields, path, lambda done, bands: progress(half + half * done // bands, total))
        finally:
            fields.close()
    except DecodeError as error:
        raise DecodeError(f"{facts}: {error}") from error


def _schema(facts: RunFacts, parts: Sequence[Part], fields: Fields, provenance: dict[str, Any]) -> StoreSchema:
    return StoreSchema(
        model=facts.model,
        init_time=facts.init_time,
        lead_times=parts[0].course.leads,
        variables=plan_steps(parts, fields),
        grid=fields.grid,
        freshness=facts.freshness,
        attribution=facts.attribution,
        licence=facts.licence,
        provenance={"decoder": f"ecCodes {eccodes.codes_get_api_version()}", **provenance},
    )


class Tally:
    """Adds up what was set missing, over bands that are derived side by side."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._outside = {part.name: np.zeros(len(part.messages), np.int64) for part in parts}
        self._negative = {name: counts.copy() for name, counts in self._outside.items()}
        self._lock = Lock()

    def add(self, name: str, anomalies: Anomalies) -> None:
        with self._lock:
            self._outside[name] += anomalies.outside
            self._negative[name] += anomalies.negative

    def require_plausible(self, cells: int) -> None:
        """Raises DecodeError naming the first message of which too much is outside what nature allows."""
        for part in self._parts:
            variable = part.course.variable
            outside = self._outside[variable.name]
            for number in np.flatnonzero(outside > DAMAGED * cells):
                raise broken(
                    part.messages[number],
                    f"{outside[number]} of its {cells} values lie outside {variable.valid_min:g}.."
                    f"{variable.valid_max:g} {variable.units}",
                )

    def anomalies(self) -> dict[str, dict[str, int]]:
        """See Written; what did not happen is left out."""
        found = {
            name: {"outside_valid_range": int(outside.sum()), "negative_amount": int(self._negative[name].sum())}
            for name, outside in self._outside.items()
        }
        kept = {name: {what: count for what, count in row.items() if count} for name, row in found.items()}
        return {name: row for name, row in kept.items() if row}


def _write(
    schema: StoreSchema, parts: Sequence[Part], fields: Fields, path: Path, advance: Callable[[int, int], None]
) -> Written:
    tally = Tally(parts)
    bands = shard_grid(schema)[0]
    with StoreWriter(path, schema) as writer:
        for done, band in enumerate(_encoded(schema, parts, fields, tally), 1):
            writer.append(band)
            advance(done, bands)
        tally.require_plausible(schema.grid.ny * schema.grid.nx)
        anomalies = tally.anomalies()
        # Documents are written last, so what was found on the way can still go into them.
        writer.schema = replace(schema, provenance={**schema.provenance, "anomalies": anomalies})
    return Written(path, writer.schema, anomalies)


def _encoded(schema: StoreSchema, parts: Sequence[Part], fields: Fields, tally: Tally) -> Iterator[EncodedBand]:
    """The bands in order."""
    named = {part.name: part for part in parts}

    def encode(rows: range) -> EncodedBand:
        band = fields.band(rows)

        def values(name: str) -> NDArray[np.float32]:
            part = named[name]
            derived, anomalies = derive(part.course, band.values(part.numbers))
            tally.add(name, anomalies)
            return derived

        return encode_band(schema, rows.start // SHARD, values)

    return in_threads(encode, schema.grid.ny)
