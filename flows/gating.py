"""The publish gate of an ingest: what it knows of the model and of what is published, and what is kept for the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flows.model import Model
from storage.bucket import Bucket
from storage.errors import BucketError, ManifestError
from storage.schema import StoreSchema
from tasks.gate import Gate
from tasks.normal import Statistics, keep_statistics, read_statistics, statistics_of
from tasks.verdict import Verdict, accept
from tasks.write import Written


@dataclass(frozen=True)
class Gatekeeper:
    """Judges a run against the last one, of which `last` was kept. off: judges, but lets all pass.

    `problem`: why there is no last one, where that is not as it should be.
    """

    model: Model
    last: Statistics | None
    off: bool
    problem: str = ""

    @classmethod
    def of(cls, model: Model, bucket: Bucket, off: bool) -> Gatekeeper:
        """Raises BucketError. Unreadable statistics hold up no run: they are told, and replaced by the next ones."""
        try:
            return cls(model, read_statistics(bucket, model.name), off)
        except ManifestError as error:
            return cls(model, None, off, str(error))

    def gate(self, schema: StoreSchema, appeal: Callable[[Verdict], None] = accept) -> Gate:
        rows = (wanted.name for wanted in self.model.wanted if wanted.required)
        required = frozenset(made for name in rows for made in self.model.outputs_of(name))
        return Gate(required, self.last.normals(schema) if self.last else {}, self.off, appeal=appeal)

    def remember(self, written: Written, bucket: Bucket) -> list[str]:
        """Keep what was published for the next run's gate; what went wrong, in words, as the run is published now."""
        try:
            keep_statistics(bucket, statistics_of(written.schema, written.measured, self.last))
        except BucketError as error:
            return [f"its statistics could not be kept, the next run is compared with an older one: {error}"]
        return []

    def said(self, written: Written) -> list[str]:
        """What the gate's part of a report says beside what is withheld, in words."""
        verdict = written.verdict
        found = "; ".join(f"{finding.variable}: {finding.why}" for finding in verdict.findings)
        lines = [self.problem, verdict.skipped()]
        if self.off:
            lines = [f"it was off and would have withheld fields: {found}" if found else "it was off"]
        return [f"gate: {line}" for line in lines if line]
