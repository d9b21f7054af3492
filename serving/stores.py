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
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from weakref import WeakKeyDictionary

from serving.history import OpenShorts, RunOfRuns, Span
from serving.marks import Mark, look_of, mark_of
from serving.opening import Unusable, manifest_in, minute, open_store, record_in
from serving.preference import source_name
from serving.roster import OpenRuns
from serving.static import Static, open_static
from serving.terrain import UNKNOWN, Grounds
from storage.errors import CorruptStore
from storage.manifest import SUFFIX, Manifest, key_order
from storage.reader import Store
from storage.record import IngestRecord

log = logging.getLogger(__name__)

# Where a store of any other name stands: before all runs.
_FOREIGN = (datetime.min.replace(tzinfo=UTC), 0)


@dataclass(frozen=True)
class ModelState:
    """What is served of a model, and why that is not what its folder asks for.

    manifest: None where a store was taken up without one, because it is the newest that opens.
    previous: of the model's other stores in the folder the newest of an earlier run. longer: earlier ones that reach
    further, newest first.
    newest_seen: start of the newest run that a manifest named, served or not.
    record: what became of its last ingests, as far as that is told here.
    past: the short stores of earlier runs. static: what is the same in every run.
    """

    model: str
    store: Store | None
    manifest: Manifest | None
    problem: str | None
    previous: Store | None = None
    longer: tuple[Store, ...] = ()
    newest_seen: datetime | None = None
    record: IngestRecord | None = None
    past: RunOfRuns | None = None
    static: Static | None = None


@dataclass(frozen=True)
class Snapshot:
    """One generation: what every model serves. `generation` counts the exchanges of this process.

    stores: the newest of each model; runs: these and the ones before them; troubled: models that have a problem;
    pasts: model -> its short stores. grounds: the models' static fields, and what is known of places.
    """

    generation: int = 0
    models: tuple[ModelState, ...] = ()
    stores: tuple[Store, ...] = ()
    problem: str | None = None
    runs: OpenRuns[Store] = field(default_factory=OpenRuns)
    troubled: frozenset[str] = frozenset()
    pasts: Mapping[str, RunOfRuns] = field(default_factory=dict)
    grounds: Grounds = UNKNOWN

    @cached_property
    def names(self) -> frozenset[str]:
        """What the models that are known here may be called."""
        return frozenset(name for state in self.models for name in (state.model, source_name(state.model)))


class Stores:
    """The stores below `folder`: `<model>/latest.json` names a model's run, `<model>/*.zarr.zip` are runs.

    A synced folder and a local bucket are both laid out so. Nothing is open before the first `check`.
    """

    def __init__(self, folder: Path, terrain: Static | None = None) -> None:
        self.folder = folder
        self._terrain = terrain
        self.snapshot = Snapshot()
        self._marks: dict[str, Mark] = {}
        self._shorts = OpenShorts()
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
            mark = mark_of(self.folder / model)
            if mark != self._marks.get(model, ()):
                self._marks[model] = mark
                states[model] = self._look(model, states.get(model))
        models = tuple(states.values())
        if models == before.models and problem == before.problem:
            return
        stores = tuple(state.store for state in models if state.store is not None)
        behind = [store for state in models for store in (state.previous, *state.longer) if store is not None]
        runs = OpenRuns((*stores, *behind))
        troubled = frozenset(state.model for state in models if state.problem)
        pasts = {state.model: state.past for state in models if state.past is not None}
        grounds = Grounds({state.model: state.static for state in models if state.static}, self._terrain)
        generation = before.generation + (runs != before.runs)
        self.snapshot = Snapshot(generation, models, stores, problem, runs, troubled, pasts, grounds)

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
            named = manifest_in(self.folder / model, model)
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
            behind = f", behind it that of {minute(previous.schema.init_time)}" if previous else ""
            log.info("%s: serving the run of %s from %s%s", model, minute(store.schema.init_time), store.path, behind)
        longer = self._longer(manifest, store, previous, held)
        return ModelState(
            model=model,
            store=store,
            manifest=manifest,
            problem=problem,
            previous=previous,
            longer=longer,
            newest_seen=seen,
            record=record_in(self.folder / model),
            past=self._past(manifest, store, previous, *longer),
            static=open_static(self.folder / model, held.static if held else None),
        )

    def _past(self, manifest: Manifest | None, *whole: Store | None) -> RunOfRuns | None:
        """What the manifest names of the past, as far as it is here; None where it names nothing."""
        if manifest is None or not manifest.history:
            return None
        runs = [Span(store.schema.init_time, store.schema.valid_times[-1]) for store in whole if store is not None]
        return RunOfRuns(self.folder, manifest.history, runs, self._shorts)

    def _newest_that_opens(self, model: str) -> Store | None:
        """A store describes itself: where the manifest's one is unusable, one of the others will do."""
        return next(filter(None, map(self._open_spare, self._stores_of(model))), None)

    def _before(self, store: Store, held: ModelState | None) -> Store | None:
        """The newest store of an earlier run in the folder of `store`; what is open already is not opened again.

        A newer one is no run to fall back on: somebody took it back.
        """
        for path in self._stores_of(store.schema.model):
            if (key_order(f"{path.parent.name}/{path.name}") or _FOREIGN)[0] >= store.schema.init_time:
                continue
            found = self._opened_before(path, held) or self._open_spare(path)
            if found is not None and found.schema.init_time < store.schema.init_time:
                return found
        return None

    def _longer(
        self, manifest: Manifest | None, store: Store | None, previous: Store | None, held: ModelState | None
    ) -> tuple[Store, ...]:
        """The runs that reach further, as the manifest names them, that are here and not open as another."""
        named = [self.folder / run.key for run in manifest.longer] if manifest else []
        others = {each.path for each in (store, previous) if each}
        paths = [path for path in named if path not in others and path.exists()]
        return tuple(filter(None, (self._opened_before(path, held) or self._open_spare(path) for path in paths)))

    def _opened_before(self, path: Path, held: ModelState | None) -> Store | None:
        """The store of a file as it is open already."""
        spares = (held.store, held.previous, *held.longer) if held else ()
        return next((each for each in spares if each and each.path == path and not self._was_replaced(each)), None)

    def _stores_of(self, model: str) -> list[Path]:
        """The files of a model's stores, newest run and publication first, other names last."""
        paths = (self.folder / model).glob(f"[!.]*{SUFFIX}")
        return sorted(paths, key=lambda path: (key_order(f"{model}/{path.name}") or _FOREIGN, path.name), reverse=True)

    def _open(self, path: Path, manifest: Manifest | None = None) -> Store:
        """`open_store`, and remember the file. Raises one of `Unusable`."""
        file = look_of(path.stat())
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
            return look_of(store.path.stat()) != self._files[store]
        except FileNotFoundError:
            return False
