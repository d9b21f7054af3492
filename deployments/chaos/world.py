"""A whole Windlass on a few cells: mirrors, flows, bucket, sync, API, who is told; and what may befall it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from random import Random

from pydantic import SecretStr

from deployments.chaos.bucket import FrozenBucket, MoodyBucket
from deployments.chaos.clock import MachineClock, TrueClock
from deployments.chaos.disk import fill, relieve, small_disk
from deployments.chaos.exchange import exchanged
from deployments.chaos.site import MIRRORS, Site
from deployments.chaos.upstream import Deed, copy_tree
from deployments.simulator.server import Fault as Trouble
from flows.model import Model
from serving.app import create_app
from serving.stores import Stores
from storage.settings import Settings

FOLDERS = ("work", "bucket", "stores")
WHOLE = frozenset(range(len(MIRRORS)))


class World:
    """`folders`: work, bucket and stores by name; `small`: those on small disks.

    `bucket`: as flows see it; `seen`: as the sync does. `moments`: what happens when an ingest begins a step, by its
    name. `kills`: who is killed next, and where: a model and a step, or "sync". `machines`: on which flows run, one
    after the other, or all at once while `twins`.
    """

    def __init__(self, site: Site, folders: Mapping[str, Path], small: frozenset[str], start: datetime, seed: int):
        self.site, self.folders, self.small = site, dict(folders), small
        self.random = Random(seed)
        self.true = TrueClock(start)
        self.machine = MachineClock(self.true)
        self.bucket = MoodyBucket(self.folders["bucket"], self.random)
        self.seen = FrozenBucket(self.folders["bucket"], self.random)
        self.seen.moods = self.bucket.moods
        self.settings = Settings(
            bucket=self.bucket.base,
            stores=self.folders["stores"],
            work=self.folders["work"],
            notify_urls=SecretStr(site.sink.url),
            notify_url=None,
        )
        self.models: tuple[Model, ...] = site.upstream.with_mirrors(site.mirrors)
        self.moments: dict[str, list[Callable[[], None]]] = defaultdict(list)
        self.kills: set[tuple[str, str]] = set()
        self.twins = False
        self.machines = [""]
        self.api = create_app(self.folders["stores"], self.machine.now)
        self.stores: Stores = self.api.state.stores
        self._troubles: dict[int, dict[str, Trouble]] = {number: {} for number in WHOLE}
        self._deeds: dict[int, dict[str, Deed]] = {number: {} for number in WHOLE}
        self._copies = 0
        self.stores.check()

    def trouble(self, name: str, trouble: Trouble, mirrors: frozenset[int]) -> None:
        """Something is wrong with how mirrors answer, until `mend` of that name."""
        for number in mirrors:
            self._troubles[number][name] = trouble
            self._serve(number)

    def spoil(self, name: str, deed: Deed, mirrors: frozenset[int]) -> None:
        """Something is wrong with files of mirrors, until `mend` of that name."""
        for number in mirrors:
            self._deeds[number][name] = deed
            self._serve(number)

    def mend(self, name: str) -> None:
        for number in WHOLE:
            self._troubles[number].pop(name, None)
            self._deeds[number].pop(name, None)
            self._serve(number)

    def fill(self, folder: str) -> None:
        """No room is left on the disk of a folder, which must be a small one."""
        assert folder in self.small, folder
        fill(self.folders[folder])

    def relieve(self, folder: str) -> None:
        relieve(self.folders[folder])

    def newest(self) -> dict[str, datetime]:
        """Of each model the newest run that is whole upstream."""
        return {model.name: self.site.upstream.newest(model, self.true.now()) for model in self.models}

    def _serve(self, number: int) -> None:
        folder = self.site.upstream.folder
        if self._deeds[number]:
            self._copies += 1
            place = self.folders["upstream"] / str(self._copies)
            folder = self.site.upstream.spoilt(place, self._deeds[number].values())
        self.site.serve(number, folder, list(self._troubles[number].values()))


@contextmanager
def open_world(
    site: Site, place: Path, start: datetime, seed: int, small: frozenset[str] = frozenset(), like: Path | None = None
) -> Iterator[World]:
    """A world below `place`, whose bucket and stores are those of the world kept in `like`. Raises NoSmallDisk."""
    with ExitStack() as stack:
        folders = {"upstream": place / "upstream"}
        for name in FOLDERS:
            folders[name] = stack.enter_context(small_disk(place / name)) if name in small else place / name
            folders[name].mkdir(parents=True, exist_ok=True)
            if like is not None and (like / name).is_dir() and name != "work":
                copy_tree(like / name, folders[name])
        world = World(site, folders, small, start, seed)
        site.begin(world.true)
        stack.enter_context(exchanged(world.bucket, world.settings, world.machine, _disks(world)))
        yield world


def _disks(world: World) -> Callable[[Path], bool]:
    """Whether a folder lies on a disk that its world fills: only of those freshness shall tell."""
    small = [world.folders[name] for name in world.small]
    return lambda folder: any(folder == one or folder.is_relative_to(one) for one in small)
