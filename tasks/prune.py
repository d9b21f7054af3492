"""Which stores of a bucket nobody needs any more, and taking them away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from storage.bucket import Bucket
from storage.errors import ObjectNotFound
from storage.manifest import Manifest, is_short, key_order, read_manifest


@dataclass(frozen=True)
class Pruned:
    """What became of a model's stores. `bytes`: of the removed ones, which a dry run only counts."""

    kept: tuple[str, ...]
    removed: tuple[str, ...]
    bytes: int


def needed(keys: Iterable[str], manifest: Manifest) -> set[str]:
    """Of a model's keys, those that must stay.

    They are the published store and the one it replaced; of the last run before it, whatever its age, the newest store;
    earlier runs that reach further, as the manifest names them; the short stores that it names, which is what the
    model's retention needs; and all that is not a store, or that a publisher may still make the published
    one.
    """
    keys = set(keys)
    named = {short.key for short in manifest.history}
    forgotten = {key for key in keys if is_short(key) and manifest.beats(key)} - named
    beaten = {key: order for key in keys if (order := key_order(key)) and manifest.beats(key)}
    newest: dict[object, str] = {}
    for key in sorted(beaten, key=lambda key: beaten[key]):
        newest[beaten[key][0]] = key
    earlier = [key for key in newest.values() if beaten[key][0] < manifest.init_time]
    stays = keys - beaten.keys() - forgotten
    stays |= set(earlier[-1:])
    before = manifest.previous
    if before is None:
        # Manifests of 0.1 do not name what they replaced.
        before = max((key for key in beaten if key != manifest.key), key=lambda key: beaten[key], default=manifest.key)
    return stays | (keys & {manifest.key, before, *(run.key for run in manifest.longer)})


def prune(bucket: Bucket, manifest: Manifest, dry_run: bool = False) -> Pruned:
    """Remove the stores of a model that its published `manifest` does not need; raises BucketError.

    Killed at any moment it has removed some of them, which nothing names. A publisher may work at the same time: what
    may still be published is not touched, and what a newer manifest names is newer than, or named by, this one.
    """
    prefix = f"{manifest.model}/"
    keys = bucket.list(prefix)
    kept = needed(keys, manifest)
    removed = [key for key in keys if key not in kept]
    size = 0
    for key in removed:
        try:
            size += bucket.size(key)
        except ObjectNotFound:
            # Another one prunes too.
            continue
        if not dry_run:
            bucket.delete(key)
    if not dry_run:
        bucket.sweep(prefix, manifest.beats)
    return Pruned(tuple(sorted(kept)), tuple(removed), size)


def prune_model(bucket: Bucket, model: str, dry_run: bool = False) -> Pruned:
    """The same by what is published now. A model of which nothing is published is left alone.

    Raises BucketError, ManifestError.
    """
    manifest = read_manifest(bucket, model)
    return prune(bucket, manifest, dry_run) if manifest else Pruned((), (), 0)
