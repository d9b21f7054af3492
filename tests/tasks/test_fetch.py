from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployments.simulator.server import Fault, serve
from tasks.errors import DiskFull, NoMirrorLeft
from tasks.fetch import LeadOrder, LeadResult, fetch_leads
from tasks.grib import fields
from tasks.mirrors import Patience
from tasks.wanted import Mirror

Fetch = Callable[..., list[LeadResult]]

RESIGNED = Patience(first_delay=1e9, longest_delay=1e9, not_yet=0.0)
"""Would wait so long before trying again that the deadline passes: gives up at once."""


@pytest.fixture
def order(toy: SimpleNamespace, tmp_path: Path) -> Callable[..., LeadOrder]:
    """order(mirrors, lead): one lead of the toy run."""

    def order(mirrors: Sequence[str | Path], lead: int = 2) -> LeadOrder:
        return LeadOrder(
            model="toy",
            init_time=toy.run,
            lead=lead,
            products=toy.products,
            wanted=tuple(row for row in toy.wanted if row.from_lead <= lead),
            mirrors=tuple(Mirror(f"mirror{number}", str(base)) for number, base in enumerate(mirrors, 1)),
            folder=tmp_path / "staged",
        )

    return order


@pytest.fixture
def fetch(order: Callable[..., LeadOrder], hasty: Patience) -> Fetch:
    """fetch(mirror, ..., leads=...): the results of the toy run's leads, sorted."""

    def fetch(*mirrors: str | Path, leads: Sequence[int] = (2,), patience: Patience = hasty) -> list[LeadResult]:
        orders = [order(mirrors, lead) for lead in leads]
        return sorted(fetch_leads(orders, patience), key=lambda result: result.lead)

    return fetch


def check(result: LeadResult, toy: SimpleNamespace) -> None:
    """Every message of a result is the one that was wanted, whole, where the record says."""
    for message in result.messages:
        wanted = next(row for row in toy.wanted if row.name == message.variable)
        data = Path(message.blob).read_bytes()[message.offset : message.offset + message.length]
        field = fields(data)[message.field]
        assert field.parameter in wanted.parameters
        assert field.statistic == wanted.statistic
        assert field.interval == message.interval
        assert message.lead == result.lead * 60 == message.interval[1]
        assert field.init_time == toy.run
        assert "?" not in message.url


def names(result: LeadResult) -> set[str]:
    return {message.variable for message in result.messages}


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


def test_a_required_variable_that_one_mirror_lacks_comes_from_the_next(
    fetch: Fetch, bucket: Path, toy: SimpleNamespace, tmp_path: Path
) -> None:
    toy.write_file(bucket, toy.main, 2, [toy.Line(toy.temperature, (2, 2)), toy.Line(toy.humidity, (2, 2))])
    good = toy.write_run(tmp_path / "good")
    (result,) = fetch(bucket, good)
    check(result, toy)
    assert result.missing == ()
    (alone,) = fetch(bucket)
    assert alone.missing == (toy.rain.name,)


def test_a_variable_that_one_mirror_lacks_is_waited_for_while_another_recovers(
    fetch: Fetch, bucket: Path, toy: SimpleNamespace, tmp_path: Path
) -> None:
    good = toy.write_run(tmp_path / "good")
    toy.write_file(bucket, toy.main, 2, [toy.Line(toy.temperature, (2, 2)), toy.Line(toy.humidity, (2, 2))])
    with serve(good, [Fault("*", status=503, times=20)]) as recovering:
        (result,) = fetch(bucket, recovering.url)
    check(result, toy)
    assert result.missing == ()
    assert result.mirrors == ("mirror1", "mirror2")


def test_an_optional_file_may_be_absent(fetch: Fetch, bucket: Path, toy: SimpleNamespace) -> None:
    (bucket / toy.secondary.index_path(toy.run, 2)).unlink()
    (result,) = fetch(bucket)
    assert result.missing == (toy.uv.name,)
    assert "does not exist" in result.problems[0]
    with serve(bucket, [Fault("*secondary*", status=503)]) as server:
        (result,) = fetch(server.url)
    assert result.missing == (toy.uv.name,)


