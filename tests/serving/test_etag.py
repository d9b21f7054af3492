"""Tags follow answers: another one where another answer is made, the same one everywhere else and on every machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from serving.etag import Tags
from serving.forecast import build_forecast
from serving.lifetime import moment_of
from serving.options import ForecastOptions
from serving.places import Place, timezone_at
from serving.sampling import Sampler
from serving.stores import Stores
from storage.grids import LatLonGrid
from tests.serving.client import INIT, NOW

ROOT = Path(__file__).parents[2]
ALPS = LatLonGrid(50.0, -0.5, 12, 5.0, 0.5, 24)
ZURICH, TOKYO = Place(47.4, 8.5, "Europe/Zurich"), Place(35.7, 139.7, "Asia/Tokyo")
NOW_ONLY = ForecastOptions(exclude=frozenset({"hourly", "daily"}))
HOURS = ForecastOptions(exclude=frozenset({"currently", "minutely", "daily"}))


def opened(folder: Path) -> Stores:
    stores = Stores(folder)
    stores.check()
    return stores


def tag(stores: Stores, place: Place = ZURICH, options: ForecastOptions = HOURS, now: datetime = NOW) -> str:
    return Tags(stores.snapshot).of(Sampler(place), options, now).tag


def body(stores: Stores, place: Place, options: ForecastOptions, now: datetime) -> bytes:
    """What is answered at the moment that holds now."""
    snapshot = stores.snapshot
    time = Tags(snapshot).of(Sampler(place), options, now).moment.time
    return build_forecast(place, snapshot.runs, options, time, snapshot.troubled, snapshot.pasts).body


@pytest.fixture(scope="module")
def two(weather_store: Any, publish: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GFS everywhere, and IFS of the Alps."""
    folder = tmp_path_factory.mktemp("two")
    publish(folder, weather_store("gfs", INIT))
    publish(folder, weather_store("ifs", INIT), grid=ALPS)
    return folder


@pytest.mark.parametrize("place", [ZURICH, TOKYO], ids=["zurich", "tokyo"])
@pytest.mark.parametrize("options", [NOW_ONLY, HOURS], ids=["now", "hours"])
def test_equal_tags_are_equal_answers_over_two_hours(two: Path, place: Place, options: ForecastOptions) -> None:
    """In them both runs turn late (6:40). Hours: tags change where bodies do."""
    stores = opened(two)
    bodies: dict[str, set[bytes]] = {}
    changes = 0
    last = None
    for second in range(0, 2 * 3600, 29):
        now = INIT + timedelta(hours=5, minutes=50, seconds=second)
        told = tag(stores, place, options, now)
        bodies.setdefault(told, set()).add(body(stores, place, options, now))
        changes += told != last
        last = told
    assert all(len(same) == 1 for same in bodies.values())
    assert len(bodies) == changes
    if options is HOURS:
        assert changes == len({one for same in bodies.values() for one in same}) == 4
    else:
        assert changes == 120


def test_a_run_that_is_exchanged_changes_the_answers_of_its_places(
    two: Path, weather_store: Any, publish: Any, tmp_path: Path
) -> None:
    shutil.copytree(two, tmp_path, dirs_exist_ok=True)
    stores = opened(tmp_path)
    before = {place: (tag(stores, place), body(stores, place, HOURS, NOW)) for place in (ZURICH, TOKYO)}
    publish(tmp_path, weather_store("ifs", INIT + timedelta(hours=6)), grid=ALPS)
    stores.check()
    after = {place: (tag(stores, place), body(stores, place, HOURS, NOW)) for place in (ZURICH, TOKYO)}
    assert after[TOKYO] == before[TOKYO]
    assert after[ZURICH][0] != before[ZURICH][0]
    assert after[ZURICH][1] != before[ZURICH][1]
    without = replace(HOURS, exclude=HOURS.exclude | {"ifs"})
    assert tag(stores, ZURICH, without) == tag(opened(two), ZURICH, without)


