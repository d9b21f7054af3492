"""Mirrors that lack, refuse, stall or break off: the next one is asked, and what may pass is waited for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployments.simulator.server import Fault, serve
from tasks.errors import NoMirrorLeft
from tasks.mirrors import Patience
from tests.tasks.fetching import RESIGNED, Fetch, check

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


def test_a_mirror_whose_file_is_wrong_is_not_asked_again_while_another_recovers(
    fetch: Fetch, bucket: Path, toy: SimpleNamespace, tmp_path: Path
) -> None:
    good = toy.write_run(tmp_path / "good")
    path = bucket / toy.main.data_path(toy.run, 2)
    data = bytearray(path.read_bytes())
    data[30] ^= 0xFF
    path.write_bytes(data[:-9])
    with serve(bucket) as wrong, serve(good, [Fault("*", status=503, times=20)]) as recovering:
        (result,) = fetch(wrong.url, recovering.url)
        asked = wrong.paths()
    check(result, toy)
    assert result.missing == ()
    index = toy.main.index_path(toy.run, 2)
    assert sum(one.endswith(index) for one in asked) == 1


def test_an_optional_file_that_no_mirror_has_yet_is_late(fetch: Fetch, bucket: Path, toy: SimpleNamespace) -> None:
    absent, failing = Fault("*secondary*", status=404), Fault("*secondary*", status=503)
    with serve(bucket, [absent]) as lacks, serve(bucket, [failing]) as broken, serve(bucket) as whole:
        for mirrors, late in (((lacks,), True), ((lacks, broken), True), ((broken,), False), ((lacks, whole), False)):
            (result,) = fetch(*(mirror.url for mirror in mirrors))
            assert result.late == (("secondary",) if late else ())


def test_an_optional_file_may_be_absent(fetch: Fetch, bucket: Path, toy: SimpleNamespace) -> None:
    (bucket / toy.secondary.index_path(toy.run, 2)).unlink()
    (result,) = fetch(bucket)
    assert result.missing == (toy.uv.name,)
    assert "does not exist" in result.problems[0]
    # A folder is not waited for.
    assert result.late == ()
    with serve(bucket, [Fault("*secondary*", status=503)]) as server:
        (result,) = fetch(server.url)
    assert result.missing == (toy.uv.name,)


@pytest.mark.parametrize("fault", TRANSIENT, ids=str)
def test_a_passing_fault_is_waited_out_on_the_same_mirror(
    fetch: Fetch, bucket: Path, toy: SimpleNamespace, fault: Fault
) -> None:
    with serve(bucket, [fault]) as server:
        (result,) = fetch(server.url)
    check(result, toy)
    assert result.missing == ()
    assert not [problem for problem in result.problems if "main" in problem]


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


def test_a_file_that_no_mirror_has_yet_is_waited_for(
    fetch: Fetch, bucket: Path, toy: SimpleNamespace, hasty: Patience
) -> None:
    patience = replace(hasty, not_yet=60.0, first_delay=0.001, longest_delay=0.001)
    with serve(bucket, [Fault("*main.f002*", status=404, times=20)]) as server:
        (result,) = fetch(server.url, patience=patience)
    check(result, toy)
    assert result.missing == ()


def test_no_secret_of_a_mirror_is_told_or_staged(fetch: Fetch, bucket: Path) -> None:
    with serve(bucket) as server:
        secret = server.url.replace("//", "//user:hunter2@") + "?sig=hunter2"
        (result,) = fetch(secret)
        assert result.missing == ()
        assert "hunter2" not in str(result)
    with pytest.raises(NoMirrorLeft) as raised:
        fetch(secret, patience=RESIGNED)
    assert "hunter2" not in str(raised.value)
