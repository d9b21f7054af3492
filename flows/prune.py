"""Housekeeping in the bucket: stores that no manifest needs any more go."""

from __future__ import annotations

from pydantic import BaseModel, Field

from flows.chore import chore
from flows.models import model_names
from storage.bucket import open_bucket
from storage.errors import BucketError, StorageError
from storage.manifest import models_in
from storage.settings import Settings
from storage.sizes import size_in_words
from tasks.prune import prune_model


class ModelPruned(BaseModel):
    """What became of one model's objects. `bytes` of the removed ones."""

    model: str
    kept: list[str]
    removed: list[str]
    bytes: int

    def in_words(self, dry_run: bool) -> str:
        if not self.removed:
            return f"{self.model}: nothing to remove"
        verb = "would remove" if dry_run else "removed"
        names = ", ".join(key.removeprefix(f"{self.model}/") for key in self.removed)
        count = "1 store" if len(self.removed) == 1 else f"{len(self.removed)} stores"
        return f"{self.model}: {verb} {count}, {size_in_words(self.bytes)}: {names}"


class PruneReport(BaseModel):
    """What a prune did, or a dry run would do. `strangers`: models in the bucket that no file here declares."""

    bucket: str
    dry_run: bool
    models: list[ModelPruned] = Field(default_factory=list)
    strangers: list[str] = Field(default_factory=list)

    def in_words(self) -> str:
        lines = [model.in_words(self.dry_run) for model in self.models]
        lines += [f"{model}: left alone, no model of this name is declared here" for model in self.strangers]
        return "\n".join(lines) or f"nothing is published in {self.bucket}"


@chore("prune")
def prune(bucket: str | None = None, dry_run: bool = False) -> PruneReport:
    """Remove the stores that no manifest needs from the bucket, by default WINDLASS_BUCKET.

    What a manifest names, runs and short stores, and the run before it, stays. A model that fails stops no other one;
    raises BucketError then.
    """
    opened = open_bucket(bucket or Settings().bucket)
    report = PruneReport(bucket=opened.base, dry_run=dry_run)
    problems: list[str] = []
    declared = model_names()
    for model in models_in(opened):
        if model not in declared:
            report.strangers.append(model)
            continue
        try:
            done = prune_model(opened, model, dry_run)
        except StorageError as error:
            problems.append(f"{model}: {error}")
            continue
        report.models.append(
            ModelPruned(model=model, kept=list(done.kept), removed=list(done.removed), bytes=done.bytes)
        )
    if problems:
        raise BucketError("; ".join([*problems, *(model.in_words(dry_run) for model in report.models)]))
    return report
