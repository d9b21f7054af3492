"""A finished store becomes the published run of its model: upload under a new key, then one manifest swap."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Protocol

from storage.bucket import Bucket, Progress
from storage.errors import BucketError, Conflict, ObjectNotFound, WrongChecksum
from storage.manifest import Manifest, NamedStore, ShortStore, manifest_key, parse_manifest, short_key, store_key
from storage.schema import StoreSchema
from tasks.prune import prune
from tasks.refusal import sweep_refusals


class Finished(Protocol):
    """A store on the local disk that was written and checked, whole or short."""

    @property
    def path(self) -> Path: ...

    @property
    def schema(self) -> StoreSchema: ...


@dataclass(frozen=True)
class Published:
    """What a bucket says of a model at one moment, with the very bytes that a swap must meet again."""

    data: bytes | None
    manifest: Manifest | None

    @property
    def generation(self) -> int:
        return self.manifest.generation if self.manifest else 0


def publish(
    written: Finished,
    bucket: Bucket,
    now: datetime,
    progress: Progress | None = None,
    retention: timedelta = timedelta(0),
    short: Finished | None = None,
) -> Manifest:
    """Make `written` the published run of its model. `progress(done, total)` counts bytes.

    `short`: its first leads. The same swap puts them in front of those of earlier runs, of which it leaves out what
    began more than `retention` before: at no moment is there a run without its short store.

    Until the swap the old run is the truth, after it the new one; nothing is overwritten. Another machine may publish
    at the same time: the newer run wins whoever ends first, and of two that publish the same run the first. The loser
    raises Conflict and takes its objects away. Stores that the manifest does not need are deleted, as is what killed
    publishers left (`tasks.prune`) and what is remembered of refused runs up to this one; a failure there raises
    BucketError too, which says that the run is published.
    Raises Conflict, DiskFull, BucketError, ManifestError.
    """
    schema = written.schema
    before = _published(bucket, schema)
    bucket.sweep(f"{schema.model}/", lambda key: before.manifest is not None and before.manifest.beats(key))
    key, generation, sha256 = _upload(written, bucket, before, progress)
    size = _arrived(written, bucket, key)
    own = _upload_short(short, bucket, short_key(key)) if short else ()
    manifest = Manifest(
        model=schema.model,
        init_time=schema.init_time,
        key=key,
        size=size,
        sha256=sha256,
        generation=generation,
        leads=len(schema.lead_times),
        last_lead=schema.lead_times[-1],
        published_at=now,
        freshness=schema.freshness,
        whole=schema.whole,
        missing=schema.provenance.get("missing"),
        withheld=schema.withheld,
        traits=schema.traits,
        history=own,
    )
    try:
        manifest = _swap(manifest, schema, bucket, before, retention)
    except Conflict:
        # In this order: who finds the store's key free finds that of the short one free.
        bucket.delete(short_key(key))
        bucket.delete(key)
        raise
    try:
        prune(bucket, manifest)
        sweep_refusals(bucket, manifest)
    except BucketError as error:
        raise BucketError(
            f"{_run(schema)} is published as {bucket.url(manifest.key)}, but what it replaced could not be removed "
            f"(the next publish tries again): {error}"
        ) from error
    return manifest


def _run(schema: StoreSchema) -> str:
    return f"{schema.model} {schema.init_time:%Y-%m-%dT%H:%MZ}"


def _published(bucket: Bucket, schema: StoreSchema, before: Published | None = None) -> Published:
    """What is published now; raises Conflict where `schema` may not replace it.

    That is a newer run, and the same run published after `before` was read.
    """
    key = manifest_key(schema.model)
    try:
        data = bucket.read(key)
    except ObjectNotFound:
        return Published(None, None)
    manifest = parse_manifest(data, schema.model, bucket.url(key))
    if manifest.init_time > schema.init_time:
        raise Conflict(
            f"{manifest.model} {manifest.init_time:%Y-%m-%dT%H:%MZ} was published meanwhile in {bucket.base}; "
            f"the older run {schema.init_time:%Y-%m-%dT%H:%MZ} does not replace it"
        )
    if before and data != before.data and manifest.init_time == schema.init_time:
        raise Conflict(f"{_run(schema)} was published meanwhile by somebody else as {bucket.url(manifest.key)}")
    return Published(data, manifest)


def _upload(written: Finished, bucket: Bucket, before: Published, progress: Progress | None) -> tuple[str, int, str]:
    """Put the store under a key that nobody used; returns the key, its generation and the sha256 of what was sent.

    A key may be taken though no manifest names it: its publisher was killed before the swap, or is about to swap.
    Nobody can know which, so it is left alone until a swap has decided.
    """
    while True:
        published = _published(bucket, written.schema, before)
        key, generation = _free_key(written.schema, published, bucket.list(f"{written.schema.model}/"))
        try:
            return key, generation, bucket.upload(written.path, key, progress)
        except Conflict:
            if not bucket.list(key) and _published(bucket, written.schema, before) == published:
                raise


def _free_key(schema: StoreSchema, published: Published, taken: Collection[str]) -> tuple[str, int]:
    first = published.generation + 1
    again = published.manifest is not None and published.manifest.init_time == schema.init_time
    plain = store_key(schema.model, schema.init_time)
    if not again and _is_free(plain, taken):
        return plain, first
    for generation in count(first):
        key = store_key(schema.model, schema.init_time, generation)
        if _is_free(key, taken):
            return key, generation
    raise AssertionError


def _is_free(key: str, taken: Collection[str]) -> bool:
    """Whether nobody has put a store or its short one there."""
    return key not in taken and short_key(key) not in taken


def _arrived(written: Finished, bucket: Bucket, key: str) -> int:
    """Bytes of an object that was uploaded; raises WrongChecksum where they are not those of the file."""
    size = bucket.size(key)
    if size != written.path.stat().st_size:
        raise WrongChecksum(f"{bucket.url(key)} holds {size} bytes, {written.path} is of another size: publish again")
    return size


def _upload_short(short: Finished, bucket: Bucket, key: str) -> tuple[ShortStore]:
    """The short store beside its run, whose key was free a moment ago."""
    sha256 = bucket.upload(short.path, key)
    return (
        ShortStore(
            init_time=short.schema.init_time,
            key=key,
            size=_arrived(short, bucket, key),
            sha256=sha256,
            last_lead=short.schema.lead_times[-1],
        ),
    )


def _history(manifest: Manifest, published: Manifest | None, retention: timedelta) -> tuple[ShortStore, ...]:
    """The run's own short store and, newest first, those that were published so far and are not too old.

    A run that is published again without its first leads keeps those it had.
    """
    own = manifest.history
    oldest = manifest.init_time - retention
    earlier = [short for short in (published.history if published else ()) if short.init_time >= oldest]
    return (*own, *(short for short in earlier if not (own and short.init_time == manifest.init_time)))


def _longer(manifest: Manifest, published: Manifest | None) -> tuple[NamedStore, ...]:
    """Of the run published so far and those behind it, each that ends after all newer ones."""
    if published is None:
        return ()
    earlier = [published.as_named()] if published.init_time < manifest.init_time else []
    longer: list[NamedStore] = []
    end = manifest.end
    for run in (*earlier, *published.longer):
        if run.end > end:
            longer.append(run)
            end = run.end
    return tuple(longer)


def _swap(manifest: Manifest, schema: StoreSchema, bucket: Bucket, before: Published, retention: timedelta) -> Manifest:
    """Name the store in the manifest; returns the manifest as swapped.

    Where somebody published an older run since `before`, that one is replaced. Raises Conflict for any other.
    """
    own = manifest
    while True:
        published = _published(bucket, schema, before)
        manifest = own.model_copy(
            update={
                "generation": max(own.generation, published.generation + 1),
                "previous": published.manifest.key if published.manifest else None,
                "history": _history(own, published.manifest, retention),
                "longer": _longer(own, published.manifest),
            }
        )
        try:
            bucket.swap(manifest_key(schema.model), manifest.to_bytes(), published.data)
        except Conflict:
            if _published(bucket, schema, before) == published:
                raise
        else:
            return manifest