TRANSIENT = [
    Fault("*", times=1, status=302, headers=(("Location", "https://example.invalid/robot"),)),
    Fault("*", times=1, status=429, headers=(("Retry-After", "0"),)),
    Fault("*", times=1, status=500),
    Fault("*", times=2, status=503),
    Fault("*main.f002", times=1, close_after=100),
    Fault("*main.f002", times=1, reset_after=100),
    Fault("*main.f002.idx", times=1, close_after=10),
    Fault("*main.f002.idx", times=1, reset_after=0),
]


@pytest.mark.parametrize("fault", TRANSIENT, ids=str)
def test_a_passing_fault_is_waited_out_on_the_same_mirror(
    fetch: Fetch, bucket: Path, toy: SimpleNamespace, fault: Fault
) -> None:
    with serve(bucket, [fault]) as server:
        (result,) = fetch(server.url)
    check(result, toy)
    assert result.missing == ()
    assert not [problem for problem in result.problems if "main" in problem]


LASTING = [
    (Fault("*main*", status=302, headers=(("Location", "/robot"),)), "HTTP 302"),
    (Fault("*main*", status=403), "HTTP 403"),
    (Fault("*main*", status=404), "HTTP 404"),
    (Fault("*main.f002", status=404), "HTTP 404"),
    (Fault("*main.f002", status=416), "HTTP 416"),
    (Fault("*main*", status=429, headers=(("Retry-After", "7000"),)), "HTTP 429"),
    (Fault("*main*", status=503), "HTTP 503"),
    (Fault("*main.f002", close_after=100), "ended early"),
    (Fault("*main.f002", reset_after=100), "ended early|ClientOSError|reset"),
    (Fault("*main.f002", cut=300), "too few for its index|cut short"),
    (Fault("*main.f002", instead="run.2026042006/main.f003"), "main.f002"),
    (Fault("*main.f002", flip=tuple(range(0, 5000, 50))), "main.f002"),
]


@pytest.mark.parametrize(("fault", "words"), LASTING, ids=lambda value: str(value)[:60])
def test_a_lasting_fault_leads_to_the_next_mirror_and_is_told(
    fetch: Fetch, bucket: Path, toy: SimpleNamespace, fault: Fault, words: str
) -> None:
    with serve(bucket, [fault]) as bad, serve(bucket) as good:
        (result,) = fetch(bad.url, good.url)
    check(result, toy)
    assert result.missing == ()
    assert "mirror2" in result.mirrors
    told = "\n".join(result.problems)
    assert bad.url in told
    assert any(word in told for word in words.split("|"))


@pytest.mark.parametrize(("fault", "words"), LASTING[:8], ids=lambda value: str(value)[:60])
def test_no_mirror_left_names_model_run_lead_url_and_what_to_do(
    fetch: Fetch, bucket: Path, fault: Fault, words: str
) -> None:
    with serve(bucket, [fault]) as server, pytest.raises(NoMirrorLeft) as raised:
        fetch(server.url, patience=RESIGNED)
    said = str(raised.value)
    assert said.startswith("toy 2026-04-20T06Z lead 2: ")
    assert server.url in said
    assert words in said
    assert "--mirror" in said


def test_a_stalled_mirror_is_given_up(fetch: Fetch, bucket: Path, toy: SimpleNamespace, hasty: Patience) -> None:
    impatient = replace(hasty, stall=0.1, tries=2)
    with serve(bucket, [Fault("*main.f002", stall_after=100)]) as stalled, serve(bucket) as good:
        (result,) = fetch(stalled.url, good.url, patience=impatient)
    check(result, toy)
    assert any("stalled" in problem for problem in result.problems)


