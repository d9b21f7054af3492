"""What must be true whatever fails, held against a world from outside. What is not is a breach, in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from deployments.chaos.asking import Answer, ask
from deployments.chaos.truth import NEAR, Truth
from deployments.chaos.world import World
from serving.preference import REGIONS, When, source_name
from serving.quantities import Group
from serving.rungs import Rung
from storage.errors import StorageError
from storage.folder import FolderBucket
from storage.manifest import HISTORY, SUFFIX, Manifest, read_manifest
from storage.reader import Store
from storage.verify import verify

SEAM = 3
"""Of so many hours before a model ends something is the next one's."""


@dataclass
class Laws:
    """`world` is watched from its beginning on. `breaches` grows; `answers`: to all models together."""

    world: World
    truth: Truth
    breaches: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    _newest: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    _verified: set[str] = field(default_factory=set)
    _met: set[tuple[str, int]] = field(default_factory=set)
    _lasts: dict[tuple[str, datetime], set[int]] = field(default_factory=dict)

    def hold(self, moment: str) -> Answer:
        """Look at all of it once more; `moment` in words. Returns what the API answered of all models."""
        before = len(self.breaches)
        self._published()
        answers = ask(self.world)
        for answer in answers:
            self._answered(answer)
        self._ready(answers[0])
        self.answers.append(answers[0])
        when = f"{self.world.true.now():%dT%H:%M}, {moment}"
        self.breaches[before:] = [f"{when}: {text}" for text in self.breaches[before:]]
        return answers[0]

    def _published(self) -> None:
        """What was published, or synced, never goes back, vanishes or rots."""
        for place in ("bucket", "stores"):
            bucket = FolderBucket(self.world.folders[place])
            for model in (model.name for model in self.world.models):
                before = self._newest.get((place, model))
                try:
                    manifest = read_manifest(bucket, model)
                except StorageError as error:
                    self.breaches.append(f"{place}: {error}")
                    continue
                if manifest is None:
                    if before:
                        self.breaches.append(f"{place}: the manifest of {model} vanished")
                    continue
                if before and manifest.order < before.order:
                    self.breaches.append(f"{place}: {model} went back from {before.order} to {manifest.order}")
                self._newest[place, model] = manifest
                self._verify(bucket, manifest)
        for pattern in (f"*/[!.]*{SUFFIX}", f"*/{HISTORY}/[!.]*{SUFFIX}"):
            for path in self.world.folders["stores"].glob(pattern):
                self._meet(path)

    def _meet(self, path: Path) -> None:
        """Remember which runs the API may read, and how far they reach. A short store is heard where no other is."""
        if (path.name, path.stat().st_ino) not in self._met:
            self._met.add((path.name, path.stat().st_ino))
            with Store.open(path) as store:
                schema = store.schema
            run, last = (schema.model, schema.init_time), schema.lead_times[-1]
            if path.parent.name == HISTORY:
                self._lasts.setdefault(run, {last})
            else:
                self._lasts.setdefault(run, set()).add(last)

    def _verify(self, bucket: FolderBucket, manifest: Manifest) -> None:
        path = bucket.path(manifest.key)
        try:
            status = path.stat()
            mark = f"{status.st_ino} {status.st_mtime_ns} {manifest.sha256}"
            if mark not in self._verified:
                found = verify(path)
                if (found.schema.init_time, found.size) != (manifest.init_time, manifest.size):
                    raise StorageError(f"{path} is not what its manifest says")
                self._verified.add(mark)
        except (StorageError, OSError) as error:
            self.breaches.append(f"{bucket.base}: {manifest.key} does not verify: {error}")

    def _answered(self, answer: Answer) -> None:
        now = self.world.machine.now()
        who = f"without {', '.join(sorted(answer.excluded))}" if answer.excluded else "all models"
        local = {model: self._newest.get(("stores", model)) for model in self._asked(answer)}
        within = [one.model for one in local.values() if one and now < one.init_time + timedelta(minutes=one.last_lead)]
        if answer.status == 503 and not within:
            if answer.body.get("rung") != Rung.NONE:
                self.breaches.append(f"{who}: a 503 that does not stand on the last rung: {answer.body}")
            return
        if answer.status != 200:
            self.breaches.append(f"{who}: the API answers {answer.status} though {within} tell: {answer.body}")
            return
        self._honest(answer, who, now)
        self._unmixed(answer, who)

    def _asked(self, answer: Answer) -> list[str]:
        """The models that may tell, in the order of the API's preference."""
        order = REGIONS[-1].orders[Group.WEATHER, When.HOUR]
        return [model for model in order if model not in answer.excluded]

    def _honest(self, answer: Answer, who: str, now: datetime) -> None:
        """The flags say how old it is."""
        flags, served = answer.body["flags"], {model["model"]: model for model in answer.health["models"]}
        for model in self._asked(answer):
            newest, runs = self._newest.get(("stores", model)), answer.runs(model)
            if newest and served[model]["init_time"] != f"{newest.init_time:%Y-%m-%dT%H:%M:%SZ}":
                self.breaches.append(f"{model}: /health tells {served[model]['init_time']}, {newest.init_time} is here")
            if any((model, run) not in self._lasts for run in runs):
                self.breaches.append(f"{who}: the flags name runs of {model} that were never here: {runs}")
            rung, age = flags["rungs"].get(source_name(model)), now - newest.init_time if newest else None
            if newest and age and age > timedelta(minutes=newest.freshness.late_after) and rung == Rung.NEWEST:
                self.breaches.append(f"{who}: {model} is {age} old and late, and said to be the newest")

    def _unmixed(self, answer: Answer, who: str) -> None:
        """Every hour says what the first run of the ladder that knows it says, and nothing else."""
        withheld = {model["model"] for model in answer.health["models"] if model["withheld"]}
        stale = answer.body["flags"].get("staleSources", [])
        asked = sorted(self._asked(answer), key=lambda model: source_name(model) in stale)
        for time, told in answer.hours():
            ladder = [
                (model, run)
                for model in asked
                for run in answer.runs(model)
                if self.truth.at(model, run, time) and self._holds(model, run, time) is not False
            ]
            sure = ladder and not withheld and self._holds(*ladder[0], time)
            fits = [self.truth.agrees(model, run, time, told) for model, run in ladder[: 1 if sure else None]]
            if ladder and not (told and (any(fits) or self._passes_over(answer, ladder, time, told))):
                shown = f"{time:%dT%HZ} {told}"
                known = {f"{model} {run:%dT%HZ}": self.truth.at(model, run, time) for model, run in ladder}
                self.breaches.append(f"{who}: {shown} is not what the runs of the flags say: {known}")
                return

    def _passes_over(
        self, answer: Answer, ladder: list[tuple[str, datetime]], time: datetime, told: dict[str, float]
    ) -> bool:
        """Whether it is one of the last three hours of the first model of the ladder, and blended with a later one."""
        first, run = ladder[0]
        following = [time + timedelta(hours=hour) for hour in range(1, SEAM + 1)]
        if all(any(self._known(first, each, hour) for each in answer.runs(first)) for hour in following):
            return False
        said = self.truth.at(first, run, time) or {}
        for other in (self.truth.at(*each, time) for each in ladder if each[0] != first):
            for quarters in range(1, SEAM + 1):
                share = quarters / (SEAM + 1)
                if other and all(
                    abs(told[name] - share * said[name] - (1 - share) * other[name]) <= NEAR[name] for name in told
                ):
                    return True
        return False

    def _known(self, model: str, run: datetime, time: datetime) -> bool:
        return self.truth.at(model, run, time) is not None and self._holds(model, run, time) is not False

    def _holds(self, model: str, run: datetime, time: datetime) -> bool | None:
        """Whether a run reached that time when it was here; None: in one publication, and not in another."""
        lasts = self._lasts.get((model, run), {0})
        reached = {time - run <= timedelta(minutes=last) for last in lasts}
        return None if len(reached) > 1 else reached.pop()

    def _ready(self, answer: Answer) -> None:
        if (answer.health["status"] == "down") != (answer.status == 503):
            self.breaches.append(f"/health says {answer.health['status']} and the forecast is {answer.status}")
        if answer.ready not in (200, 503):
            self.breaches.append(f"/readyz answers {answer.ready}")
