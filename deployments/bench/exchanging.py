"""Two runs of six models, cheap to make, to be exchanged under load: every number of an answer tells whose it is."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deployments.bench.stores import full_ground, full_schema, write_full_store
from flows.models import flow_named
from storage.bucket import open_bucket
from storage.grids import Box
from storage.manifest import Manifest, manifest_key, store_key
from storage.schema import Freshness, StoreSchema
from tasks.static import publish_static

MODELS = ("gfs", "ifs", "hrrr", "nbm", "gefs", "hrrr_subh")
BOX = Box(-100.0, 38.0, -96.0, 41.0)
"""In Kansas and Nebraska, where all six have a forecast."""
APART = timedelta(hours=6)
_MARK = "air_temperature_2m"
_FIRST = 250.0
"""K; each run of each model has a temperature of its own, everywhere and at all times."""


@dataclass(frozen=True)
class Exchange:
    """A folder of stores in which each model has two runs; `names`: model -> its manifests, the newer run first."""

    folder: Path
    manifests: dict[str, tuple[Manifest, Manifest]]

    def name(self, model: str, which: int) -> None:
        """Swap the model's manifest."""
        part = self.folder / model / ".latest.json.part"
        part.write_bytes(self.manifests[model][which].to_bytes())
        os.replace(part, self.folder / manifest_key(model))

    def degrees(self) -> dict[tuple[str, str], float]:
        """(model, start of a run as `flags.sourceTimes` writes it) -> its temperature, degrees Celsius."""
        return {
            (model, f"{manifest.init_time:%Y-%m-%d %H}Z"): round(_kelvin(model, which) - 273.15, 2)
            for model, both in self.manifests.items()
            for which, manifest in enumerate(both)
        }


def _kelvin(model: str, which: int) -> float:
    # No mix of two of them is a third.
    number = 2 * MODELS.index(model) + which
    return _FIRST + number + 0.03 * number**2


def newest_run(now: datetime) -> datetime:
    """A run of all of them."""
    return now.replace(hour=now.hour // 6 * 6, minute=0, second=0, microsecond=0)


def write_exchange(folder: Path, models: tuple[str, ...] = MODELS, box: Box = BOX) -> Exchange:
    """Every variable at every lead on the models' own grids, in a box; the newer runs are named."""
    newest = newest_run(datetime.now(UTC))
    found = {}
    for model in models:
        both = []
        for which in (0, 1):
            declared = flow_named(model).model
            schema = full_schema(declared, newest - which * APART)
            grid = declared.grid.crop(declared.grid.window(box))
            # Exchanging them is not to make them stale.
            schema = replace(schema, grid=grid, freshness=Freshness(720, 1440, 7200))
            if declared.static and not which:
                _publish_ground(folder, full_ground(declared, schema), box)
            both.append(_publish(folder, schema, _kelvin(model, which), 2 - which))
        found[model] = (both[0], both[1])
    exchange = Exchange(folder, found)
    for model in models:
        exchange.name(model, 0)
    return exchange


def _publish(folder: Path, schema: StoreSchema, kelvin: float, generation: int) -> Manifest:
    path = folder / store_key(schema.model, schema.init_time)
    # Its offset is stored as step nought: every value is exact.
    rows = (replace(row, add_offset=kelvin) if row.name == _MARK else row for row in schema.variables)
    schema = replace(schema, variables=tuple(rows))
    write_full_store(path, schema, lambda done, total: None, constant=frozenset({_MARK}))
    data = path.read_bytes()
    return Manifest(
        model=schema.model,
        init_time=schema.init_time,
        key=store_key(schema.model, schema.init_time),
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        generation=generation,
        leads=len(schema.lead_times),
        last_lead=schema.lead_times[-1],
        published_at=schema.init_time,
        freshness=schema.freshness,
    )


def _publish_ground(folder: Path, schema: StoreSchema, box: Box) -> None:
    path = folder / f".{schema.model}.static"
    write_full_store(path, schema, lambda done, total: None)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    publish_static(path, schema.model, schema.init_time, box, digest, open_bucket(str(folder)))
    path.unlink()


def strangers(answer: dict[str, Any], degrees: dict[tuple[str, str], float], names: dict[str, str]) -> set[float]:
    """Temperatures of an answer in SI units that no run has which its `flags` name, nor two of them by quarters.

    names: of a source -> its model.
    """
    flags = answer["flags"]
    named = set(flags["sourceTimes"].items()) | set(flags.get("previousTimes", {}).items())
    own = [degrees[names.get(source, source), time] for source, time in named]
    allowed = np.array([one + (other - one) * part / 4 for one in own for other in own for part in range(4)])
    points = [answer["currently"], *answer["hourly"]["data"]]
    told = {point["temperature"] for point in points if "temperature" in point}
    return {value for value in told if np.abs(allowed - value).min() > 0.006}


def places(count: int, box: Box = BOX) -> NDArray[np.float64]:
    """[count, 2] latitudes and longitudes within the box, half a degree from its sides."""
    chance = np.random.default_rng(1)
    lats = chance.uniform(box.south + 0.5, box.north - 0.5, count)
    return np.stack((lats, chance.uniform(box.west + 0.5, box.east - 0.5, count)), axis=1).round(3)