def test_a_creeping_mirror_is_given_up(fetch: Fetch, bucket: Path, toy: SimpleNamespace, hasty: Patience) -> None:
    impatient = replace(hasty, connect=0.1, stall=0.1, bytes_per_second=1e8, tries=1)
    with serve(bucket, [Fault("*main.f002", bytes_per_second=400.0)]) as creeping, serve(bucket) as good:
        (result,) = fetch(creeping.url, good.url, patience=impatient)
    check(result, toy)
    assert any("took over" in problem for problem in result.problems)


def test_nobody_listens(fetch: Fetch, bucket: Path, toy: SimpleNamespace) -> None:
    with serve(bucket) as server:
        gone = server.url
    (result,) = fetch(gone, bucket)
    check(result, toy)
    with pytest.raises(NoMirrorLeft, match=f"mirror1: {gone}.*cannot be reached"):
        fetch(gone, patience=RESIGNED)


def test_a_dead_mirror_is_asked_last_by_the_leads_that_follow(fetch: Fetch, bucket: Path, toy: SimpleNamespace) -> None:
    toy.write_run(bucket, range(20))
    with serve(bucket, [Fault("*", status=503)]) as dead, serve(bucket) as good:
        results = fetch(dead.url, good.url, leads=range(20))
    assert len(results) == 20
    # Four leads at once may have begun before the first of them had tried three times.
    assert len(dead.asked) <= 4 * 3


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


def test_a_lying_index_on_a_server_that_ignores_ranges_leads_to_the_next_mirror(
    fetch: Fetch, bucket: Path, toy: SimpleNamespace, tmp_path: Path
) -> None:
    good = toy.write_run(tmp_path / "good")
    (bucket / toy.main.index_path(toy.run, 2)).write_text("")
    with serve(bucket, [Fault("*", ignore_range=True)]) as server:
        (result,) = fetch(server.url, good)
    check(result, toy)
    assert any("ignores ranges" in problem for problem in result.problems)


def test_a_file_that_no_mirror_has_yet_is_waited_for(
    fetch: Fetch, bucket: Path, toy: SimpleNamespace, hasty: Patience
) -> None:
    patience = replace(hasty, not_yet=60.0, first_delay=0.001, longest_delay=0.001)
    with serve(bucket, [Fault("*main.f002*", status=404, times=20)]) as server:
        (result,) = fetch(server.url, patience=patience)
    check(result, toy)
    assert result.missing == ()


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


def test_no_secret_of_a_mirror_is_told_or_staged(fetch: Fetch, bucket: Path) -> None:
    with serve(bucket) as server:
        secret = server.url.replace("//", "//user:hunter2@") + "?sig=hunter2"
        (result,) = fetch(secret)
        assert result.missing == ()
        assert "hunter2" not in str(result)
    with pytest.raises(NoMirrorLeft) as raised:
        fetch(secret, patience=RESIGNED)
    assert "hunter2" not in str(raised.value)


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


@pytest.fixture
def fat(bucket: Path, toy: SimpleNamespace) -> Path:
    """A mirror whose lead 2 has wanted messages of 24 MB each, the last without a length in the index."""
    path = bucket / toy.main.data_path(toy.run, 2)
    messages = [swell(toy.grib2(row, (2 - row.from_lead, 2)), 24_000_000) for row in toy.wanted[:3]]
    path.write_bytes(b"".join(messages))
    names_ = ("TMP:2 m above ground:2 hour fcst", "RH:2 m above ground:2 hour fcst", "APCP:surface:1-2 hour acc fcst")
    path.with_name(path.name + ".idx").write_text(
        "".join(f"{i + 1}:{i * len(messages[0])}:d=2026042006:{name}:\n" for i, name in enumerate(names_))
    )
    return bucket


def swell(message: bytes, by: int) -> bytes:
    """A message whose data section has `by` more bytes, which nothing but its length tells."""
    position = 16
    while message[position + 4] != 7:
        position += int.from_bytes(message[position : position + 4], "big")
    size = int.from_bytes(message[position : position + 4], "big")
    head = message[:8] + (len(message) + by).to_bytes(8, "big") + message[16:position]
    return head + (size + by).to_bytes(4, "big") + message[position + 4 : position + size] + bytes(by) + b"7777"


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
