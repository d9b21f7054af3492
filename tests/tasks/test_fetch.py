"""Leads come whole and verified, into one blob each, in bounded memory and on any disk."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployments.simulator.server import Fault, serve
from tasks.ask import LeadOrder
from tasks.errors import DiskFull, NoMirrorLeft
from tasks.fetch import fetch_leads
from tasks.mirrors import Patience
from tests.tasks.fetching import Fetch, check, names


def test_leads_come_whole_and_verified_from_a_folder(fetch: Fetch, bucket: Path, toy: SimpleNamespace) -> None:
    results = fetch(bucket, leads=(0, 1, 2, 3))
    assert [result.lead for result in results] == [0, 1, 2, 3]
    for result in results:
        check(result, toy)
        assert names(result) == {row.name for row in toy.wanted if row.from_lead <= result.lead}
        assert result.missing == result.problems == ()
        assert result.mirrors == ("mirror1",)
    rain = next(message for message in results[3].messages if message.variable == toy.rain.name)
    assert rain.interval == (120, 180)


def test_only_the_wanted_messages_are_fetched_and_neighbours_in_one_request(
    fetch: Fetch, bucket: Path, toy: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.haul.GAP", 10)
    with serve(bucket) as server:
        (result,) = fetch(server.url)
    check(result, toy)
    asked = [asked for asked in server.asked if not asked.path.endswith(".idx")]
    main = toy.main.data_path(toy.run, 2)
    assert len([one for one in asked if one.path == main]) == 2
    assert result.bytes == sum(message.length for message in result.messages)
    assert sum(message.length for message in result.messages) == Path(result.messages[0].blob).stat().st_size


def test_a_small_gap_is_fetched_too_but_not_kept(fetch: Fetch, bucket: Path, toy: SimpleNamespace) -> None:
    with serve(bucket) as server:
        (result,) = fetch(server.url)
    check(result, toy)
    assert len(server.asked) == 4
    assert result.bytes > sum(message.length for message in result.messages)
    assert sum(message.length for message in result.messages) == Path(result.messages[0].blob).stat().st_size


def test_a_record_survives_json(fetch: Fetch, bucket: Path) -> None:
    (result,) = fetch(bucket)
    assert json.loads(json.dumps(asdict(result)))["messages"][0]["interval"] == list(result.messages[0].interval)


def test_fields_of_one_message_are_told_apart(fetch: Fetch, bucket: Path, toy: SimpleNamespace) -> None:
    path = bucket / toy.main.data_path(toy.run, 2)
    both = toy.two_fields(toy.grib2(toy.temperature, (2, 2)), toy.grib2(toy.humidity, (2, 2)))
    rain = toy.grib2(toy.rain, (1, 2))
    path.write_bytes(both + rain)
    path.with_name(path.name + ".idx").write_text(
        "1.1:0:d=2026042006:TMP:2 m above ground:2 hour fcst:\n"
        "1.2:0:d=2026042006:RH:2 m above ground:2 hour fcst:\n"
        f"2:{len(both)}:d=2026042006:APCP:surface:1-2 hour acc fcst:\n"
    )
    (result,) = fetch(bucket)
    check(result, toy)
    found = {message.variable: message for message in result.messages}
    assert (found[toy.temperature.name].field, found[toy.humidity.name].field) == (0, 1)
    assert found[toy.temperature.name].offset == found[toy.humidity.name].offset


def test_leads_under_way_come_before_the_failure_of_another(
    order: Callable[..., LeadOrder], bucket: Path, toy: SimpleNamespace, hasty: Patience
) -> None:
    (bucket / toy.main.data_path(toy.run, 0)).unlink()
    came: list[int] = []
    with pytest.raises(NoMirrorLeft, match=r"toy 2026-04-20T06Z lead 0: .*main\.f000 does not exist"):
        came.extend(result.lead for result in fetch_leads([order([bucket], lead) for lead in (0, 1, 2, 3)], hasty))
    assert sorted(came) == [1, 2, 3]
    staged = sorted(path.name for path in (bucket.parent / "staged").iterdir())
    assert staged == ["f001.grib2", "f002.grib2", "f003.grib2"]


def test_an_abandoned_fetch_leaves_no_part_and_no_connection(
    order: Callable[..., LeadOrder], bucket: Path, hasty: Patience
) -> None:
    with serve(bucket, [Fault("*main.f003", stall_after=10)]) as server:
        results = fetch_leads([order([server.url], lead) for lead in (0, 3)], hasty)
        assert next(results).lead == 0
        results.close()  # type: ignore[attr-defined]
    assert [path.name for path in (bucket.parent / "staged").iterdir()] == ["f000.grib2"]


def test_nothing_ordered_is_nothing_fetched() -> None:
    assert list(fetch_leads([])) == []


def test_memory_does_not_depend_on_the_length_of_messages(fetch: Fetch, fat: Path, toy: SimpleNamespace) -> None:
    fetch(fat, leads=(1,))
    tracemalloc.start()
    try:
        (result,) = fetch(fat)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    check(result, toy)
    assert min(message.length for message in result.messages if message.variable != toy.uv.name) > 24_000_000
    assert most < 12_000_000


@pytest.mark.parametrize("over_http", [False, True])
def test_a_message_that_fails_halfway_leaves_nothing_behind(
    fetch: Fetch, fat: Path, toy: SimpleNamespace, tmp_path: Path, over_http: bool
) -> None:
    good = toy.write_run(tmp_path / "good")
    path = fat / toy.main.data_path(toy.run, 2)
    with path.open("r+b") as file:
        file.truncate(30_000_000)
    if over_http:
        with serve(fat) as server:
            (result,) = fetch(server.url, good)
    else:
        (result,) = fetch(fat, good)
    check(result, toy)
    assert result.missing == ()
    assert result.mirrors == ("mirror1", "mirror2")
    assert sum(message.length for message in result.messages) == Path(result.messages[0].blob).stat().st_size


def test_a_full_disk_is_named(fetch: Fetch, bucket: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    (tmp_path / "staged").mkdir()
    (tmp_path / "staged" / "f002.grib2.part").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match=r"no room in .*staged for f002\.grib2.*--work"):
        fetch(bucket)


def test_a_part_that_a_killed_fetch_left_is_written_anew(
    fetch: Fetch, bucket: Path, tmp_path: Path, toy: SimpleNamespace
) -> None:
    (tmp_path / "staged").mkdir()
    (tmp_path / "staged" / "f002.grib2.part").write_bytes(bytes(1_000_000))
    (result,) = fetch(bucket)
    check(result, toy)
    assert [path.name for path in (tmp_path / "staged").iterdir()] == ["f002.grib2"]
    assert (tmp_path / "staged" / "f002.grib2").stat().st_size < 1_000_000


def test_two_threads_fetch_at_once(
    order: Callable[..., LeadOrder], bucket: Path, hasty: Patience, toy: SimpleNamespace
) -> None:
    toy.write_run(bucket, range(1, 17))
    with serve(bucket) as server, ThreadPoolExecutor(2) as threads:
        groups = [[order([server.url], lead) for lead in leads] for leads in (range(1, 9), range(9, 17))]
        results = list(chain.from_iterable(threads.map(lambda group: list(fetch_leads(group, hasty)), groups)))
    assert sorted(result.lead for result in results) == list(range(1, 17))
    for result in results:
        check(result, toy)
        assert result.missing == ()
