"""A client that asks the API all the while, and a look at every manifest: what must be true whatever is killed."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from serving.rungs import Rung
from storage.errors import StorageError
from storage.folder import FolderBucket
from storage.manifest import Manifest, read_manifest
from storage.verify import verify

EVERY = 0.25
"""Seconds between two questions."""
NEAR = 0.06
"""Degrees Celsius that an answer may differ by: it has two digits, and a store's step is 0.01 K."""

Truths = Callable[[], Sequence[Mapping[int, float]]]


@dataclass(frozen=True)
class Asked:
    """Where to ask for one model. `run`: how flags name its run; `truths()`: what may be told now, the newest last."""

    url: str
    model: str
    source: str
    run: str
    truths: Truths


@dataclass
class Witness:
    """What was seen so far. `breaches` in words; `away`: nobody is said to listen, so that nobody need answer."""

    asked: Asked
    folders: tuple[Path, ...]
    answers: int = 0
    rung: Rung = Rung.NEWEST
    breaches: list[str] = field(default_factory=list)
    away: bool = False
    newest: bool = False
    _last: dict[Path, Manifest] = field(default_factory=dict)

    def breach(self, text: str) -> None:
        """Note what is not as it must be, once."""
        if text not in self.breaches:
            self.breaches.append(text)

    def look(self) -> None:
        """Ask once, and read the manifests."""
        self._ask()
        for folder in self.folders:
            self._read(folder)

    def _ask(self) -> None:
        # Before it is asked: what is published while it answers may or may not be in the answer.
        before = list(self.asked.truths())
        try:
            with urlopen(self.asked.url, timeout=60) as answer:
                told = json.load(answer)
        except HTTPError as error:
            self.breach(f"the API answered {error.code}: {error.read()[:300]!r}")
            return
        except (OSError, HTTPException) as error:
            if not self.away:
                self.breach(f"the API did not answer: {error!r}")
            return
        self.answers += 1
        flags = told["flags"]
        if flags["sourceTimes"] != {self.asked.source: self.asked.run}:
            self.breach(f"flags name {flags['sourceTimes']}, published is {self.asked.run}")
        rung = Rung(flags["rung"])
        self.rung = max(self.rung, rung, key=list(Rung).index)
        truths = [*before, *(truth for truth in self.asked.truths() if truth not in before)]
        # What is not told fits no truth.
        points = (point for point in told["hourly"]["data"] if point["time"] in truths[0])
        hours = {point["time"]: point.get("temperature", math.nan) for point in points}
        fits = [all(abs(hours[time] - truth[time]) <= NEAR for time in hours) for truth in truths]
        if not hours or not any(fits):
            self.breach(f"temperatures {hours} are of no single publication of {self.asked.run}")
        self.newest = bool(hours) and fits[-1]

    def _read(self, folder: Path) -> None:
        last = self._last.get(folder)
        try:
            manifest = read_manifest(FolderBucket(folder), self.asked.model)
        except StorageError as error:
            self.breach(f"a manifest cannot be read: {error}")
            return
        if manifest is None:
            if last is not None:
                self.breach(f"the manifest of {self.asked.model} vanished from {folder.name}")
            return
        if last is not None and manifest.order < last.order:
            self.breach(f"{folder.name}: generation {last.generation} was followed by {manifest.generation}")
        if last != manifest:
            self._last[folder] = manifest
            try:
                verify(folder / manifest.key)
            except (StorageError, OSError) as error:
                # It may have been replaced twice since it was read.
                if read_manifest(FolderBucket(folder), self.asked.model) == manifest:
                    self.breach(f"{folder.name}/{manifest.key} is published and does not verify: {error}")


@contextmanager
def watched(witness: Witness) -> Iterator[Witness]:
    """The witness looks every EVERY seconds until the block ends, and once more then."""
    stop = threading.Event()

    def look_on() -> None:
        while not stop.is_set():
            try:
                witness.look()
            except Exception as error:  # noqa: BLE001 - a bug of the witness must be seen
                witness.breach(f"the witness met {error!r}")
            stop.wait(EVERY)

    thread = threading.Thread(target=look_on, daemon=True)
    thread.start()
    try:
        yield witness
    finally:
        stop.set()
        thread.join()
        witness.look()
