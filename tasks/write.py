"""Staged messages to a finished store: decode, plan the steps, derive and encode band after band, close."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from storage.grids import Box
from storage.layout import shard_grid
from storage.schema import Freshness, StoredVariable, StoreSchema, Whole
from storage.short import short_of
from storage.writer import StoreWriter
from tasks.encode import encoded
from tasks.errors import DecodeError
from tasks.fields import Advance, Fields, SomeFields
from tasks.gate import Gate
from tasks.mixed import open_fields
from tasks.parts import parts_of, sort_out
from tasks.slabs import Helpers, Slab, encoded_by
from tasks.statistics import Measured, Tally
from tasks.steps import plan_steps
from tasks.storm import ROWS, STORM, storm_messages, with_storms
from tasks.turn import turns_of
from tasks.verdict import Verdict
from tasks.wanted import StagedMessage, Wanted
from tasks.works import Joint, works_of

GateOf = Callable[[StoreSchema], Gate]


@dataclass(frozen=True)
class RunFacts:
    """What a model's file and the journey so far say of the run.

    `short`: the last lead, in minutes, of its short store; None where there is to be none.
    """

    model: str
    init_time: datetime
    freshness: Freshness
    attribution: str
    licence: str
    whole: Whole | None = None
    traits: tuple[str, ...] = ()
    short: int | None = None

    def __str__(self) -> str:
        return f"{self.model} {self.init_time:%Y-%m-%dT%H:%MZ}"


@dataclass(frozen=True)
class Short:
    """A finished store of a run's first leads."""

    path: Path
    schema: StoreSchema


@dataclass(frozen=True)
class Written:
    """A finished store. `anomalies`: variable -> what was set missing -> in how many values.

    `messages`: those that are in the store. `measured`: its fields. `verdict`: what the gate said. `joints`: what was
    made of several variables. `short`: its first leads, where they were asked for and there are any. `storm`: what the
    storms were found in.
    """

    path: Path
    schema: StoreSchema
    anomalies: dict[str, dict[str, int]]
    messages: tuple[StagedMessage, ...] = ()
    measured: tuple[Measured, ...] = ()
    verdict: Verdict = field(default_factory=Verdict)
    joints: tuple[Joint, ...] = ()
    short: Short | None = None
    storm: Wanted | None = None


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
    joints: Sequence[Joint] = (),
    helpers: Helpers | None = None,
    storm: str | None = None,
) -> Written:
    """Write the store of a run to `path`, its short store beside it, and nothing there when it fails.

    Variables without any message are left out. `scratch` takes two bytes per value of the messages that only ecCodes
    decodes. `progress` counts messages: those when they are decoded, and all by the bands that are written.
    `joints`: what is made of several variables together, which are not stored themselves.
    `helpers`: encode the rows in slabs, where they see the folders of `path` and the messages.
    `storm`: the variable in whose fields storms are found, which takes four bytes a cell and lead of `scratch`.
    `gate`: told the schema, gives what judges the run; None lets all pass. Where it withholds any message the store is
    written again without it, so that amounts are those of the intervals that are left, steps those of the values that
    are, and every reader finds the same. That takes as long again as the first time, but for ecCodes' part.
    Raises DecodeError, DiskFull of tasks and of storage, QuantisationOverflow, GateFailed.
    """
    try:
        ordered = [message for group in sort_out(wanted, messages) for message in group.messages]
        count = len(ordered)
        source = next((row for row in wanted if row.name == storm), None)
        storms = storm_messages(ordered, storm)
        fields: Fields = (opened := open_fields(ordered, scratch, box, lambda done, slow: progress(done, slow + count)))
        try:
            slow = opened.by_eccodes
            leads = tuple(sorted({message.lead for message in ordered}))
            provenance = {"decoder": opened.decoder(), **provenance}
            all_joints = (*joints, *turns_of(ordered, opened.turned))
            if source and storms and helpers:
                raise ValueError("helpers see messages, and no storms")
            if source and storms:
                fields = with_storms(opened, ordered, source, scratch, box, lambda: progress(slow, slow + count))
                ordered += storms
            run = Run(facts, (*wanted, *ROWS), fields, provenance, leads, all_joints, box, helpers, source)
            verdict: Verdict | None = None
            while True:
                kept = {
                    number: one
                    for number, one in enumerate(ordered)
                    if verdict is None or verdict.lets_pass(run.outputs_of(one.variable), one.lead)
                }
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
    fields: Fields
    provenance: dict[str, Any]
    leads: tuple[int, ...]
    joints: tuple[Joint, ...]
    box: Box | None
    helpers: Helpers | None
    storm: Wanted | None

    def outputs_of(self, name: str) -> tuple[str, ...]:
        """The variables that a wanted one goes into: mostly itself. A storm stands and falls with its source."""
        if self.storm and name in STORM:
            return name, self.storm.name
        return next((joint.makes for joint in self.joints if name in joint.of), (name,))

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
            provenance=self.provenance,
            whole=self.facts.whole,
            traits=self.facts.traits,
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
    works = works_of(parts, run.joints)
    if not works:
        raise DecodeError("no variable can be made of what there is")
    schema = run.schema(plan_steps(works, fields))
    tally = Tally((output for work in works for output in work.outputs), schema.grid.ny * schema.grid.nx)
    bands = shard_grid(schema)[0]
    last = run.facts.short
    short = short_of(schema, last) if last is not None and schema.lead_times[0] <= last else None
    beside = path.with_name(f"short.{path.name}")
    if run.helpers is None:
        pairs = encoded(schema, works, fields, tally, short)
    else:
        own = tuple(run.wanted), tuple(kept.values()), run.joints
        part = path.with_name(f"{path.name}.slab")
        slab = Slab(*own, run.box, run.leads, schema, short, range(bands), part)
        pairs = encoded_by(run.helpers, slab, tally)
    with (
        _gone_after_an_error(beside),
        StoreWriter(path, schema) as writer,
        StoreWriter(beside, short) if short else nullcontext() as second,
    ):
        for done, (band, first_leads) in enumerate(pairs, 1):
            writer.append(band)
            if second and first_leads:
                second.append(first_leads)
            advance(done, bands)
        anomalies, measured = tally.anomalies(), tally.measured()
        together = [*(frozenset(joint.makes) for joint in run.joints), frozenset(STORM)]
        verdict = gate(schema).judge(str(run.facts), schema.grid, measured, before, together) if gate else Verdict()
        if verdict.leaves_out_more(before):
            writer.discard()
            if second:
                second.discard()
            return verdict
        # Documents are written last, so what was found on the way can still go into them.
        found = {"anomalies": anomalies, "gate": verdict.provenance()}
        writer.schema = replace(schema, provenance={**schema.provenance, **found}, withheld=verdict.reasons())
        if second and last is not None:
            second.schema = short_of(writer.schema, last)
    return Written(
        path,
        writer.schema,
        anomalies,
        tuple(message for message in kept.values() if message.variable not in STORM),
        measured,
        verdict,
        run.joints,
        Short(beside, second.schema) if second else None,
        run.storm,
    )


@contextmanager
def _gone_after_an_error(file: Path) -> Iterator[None]:
    """The short store is shown first: what fails with the whole one takes it away again."""
    try:
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        raise
