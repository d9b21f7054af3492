"""The open stores of a folder laid out as a bucket, exchanged while requests are answered.

A request takes `Stores.snapshot` once and reads from nothing else: it sees one generation. A new run is opened, held
against its manifest and read from before it takes the old one's place. What does not open is told, and the old run
stays. Nobody closes a store: its file is closed with the last request that holds it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from serving.plan import plan_of
from storage.errors import CorruptStore, ManifestError, StorageError
from storage.grids import Cell
from storage.manifest import NAME, SUFFIX, Manifest, parse_manifest
from storage.reader import Store

log = logging.getLogger(__name__)

# What opening a store or reading its manifest may raise: the store's own errors, bad attributes, the system's.
Unusable = (StorageError, ValueError, OSError)
Mark = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class ModelState:
    """What is served of a model, and why that is not what its folder asks for.

    manifest: None where a store was taken up without one, because it is the newest that opens.
    """

    model: str
    store: Store | None
    manifest: Manifest | None
    problem: str | None


@dataclass(frozen=True)
class Snapshot:
    """One generation: what every model serves. `generation` counts the exchanges of this process."""

    generation: int = 0
    models: tuple[ModelState, ...] = ()
    stores: tuple[Store, ...] = ()
    problem: str | None = None


class Stores:
    """The stores below `folder`: `<model>/latest.json` names a model's run, `<model>/*.zarr.zip` are runs.

    A synced folder and a local bucket are both laid out so. Nothing is open before the first `check`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshot = Snapshot()
        self._marks: dict[str, Mark] = {}

    def check(self) -> None:
        """Look at the folder, open what is new there, exchange it. Not from two threads at once."""
        before = self.snapshot
        states = {state.model: state for state in before.models}
        problem = None
        try:
            names = sorted(entry.name for entry in os.scandir(self.folder) if not entry.name.startswith("."))
        except OSError as error:
            names = []
            problem = f"cannot read the folder of stores {self.folder}: {error.strerror}"
            if problem != before.problem:
                log.error(problem)
        for model in sorted({*names, *states}) if problem is None else ():
            mark = _mark(self.folder / model)
            if mark != self._marks.get(model, ()):
                self._marks[model] = mark
                states[model] = self._look(model, states.get(model))
        models = tuple(states.values())
        if models == before.models and problem == before.problem:
            return
        stores = tuple(state.store for state in models if state.store is not None)
        exchanged = stores != before.stores
        self.snapshot = Snapshot(before.generation + exchanged, models, stores, problem)

    async def watch(self, pause: float = 1.0) -> None:
        """`check` for ever, in a thread beside the event loop."""
        while True:
            await asyncio.sleep(pause)
            try:
                await asyncio.to_thread(self.check)
            except Exception:
                log.exception("looking for new stores in %s failed; looking again", self.folder)

    def _look(self, model: str, held: ModelState | None) -> ModelState:
        """The new state of a model whose folder has changed."""
        store = held.store if held else None
        manifest = held.manifest if held else None
        problem = None
        try:
            named = _manifest_in(self.folder / model, model)
            if store is None or named != manifest:
                store, manifest = open_store(self.folder / named.key, named), named
        except Unusable as error:
            problem = str(error)
            if store is None:
                store = self._newest_that_opens(model)
        if problem and (held is None or problem != held.problem):
            instead = f"serving {store.path.name}" if store else "nothing of it is served"
            log.error("%s: %s; %s", model, problem, instead)
        if store is not None and (held is None or store is not held.store):
            log.info(
                "%s: serving the run of %s from %s", model, f"{store.schema.init_time:%Y-%m-%dT%H:%MZ}", store.path
            )
        return ModelState(model, store, manifest, problem)

    def _newest_that_opens(self, model: str) -> Store | None:
        """A store describes itself: where the manifest's one is unusable, one of the others will do."""
        found: list[Store] = []
        for path in (self.folder / model).glob(f"[!.]*{SUFFIX}"):
            try:
                store = open_store(path)
            except Unusable as error:
                log.warning("%s: cannot serve %s instead: %s", model, path.name, error)
                continue
            if store.schema.model == model:
                found.append(store)
        return max(found, key=lambda store: (store.schema.init_time, store.path.name), default=None)


def open_store(path: Path, manifest: Manifest | None = None) -> Store:
    """Open a store, hold it against its manifest, and read from its corners and middle.

    So no request meets a file cut short or waits for what is made once per store. Raises one of `Unusable`.
    """
    store = Store.open(path)
    schema = store.schema
    if manifest is not None:
        size = path.stat().st_size
        if size != manifest.size:
            raise CorruptStore(
                f"{path} has {size} bytes and not {manifest.size}, which its manifest says: half synced?"
            )
        if (schema.model, schema.init_time) != (manifest.model, manifest.init_time):
            raise CorruptStore(
                f"{path} holds {schema.model} {schema.init_time:%Y-%m-%dT%H:%MZ} and not "
                f"{manifest.model} {manifest.init_time:%Y-%m-%dT%H:%MZ}, which its manifest says"
            )
    ny, nx = schema.grid.shape
    for y in {0, ny // 2, ny - 1}:
        for x in {0, nx // 2, nx - 1}:
            store.point(Cell(y, x))
    plan_of(schema)
    return store


def _manifest_in(folder: Path, model: str) -> Manifest:
    path = folder / NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ManifestError(f"{path} is gone") from error
    return parse_manifest(data, model, str(path))


def _mark(folder: Path) -> Mark:
    """What tells that a model's folder has changed: its manifest and stores by name, inode, size and time."""
    try:
        with os.scandir(folder) as entries:
            files = [entry for entry in entries if _counts(entry.name)]
            stats = [(entry.name, entry.stat()) for entry in files]
    except (FileNotFoundError, NotADirectoryError):
        # No folder, or a file that went in between: the next look tells.
        return ()
    except OSError as error:
        return ((str(error), 0, 0, 0),)
    return tuple(sorted((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats))


def _counts(name: str) -> bool:
    return name == NAME or (name.endswith(SUFFIX) and not name.startswith("."))