def test_the_same_run_published_again_with_other_numbers_has_another_tag(
    series_store: Any, publish: Any, tmp_path: Path
) -> None:
    tags = set()
    for degrees in (280.0, 281.0):
        publish(tmp_path, series_store("gfs", INIT, range(99), {"air_temperature_2m": degrees}))
        tags.add(tag(opened(tmp_path)))
    assert len(tags) == 2


ELSEWHERE = """
import sys
from datetime import datetime
from pathlib import Path
from tests.serving.test_etag import HOURS, NOW_ONLY, TOKYO, ZURICH, opened, tag
from dataclasses import replace

now = datetime.fromisoformat(sys.argv[2])
asked = [replace(NOW_ONLY, extra=frozenset("abcdef")), HOURS]
print(*(tag(opened(Path(sys.argv[1])), place, options, now) for place in (ZURICH, TOKYO) for options in asked))
"""


def test_every_machine_of_a_fleet_gives_the_same_tags(two: Path, tmp_path: Path) -> None:
    """Copies in other folders, with other inodes and times, that took another way there; other seeds of hashes."""
    shutil.copytree(two, tmp_path / "copy", copy_function=shutil.copyfile)
    told = {
        subprocess.run(
            [sys.executable, "-c", ELSEWHERE, str(folder), NOW.isoformat()],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, folder in enumerate((two, tmp_path / "copy"))
    }
    assert len(told) == 1
    assert len(set(told.pop().split())) == 4


def test_tags_do_not_tell_which_model_was_here_first(two: Path, tmp_path: Path) -> None:
    shutil.copytree(two / "ifs", tmp_path / "ifs")
    stores = opened(tmp_path)
    shutil.copytree(two / "gfs", tmp_path / "gfs")
    stores.check()
    assert [state.model for state in stores.snapshot.models] == ["ifs", "gfs"]
    assert tag(stores) == tag(opened(two))


def test_every_option_is_part_of_the_tag(two: Path) -> None:
    """Also those that come to be later: none is left out by its type."""
    stores = opened(two)
    plain = ForecastOptions()
    others = [
        replace(plain, units="si"), replace(plain, extend_hourly=True), replace(plain, version=2),
        replace(plain, lang="de"), replace(plain, extra=frozenset({"stationPressure"})),
        replace(plain, exclude=frozenset({"daily"})), replace(plain, include=frozenset({"day_night_forecast"})),
        replace(plain, hourly_indices=(1, 2)), replace(plain, blocks=frozenset({"currently"})),
        replace(plain, nearest=True), replace(plain, provenance=True), replace(plain, missing="null"),
    ]  # fmt: skip
    tags = {tag(stores, ZURICH, options) for options in (plain, *others)}
    assert len(tags) == 1 + len(others)
    assert tag(stores, replace(ZURICH, lat=47.41), plain) not in tags


@pytest.mark.parametrize(
    ("lat", "lon"), [(27.7, 85.3), (-31.5, 159.1), (51.5, 0.0), (40.7, -74.0), (-44.0, -176.5)],
    ids=["kathmandu", "lord-howe", "london", "new-york", "chatham"],
)  # fmt: skip
def test_a_moment_holds_now_and_one_offset_of_the_local_clock(lat: float, lon: float) -> None:
    """All through the days on which clocks leap in 2026: nothing that hours tell changes within a moment."""
    place = Place(lat, lon, timezone_at(lat, lon))
    for day in ("2026-03-08", "2026-03-29", "2026-04-04", "2026-09-26", "2026-10-03", "2026-10-25", "2026-11-01"):
        begin = datetime.fromisoformat(f"{day}T00:00+00:00")
        for minute in range(0, 1440, 7):
            now = begin + timedelta(minutes=minute)
            moment = moment_of(place, HOURS, now, ())
            assert moment.start <= now.timestamp() < moment.end <= moment.start + 3600
            local, told = now.astimezone(zone := ZoneInfo(place.timezone)), moment.time.astimezone(zone)
            assert (local.utcoffset(), local.hour, local.date()) == (told.utcoffset(), told.hour, told.date())


def test_tags_hold_for_one_snapshot_only(two: Path) -> None:
    stores = opened(two)
    tags = Tags(stores.snapshot)
    assert tags.hold(stores.snapshot)
    assert not tags.hold(replace(stores.snapshot))
