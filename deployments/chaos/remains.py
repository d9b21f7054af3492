"""What is left when faults are over: what still ails a world, and what lies about in its folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from deployments.chaos.disk import BALLAST
from deployments.chaos.world import World
from storage.disk import PART
from storage.folder import FolderBucket
from storage.manifest import SUFFIX, read_manifest
from tasks.incidents import records_in
from tasks.ledger import read_ledger
from tasks.telling import fallback

STORES = 3
"""Of a model: the published one, the one it replaced, and the last of an earlier run."""


def ails(world: World) -> list[str]:
    """Why a world is not well yet: a run that is whole upstream and not served, incidents, people not told."""
    found = []
    for model, init_time in world.newest().items():
        for place in ("bucket", "stores"):
            manifest = read_manifest(FolderBucket(world.folders[place]), model)
            if manifest is None or manifest.init_time != init_time:
                found.append(f"{place}: {model} {init_time:%dT%HZ} is not there")
    there, here = FolderBucket(world.folders["bucket"]), fallback(world.settings)
    over = {record.id for record in records_in(there) if record.ended}
    for bucket in (there, here):
        # A copy of what is over is forgotten with the next look.
        records = [record for record in records_in(bucket) if bucket is there or record.id not in over]
        ledger = read_ledger(bucket)
        found += [f"{one.incident.model} {one.incident.kind} is still open" for one in records if not one.ended]
        for record in records:
            untold = {f"{record.id}:opened", *([f"{record.id}:ended"] if record.ended else [])} - set(ledger.told)
            continued = any(f"{before}:opened" in ledger.told for before in record.continues)
            if untold and not (continued and f"{record.id}:ended" in ledger.told):
                found.append(f"{record.incident.model} {record.incident.kind} is not told yet")
        found += [f"a letter is owed: {letter.notice.title}" for letter in ledger.letters]
    return found


def remains(world: World) -> list[str]:
    """Files that nobody needs any more and nobody removed."""
    return [f"left behind: {path}" for path in _left(world)]


def _left(world: World) -> Iterator[Path]:
    told = fallback(world.settings).folder
    for path in world.folders["work"].rglob("*"):
        if path.is_file() and path.name not in (".lock", BALLAST) and not path.is_relative_to(told):
            yield path
    for place in ("bucket", "stores"):
        folder = world.folders[place]
        yield from folder.rglob(f"*{PART}")
        for model in world.models:
            stores = sorted((folder / model.name).glob(f"*{SUFFIX}"))
            yield from stores[: max(0, len(stores) - STORES)]
