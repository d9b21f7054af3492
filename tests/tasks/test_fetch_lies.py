"""What indexes and servers say is not believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployments.simulator.server import Fault, serve
from tasks.ask import LeadOrder
from tasks.errors import DiskFull
from tasks.fetch import fetch_leads
from tasks.mirrors import Patience
from tests.tasks.fetching import Fetch, check


@pytest.mark.parametrize("over_http", [False, True])
@pytest.mark.parametrize(
    "lie", ["swapped lines", "shifted offsets", "beyond the end", "longer than any disk", "a line left out", "no text"]
)
def test_a_lying_index_is_found_out_and_the_file_scanned(
    fetch: Fetch, bucket: Path, toy: SimpleNamespace, lie: str, over_http: bool
) -> None:
    index = bucket / toy.main.index_path(toy.run, 2)
    lines = index.read_text().splitlines()
    if lie == "swapped lines":
        names_ = [line.split(":", 3)[3] for line in lines]
        names_[1], names_[2] = names_[2], names_[1]
        lines = [":".join([*line.split(":", 3)[:3], name]) for line, name in zip(lines, names_, strict=True)]
    elif lie in ("shifted offsets", "beyond the end"):
        by = 7 if lie == "shifted offsets" else 10_000_000
        lines = [f"{line.split(':')[0]}:{int(line.split(':')[1]) + by}:{line.split(':', 2)[2]}" for line in lines]
    elif lie == "longer than any disk":
        number, _, rest = lines[3].split(":", 2)
        lines[3] = f"{number}:{10**30}:{rest}"
    elif lie == "a line left out":
        del lines[1]
    else:
        lines = ["<html>not today</html>"]
    index.write_text("\n".join(lines))
    if over_http:
        with serve(bucket) as server:
            (result,) = fetch(server.url)
    else:
        (result,) = fetch(bucket)
    check(result, toy)
    assert result.missing == ()
    assert len(result.problems) == 1
    assert "the file was scanned instead" in result.problems[0]


def test_an_index_of_another_run_is_found_out(fetch: Fetch, bucket: Path, toy: SimpleNamespace) -> None:
    index = bucket / toy.main.index_path(toy.run, 2)
    index.write_text(index.read_text().replace("2026042006", "2026042000"))
    (result,) = fetch(bucket)
    check(result, toy)
    assert "not of the run 2026-04-20T06Z" in result.problems[0]


def test_a_scan_that_finds_a_broken_file_leads_to_the_next_mirror(
    fetch: Fetch, bucket: Path, toy: SimpleNamespace, tmp_path: Path
) -> None:
    good = toy.write_run(tmp_path / "good")
    path = bucket / toy.main.data_path(toy.run, 2)
    data = bytearray(path.read_bytes())
    data[len(toy.grib2(toy.temperature, (2, 2))) + 30] ^= 0xFF
    path.write_bytes(data[:-9])
    (result,) = fetch(bucket, good)
    check(result, toy)
    assert set(result.mirrors) == {"mirror1", "mirror2"}
    assert any(str(path) in problem for problem in result.problems)


def test_a_mislabelled_message_is_not_staged(fetch: Fetch, bucket: Path, toy: SimpleNamespace) -> None:
    lines = [toy.Line(toy.temperature, (3, 3)), toy.Line(toy.humidity, (2, 2)), toy.Line(toy.rain, (1, 2))]
    path = toy.write_file(bucket, toy.main, 2, lines)
    index = path.with_name(path.name + ".idx")
    index.write_text(index.read_text().replace("3 hour fcst", "2 hour fcst"))
    (result,) = fetch(bucket)
    check(result, toy)
    assert result.missing == (toy.temperature.name,)


def test_a_lying_index_on_a_server_that_ignores_ranges_leads_to_the_next_mirror(
    fetch: Fetch, bucket: Path, toy: SimpleNamespace, tmp_path: Path
) -> None:
    good = toy.write_run(tmp_path / "good")
    (bucket / toy.main.index_path(toy.run, 2)).write_text("")
    with serve(bucket, [Fault("*", ignore_range=True)]) as server:
        (result,) = fetch(server.url, good)
    check(result, toy)
    assert any("ignores ranges" in problem for problem in result.problems)


def test_a_server_that_ignores_ranges_is_read_once_and_not_to_its_end(
    fetch: Fetch, bucket: Path, toy: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.haul.GAP", 0)
    path = bucket / toy.main.data_path(toy.run, 2)
    with path.open("ab") as file:
        file.truncate(path.stat().st_size + 200_000_000)
    with serve(bucket, [Fault("*", ignore_range=True)]) as server:
        (result,) = fetch(server.url)
    check(result, toy)
    assert result.missing == ()
    assert result.bytes < 2_000_000
    # One request per range that found it out, and one that read the file.
    assert server.paths().count(toy.main.data_path(toy.run, 2)) <= 3


def test_a_disk_too_small_for_what_the_index_lists_is_full_at_once(
    order: Callable[..., LeadOrder], fat: Path, small_disk: Path, hasty: Patience
) -> None:
    with serve(fat) as server:
        with pytest.raises(DiskFull, match=r"no room in .* for f002\.grib2, of which 0 bytes are written"):
            list(fetch_leads([replace(order([server.url]), folder=small_disk)], hasty))
        # The index, and how long the file is.
        assert len(server.asked) == 2
    with serve(fat, [Fault("*", ignore_range=True)]) as server, pytest.raises(DiskFull):
        list(fetch_leads([replace(order([server.url]), folder=small_disk)], hasty))
