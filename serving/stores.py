"""The open stores of a folder laid out as a bucket, exchanged while requests are answered.

A request takes `Stores.snapshot` once and reads from nothing else: it sees one generation. A new run is opened, held
against its manifest and read from before it takes the old one's place. What does not open is told, and the old run
stays. Beside a model's newest run the one before it is open: it tells what the newest lacks. Nobody closes a store:
its file is closed with the last request that holds it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from weakref import WeakKeyDictionary

from serving.plan import plan_of
from storage.errors import CorruptStore, ManifestError, StorageError
from storage.grids import Cell
from storage.manifest import NAME, SUFFIX, Manifest, key_order, parse_manifest
from storage.reader import Store

log = logging.getLogger(__name__)

# What opening a store or reading its manifest may raise: the store's own errors, bad attributes, the system's.
Unusable = (StorageError, ValueError, OSError)
Mark = tuple[tuple[str, *tuple[int, ...]], ...]
# Where a store of any other name stands: before all runs.
_FOREIGN = (datetime.min.replace(tzinfo=UTC), 0)


@dataclass(frozen=True)
class ModelState:
    """What is served of a model, and why that is not what its folder asks for.

    manifest: None where a store was taken up without one, because it is the newest that opens.
    previous: of the model's other stores in the folder the newest of an earlier run.
    newest_seen: start of the newest run that a manifest named, served or not.
    """

    model: str
    store: Store | None
    manifest: Manifest | None
    problem: str | None
    previous: Store | None = None
    newest_seen: datetime | None = None


@dataclass(frozen=True)
class Snapshot:
    """One generation: what every model serves. `generation` counts the exchanges of this process.

    stores: the newest of each model; runs: these and the ones before them; troubled: models that have a problem.
    """

    generation: int = 0
    models: tuple[ModelState, ...] = ()
    stores: tuple[Store, ...] = ()
    problem: str | None = None
    runs: tuple[Store, ...] = ()
    troubled: frozenset[str] = frozenset()


class Stores:
    """The stores below `folder`: `<model>/latest.json` names a model's run, `<model>/*.zarr.zip` are runs.

    A synced folder and a local bucket are both laid out so. Nothing is open before the first `check`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshot = Snapshot()
        self._marks: dict[str, Mark] = {}
        # What each open store's file looked like: a file that is replaced under its name is another one.
        self._files: WeakKeyDictionary[Store, tuple[int, ...]] = WeakKeyDictionary()

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
        runs = (*stores, *(state.previous for state in models if state.previous is not None))
        troubled = frozenset(state.model for state in models if state.problem)
        self.snapshot = Snapshot(before.generation + (runs != before.runs), models, stores, problem, runs, troubled)

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
        previous = held.previous if held else None
        seen = held.newest_seen if held else None
        problem = None
        try:
            named = _manifest_in(self.folder / model, model)
            seen = named.init_time
            if store is None or named != manifest or self._was_replaced(store):
                store, manifest = self._open(self.folder / named.key, named), named
            previous = self._before(store, held)
        except Unusable as error:
            problem = str(error)
            if store is None:
                store = self._newest_that_opens(model)
                previous = self._before(store, held) if store else None
        if problem and (held is None or problem != held.problem):
            instead = f"serving {store.path.name}" if store else "nothing of it is served"
            log.error("%s: %s; %s", model, problem, instead)
        if store is not None and (held is None or store is not held.store):
            behind = f", behind it that of {_minute(previous.schema.init_time)}" if previous else ""
            log.info("%s: serving the run of %s from %s%s", model, _minute(store.schema.init_time), store.path, behind)
        return ModelState(model, store, manifest, problem, previous, seen)

    def _newest_that_opens(self, model: str) -> Store | None:
        """A store describes itself: where the manifest's one is unusable, one of the others will do."""
        return next(filter(None, map(self._open_spare, self._stores_of(model))), None)

    def _before(self, store: Store, held: ModelState | None) -> Store | None:
        """The newest store of an earlier run in the folder of `store`; what is open already is not opened again.

        A newer one is no run to fall back on: somebody took it back.
        """
        spares = (held.store, held.previous) if held else ()
        opened = {each.path: each for each in spares if each and not self._was_replaced(each)}
        for path in self._stores_of(store.schema.model):
            if (key_order(f"{path.parent.name}/{path.name}") or _FOREIGN)[0] >= store.schema.init_time:
                continue
            found = opened.get(path) or self._open_spare(path)
            if found is not None and found.schema.init_time < store.schema.init_time:
                return found
        return None

    def _stores_of(self, model: str) -> list[Path]:
        """The files of a model's stores, newest run and publication first, other names last."""
        paths = (self.folder / model).glob(f"[!.]*{SUFFIX}")
        return sorted(paths, key=lambda path: (key_order(f"{model}/{path.name}") or _FOREIGN, path.name), reverse=True)

    def _open(self, path: Path, manifest: Manifest | None = None) -> Store:
        """`open_store`, and remember the file. Raises one of `Unusable`."""
        file = _look_of(path.stat())
        store = open_store(path, manifest)
        self._files[store] = file
        return store

    def _open_spare(self, path: Path) -> Store | None:
        """The store of a file in its model's folder; None, and logged, where it does not open or is another model's."""
        try:
            store = self._open(path)
            if store.schema.model != path.parent.name:
                raise CorruptStore(f"{path} holds {store.schema.model}")
        except Unusable as error:
            log.warning("%s: cannot fall back on %s: %s", path.parent.name, path.name, error)
            return None
        return store

    def _was_replaced(self, store: Store) -> bool:
        """Whether another file lies where the store's lay. A deleted one is read on."""
        try:
            return _look_of(store.path.stat()) != self._files[store]
        except FileNotFoundError:
            return False


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
                f"{path} holds {schema.model} {_minute(schema.init_time)} and not "
                f"{manifest.model} {_minute(manifest.init_time)}, which its manifest says"
            )
    ny, nx = schema.grid.shape
    for y in {0, ny // 2, ny - 1}:
        for x in {0, nx // 2, nx - 1}:
            store.point(Cell(y, x))
    plan_of(schema)
    return store


def _look_of(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%MZ}"


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
    return tuple(sorted((name, *_look_of(stat)) for name, stat in stats))


def _counts(name: str) -> bool:
    return name == NAME or (name.endswith(SUFFIX) and not name.startswith("."))
