"""What the API must say of a run at the world's place: read from the files upstream with ecCodes, not by us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import eccodes

from deployments.chaos.upstream import LAT, LON, Upstream
from flows.model import Model

NAMES = {"2t": "temperature", "prmsl": "pressure", "msl": "pressure"}
"""Short names of ecCodes, and the fields of an answer that they become."""
KINDS = {(0, 0), (0, 3)}
"""Discipline and category of temperatures and of pressures."""
ZERO_CELSIUS, PASCALS = 273.15, 100.0
NEAR = {"temperature": 0.016, "pressure": 0.016}
"""An answer is rounded to 0.01, what it is made of to the step of its message."""


@dataclass(frozen=True)
class Truth:
    """`values`: (model, init_time) -> valid_time -> field -> value, in degrees Celsius and hectopascals."""

    values: dict[tuple[str, datetime], dict[datetime, dict[str, float]]]

    def at(self, model: str, init_time: datetime, valid_time: datetime) -> dict[str, float] | None:
        """What a run says, between two leads on the straight line; None before its first and after its last."""
        leads = self.values[model, init_time]
        before = max((time for time in leads if time <= valid_time), default=None)
        after = min((time for time in leads if time >= valid_time), default=None)
        if before is None or after is None:
            return None
        part = (valid_time - before) / (after - before) if after > before else 0.0
        return {name: value + part * (leads[after][name] - value) for name, value in leads[before].items()}

    def agrees(self, model: str, init_time: datetime, valid_time: datetime, told: dict[str, float]) -> bool:
        """Whether all that was told is what that run says of that time."""
        said = self.at(model, init_time, valid_time)
        return said is not None and all(abs(told[name] - said[name]) <= NEAR[name] for name in told)


def truth_of(upstream: Upstream) -> Truth:
    """Every lead of every run there is. Raises ValueError where two runs cannot be told apart."""
    values = {
        (model.name, init_time): {
            init_time + timedelta(hours=lead): _read(upstream.folder / model.products[0].data_path(init_time, lead))
            for lead in model.leads(init_time)
        }
        for model in upstream.models
        for init_time in upstream.init_times
    }
    truth = Truth(values)
    for model in upstream.models:
        _require_differences(truth, model, upstream)
    return truth


def _require_differences(truth: Truth, model: Model, upstream: Upstream) -> None:
    for init_time in upstream.init_times:
        others = [(other, one) for other in upstream.models for one in upstream.init_times]
        for other, one in others:
            if (other.name, one) == (model.name, init_time):
                continue
            shared = [
                (mine, theirs)
                for hours in model.leads(init_time)
                if (mine := truth.at(model.name, init_time, init_time + timedelta(hours=hours)))
                and (theirs := truth.at(other.name, one, init_time + timedelta(hours=hours)))
            ]
            alike = [all(abs(mine[name] - theirs[name]) <= 2 * NEAR[name] for name in NEAR) for mine, theirs in shared]
            if shared and all(alike):
                raise ValueError(f"{model.name} {init_time} and {other.name} {one} say the same: nobody sees a mixture")


def _read(path: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    with path.open("rb") as file:
        while (message := eccodes.codes_grib_new_from_file(file)) is not None:
            # Short names take long to find: of temperatures and pressures alone.
            kind = tuple(eccodes.codes_get(message, key) for key in ("discipline", "parameterCategory"))
            name = NAMES.get(eccodes.codes_get(message, "shortName")) if kind in KINDS else None
            if name is not None:
                found[name] = _value(message, name)
            eccodes.codes_release(message)
    return found


def _value(message: int, name: str) -> float:
    lats, lons, values = (eccodes.codes_get_array(message, key) for key in ("latitudes", "longitudes", "values"))
    (point,) = [number for number, place in enumerate(zip(lats, lons, strict=True)) if place == (LAT, LON)]
    value = float(values[point])
    return value - ZERO_CELSIUS if name == "temperature" else value / PASCALS
