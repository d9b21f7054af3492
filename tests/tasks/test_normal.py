"""What is kept of a published run for the next run's gate, and for how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.bucket import open_bucket
from storage.errors import ManifestError
from storage.grids import LatLonGrid
from storage.schema import Freshness, StoreSchema
from storage.variables import variable
from tasks.normal import OLD, Statistics, keep_statistics, read_statistics, statistics_of
from tasks.statistics import Measured

RUN = datetime(2026, 4, 20, tzinfo=UTC)
GRID = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)
WARM, RAIN = "air_temperature_2m", "precipitation_amount_surface"


def schema(after: timedelta = timedelta(0)) -> StoreSchema:
    return StoreSchema("gfs", RUN + after, (0,), (), GRID, Freshness(1, 2, 3), "", "")


def fields(name: str = WARM, mean: float = 280.0, count: int = 25, minutes: int = 60) -> Measured:
    steps = np.arange(count, dtype=np.float64)
    return Measured(
        variable(name), 684, (60 * steps).astype(np.int64), np.full(count, minutes), 0 * steps + 0.25, 0 * steps,
        mean + steps - 5, mean + steps, mean + steps + 5, 0 * steps, 0 * steps,
    )  # fmt: skip


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    bucket = open_bucket(str(tmp_path))
    assert read_statistics(bucket, "gfs") is None
    hole = replace(fields(RAIN, 6.0, minutes=180), mean=np.append(np.nan, np.arange(24.0)))
    kept = statistics_of(schema(), [fields(), hole], None)
    keep_statistics(bucket, kept)
    assert bucket.list() == ["gfs/statistics.json"]
    again = read_statistics(bucket, "gfs")
    assert again == kept
    normals = kept.normals(schema())
    warm = normals[WARM]
    assert (warm.missing, warm.means, warm.spread, warm.whole_day) == (0.25, (280.0, 304.0), 10.0, True)
    # Amounts of three hours, per hour.
    assert normals[RAIN].means == pytest.approx((0.0, 23.0 / 3))
    assert normals[RAIN].spread == pytest.approx(10.0 / 3)


def test_another_grid_has_no_normal() -> None:
    kept = statistics_of(schema(), [fields()], None)
    elsewhere = replace(schema(), grid=replace(GRID, nx=35))
    assert kept.normals(elsewhere) == {}
    assert statistics_of(elsewhere, [], kept).variables == {}


def test_a_variable_without_any_value_or_name_has_no_normal() -> None:
    nothing = replace(fields(), mean=np.full(25, np.nan))
    kept = statistics_of(schema(), [nothing], None)
    assert kept.normals(schema()) == {}
    renamed = kept.model_copy(update={"variables": {"no_such_thing": kept.variables[WARM]}})
    assert renamed.normals(schema()) == {}


def test_what_was_withheld_is_compared_with_what_last_passed() -> None:
    """Or a fault that stays would be normal the day after."""
    first = statistics_of(schema(), [fields(), fields(RAIN, 1.0)], None)
    second = statistics_of(schema(timedelta(hours=6)), [fields(RAIN, 2.0)], first)
    assert second.variables[WARM] == first.variables[WARM]
    assert second.variables[RAIN].init_time == RUN + timedelta(hours=6)
    assert WARM not in statistics_of(schema(OLD + timedelta(hours=6)), [], second).variables


def test_the_first_leads_of_a_run_do_not_replace_a_whole_one() -> None:
    whole = statistics_of(schema(), [fields()], None)
    staged = statistics_of(schema(timedelta(hours=6)), [fields(count=4)], whole)
    assert staged.variables[WARM].init_time == RUN
    later = statistics_of(schema(timedelta(hours=6)), [fields()], staged)
    assert later.variables[WARM].init_time == RUN + timedelta(hours=6)


@pytest.mark.parametrize("spoil", [b"", b"{}", b"[1]", None])
def test_statistics_that_cannot_be_read_say_what_to_do(tmp_path: Path, spoil: Any) -> None:
    bucket = open_bucket(str(tmp_path))
    kept = statistics_of(schema(), [fields()], None)
    short = kept.variables[WARM].model_copy(update={"low": [1.0]})
    data = kept.model_copy(update={"variables": {WARM: short}}).model_dump_json().encode()
    bucket.write("gfs/statistics.json", data if spoil is None else spoil)
    with pytest.raises(
        ManifestError, match=r"gfs/statistics\.json holds no statistics .*: delete it, and the next run"
    ):
        read_statistics(bucket, "gfs")
    assert Statistics.model_validate_json(kept.model_dump_json()) == kept
