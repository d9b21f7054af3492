"""One fault in a world: begun, ended, healed, and held against what must be true."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import monotonic

from deployments.chaos.fault import Fault, together
from deployments.chaos.hearing import breaches_of, kinds_of
from deployments.chaos.outcome import Outcome
from deployments.chaos.processes.witness import Witness, watched
from deployments.chaos.processes.world import World, wait_until
from storage.folder import FolderBucket
from storage.manifest import NAME, SUFFIX, read_manifest
from storage.static import NAME as STATIC
from storage.static import read_static
from tasks.incidents import FOLDER
from tasks.ledger import LEDGER, read_ledger
from tasks.telling import FALLBACK


def play(world: World, fault: Fault[World], seed: int) -> Outcome:
    """The fault, with everything that happens by chance drawn from `seed`, until the newest publication is served."""
    world.chance = Random(f"{fault.name} {seed}")
    world.breaches.clear()
    begun, heard, generation = monotonic(), len(world.sink.heard), world.published.generation
    world.next_weather()
    # With three notices in a quarter of an hour people hear no more of what comes then.
    shutil.rmtree(world.bucket / FOLDER, ignore_errors=True)
    witness = Witness(world.asked(), (world.bucket, world.stores))
    world.witness = witness
    with watched(witness):
        fault.begin(world)
        ended = monotonic()
        fault.end(world)
        try:
            wait_until(lambda: _synced(world) and witness.newest, "the newest publication is served", world.sync)
            healed = round((monotonic() - ended) / 60)
        except (TimeoutError, RuntimeError) as error:
            witness.breach(str(error))
            healed = None
    world.freshness()
    notices = world.sink.heard[heard:]
    wrong = [*witness.breaches, *world.breaches, *_left(world), *breaches_of(notices, together([fault]))]
    return Outcome(
        faults=(fault.name,),
        seed=seed,
        answers=witness.answers,
        rung=witness.rung,
        told=tuple(kinds_of(notices)),
        notices=len(notices),
        ingests=world.published.generation - generation,
        failed=0,
        healed=healed,
        breaches=tuple(wrong),
        seconds=monotonic() - begun,
    )


def _left(world: World) -> Iterator[str]:
    """What is there and should not be: processes, files."""
    for life in world.nursery.lives:
        if life.over.is_set() and (orphans := life.family()):
            yield f"{life.name} left {', '.join(str(orphan.pid) for orphan in orphans)} behind"
    manifest = world.published
    past = {short.key for short in manifest.history}
    more_follows = manifest.whole is not None and manifest.leads < manifest.whole.leads
    for folder in world.folder.glob("work*"):
        # What a machine has told it remembers, though nothing of it is open or owed any more.
        remembered = {folder / FALLBACK / LEDGER} if not read_ledger(FolderBucket(folder / FALLBACK)).letters else set()
        for path in {path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"} - remembered:
            if not (more_follows and path.parent.name == "staged"):
                yield f"{path.relative_to(world.folder)} was left behind"
    if strays := _strays(world, world.bucket) - {
        manifest.key,
        manifest.previous,
        *(short.key for short in manifest.history),
    }:
        yield f"in the bucket {', '.join(sorted(strays))} were left behind"
    # The store before it is whichever was synced last: sync takes the newest and may miss one between.
    strays = _strays(world, world.stores) - {manifest.key, *past}
    if len(strays) > 1 or any(not stray.endswith(SUFFIX) for stray in strays):
        yield f"in the folder of stores {', '.join(sorted(strays))} were left behind"


def _synced(world: World) -> bool:
    return read_manifest(FolderBucket(world.stores), world.model.name) == world.published


def _strays(world: World, folder: Path) -> set[str]:
    """Keys of all that is neither a manifest nor kept beside it."""
    kept = (".lock", NAME, "statistics.json", "ingest.json", STATIC)
    paths = [path for path in (folder / world.model.name).rglob("*") if path.is_file()]
    found = {path.relative_to(folder).as_posix() for path in paths if path.name not in kept}
    ground = read_static(FolderBucket(folder), world.model.name)
    return found - {ground.key, ground.previous} if ground else found
