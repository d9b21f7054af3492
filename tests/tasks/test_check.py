"""The check finds what it is there to find."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.layout import SHARD
from storage.reader import Store
from storage.schema import Freshness, StoreSchema
from storage.variables import Statistic
from storage.writer import StoreWriter, encode_band
from tasks.check import check_store
from tasks.errors import CheckFailed
from tasks.wanted import Bucket, Level, StagedMessage, Wanted
from tasks.write import RunFacts, write_store

RUN = datetime(2026, 4, 20, tzinfo=UTC)
FACTS = RunFacts("gfs", RUN, Freshness(330, 400, 7200), "someone", "free")
WARM = Wanted("air_temperature_2m", (), Level(103, 2))
RAIN = Wanted("precipitation_amount_surface", (), Level(1), statistic=Statistic.ACCUMULATION, bucket=Bucket.INTERVAL)
WANTED = (WARM, RAIN)
PLACES = np.arange(23 * 25).reshape(23, 25)


def written(messages: list[StagedMessage], folder: Path) -> Path:
    return write_store(
        FACTS, WANTED, messages, folder / "run.zarr.zip", box=None, scratch=folder, provenance={},
        progress=lambda done, total: None,
    ).path  # fmt: skip


def run(stage: Any, warmer: float = 0.0, wetter: float = 0.0, **plane: Any) -> list[StagedMessage]:
    messages = [
        stage.field(270 + PLACES / 30 + lead + warmer, interval=(lead * 60, lead * 60), **plane) for lead in (0, 1, 2)
    ]
    return messages + [
        stage.field(PLACES / 100 * lead + wetter, "precipitation_amount_surface", (0, lead * 60), **plane)
        for lead in (1, 2)
    ]


def rewritten(path: Path, edit: Any) -> Path:
    """The same store with other values: edit(name, [time, rows, x])."""
    other = path.with_name("other.zarr.zip")
    with Store.open(path) as store:
        schema = store.schema
        with StoreWriter(other, schema) as writer:
            for row in range(-(-schema.grid.ny // SHARD)):
                writer.append(
                    encode_band(schema, row, lambda name, row=row: edit(name, _band(store, schema, row, name)))
                )
    return other


def _band(store: Store, schema: StoreSchema, row: int, name: str) -> Any:
    steps = np.concatenate([store.block(row, column) for column in range(-(-schema.grid.nx // SHARD))], axis=3)
    stored = schema.variables[store.index[name]]
    values = steps[store.index[name]] * stored.scale_factor + stored.add_offset
    return np.where(steps[store.index[name]] == -32768, np.nan, values).astype(np.float32)


@pytest.mark.parametrize(("northward", "westward", "columns_first", "alternating"), [*product((False, True), repeat=4)])
def test_a_right_store_passes_whatever_the_scanning_mode(
    stage: Any, made: Any, tmp_path: Path, northward: bool, westward: bool, columns_first: bool, alternating: bool
) -> None:
    plane = made.Plane(
        lat0=40.0, dlat=0.25 if northward else -0.25, ny=23, nx=25, westward=westward, columns_first=columns_first,
        alternating=alternating,
    )  # fmt: skip
    messages = run(stage, plane=plane)
    seen: list[tuple[int, int]] = []
    assert check_store(written(messages, tmp_path), WANTED, messages, progress=lambda *pair: seen.append(pair)) == 16
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("edition", [1, 2])
def test_gaps_agree_too(stage: Any, tmp_path: Path, edition: int) -> None:
    holed = np.where(PLACES % 2 == 0, np.nan, 270 + PLACES / 30)
    messages = [stage.field(holed, interval=(0, lead * 60), edition=edition) for lead in range(2)]
    assert check_store(written(messages, tmp_path), WANTED, messages) == 8


def test_the_pole_is_left_out(stage: Any, made: Any, tmp_path: Path) -> None:
    plane = made.Plane(lat0=90.0, dlat=-90.0, ny=3, lon0=0.0, dlon=5.0, nx=72)
    messages = [stage.field(270 + np.arange(3 * 72).reshape(3, 72) / 10, plane=plane)]
    assert check_store(written(messages, tmp_path), WANTED, messages) == 4


@pytest.mark.parametrize(
    ("edit", "variable"),
    [
        (lambda name, values: values + 0.02 * (name == "air_temperature_2m"), "air_temperature_2m"),
        (lambda name, values: values[:, :, ::-1], "air_temperature_2m"),
        (lambda name, values: np.full_like(values, np.nan), "air_temperature_2m"),
        (lambda name, values: values[::-1] if name == "precipitation_amount_surface" else values, "precipitation"),
        (lambda name, values: values * (1 if name == "air_temperature_2m" else 0.9), "precipitation"),
    ],
    ids=["a little warmer", "mirrored", "empty", "rain backwards in time", "a tenth of the rain lost"],
)
def test_a_wrong_store_is_found_out(stage: Any, tmp_path: Path, edit: Any, variable: str) -> None:
    messages = run(stage, wetter=1.0)
    wrong = rewritten(written(messages, tmp_path), edit)
    with pytest.raises(CheckFailed) as caught:
        check_store(wrong, WANTED, messages)
    text = str(caught.value)
    assert text.startswith("gfs 2026-04-20T00:00Z: ")
    for told in (variable, "at lead", "https://mirror.test/", "at cell (", "the message says", "the store"):
        assert told in text


def test_a_store_of_another_place_is_found_out(stage: Any, made: Any, tmp_path: Path) -> None:
    there = [stage.field(270 + PLACES / 30, plane=made.Plane(lat0=40.0, ny=23, nx=25))]
    elsewhere = [stage.field(270 + PLACES / 30, plane=made.Plane(lat0=-10.0, ny=23, nx=25))]
    with pytest.raises(CheckFailed, match=r"the message's nearest point is \d+\.\d degrees away"):
        check_store(written(there, tmp_path), WANTED, elsewhere)


def test_a_variable_that_did_not_get_in_is_found_out(stage: Any, tmp_path: Path) -> None:
    messages = run(stage)
    path = written(messages[:3], tmp_path)
    with pytest.raises(CheckFailed, match=r"precipitation_amount_surface at lead . h .* is not in"):
        check_store(path, WANTED, messages)


def test_values_that_were_set_missing_on_purpose_pass(stage: Any, tmp_path: Path) -> None:
    messages = [stage.field(np.where(PLACES == 7, 600.0, 280.0), interval=(0, lead * 60)) for lead in range(3)]
    path = written([replace(message) for message in messages], tmp_path)
    assert check_store(path, WANTED, messages) == 8
