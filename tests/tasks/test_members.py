"""Members of an ensemble that each have a file of their own: fetched together, one may be missing, not too many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deployments.simulator.server import serve
from tasks.ask import LeadOrder
from tasks.entry import Target
from tasks.errors import NoMirrorLeft, NoRunFound
from tasks.fetch import LEADS_AT_ONCE, LeadResult, fetch_leads
from tasks.find import find_run
from tasks.grib import fields
from tasks.mirrors import Patience
from tasks.wanted import IndexKind, Mirror, Product
from tests.tasks.messages import RAIN, RUN, TEMPERATURE, Line, write_file

PATH = "ens.{init_time:%Y%m%d%H}/ge{member}.f{lead:03d}"
ENSEMBLE = Product(
    "main",
    PATH,
    PATH + ".idx",
    IndexKind.IDX,
    members=(0, 1, 2, 3),
    files=("c00", "p01", "p02", "p03"),
    at_least=3,
)
WANTED = (TEMPERATURE, RAIN)
Fetch = Callable[..., LeadResult]


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """Lead 2 of RUN, a file a member."""
    return write_lead(tmp_path / "bucket", 2)


def write_lead(folder: Path, lead: int) -> Path:
    for file in ENSEMBLE.apart():
        (member,) = file.members
        lines = [
            Line(row, (lead - 1 if row is RAIN else lead, lead), fill=10 * member, member=member) for row in WANTED
        ]
        write_file(folder, file, lead, lines)
    return folder


@pytest.fixture
def fetch(tmp_path: Path, hasty: Patience) -> Fetch:
    def fetch(mirror: str | Path, arriving: bool = False) -> LeadResult:
        mirrors = (Mirror("mirror", str(mirror)),)
        order = LeadOrder("toy", RUN, 2, (ENSEMBLE,), WANTED, mirrors, tmp_path / "staged")
        (result,) = fetch_leads([order], hasty, arriving=arriving)
        return result

    return fetch


def drop(bucket: Path, *members: int, lead: int = 2) -> None:
    for file in ENSEMBLE.apart():
        if file.members[0] in members:
            for path in (file.data_path(RUN, lead), file.index_path(RUN, lead)):
                (bucket / path).unlink()


def test_each_member_is_a_file_and_a_product_of_its_own() -> None:
    files = ENSEMBLE.apart()
    assert [file.data_path(RUN, 2) for file in files][:2] == ["ens.2026042006/gec00.f002", "ens.2026042006/gep01.f002"]
    assert [file.members for file in files] == [(0,), (1,), (2,), (3,)]
    assert ENSEMBLE.index_path(RUN, 2) == "ens.2026042006/gec00.f002.idx"


def test_too_little_is_there_with_fewer_members_than_it_takes() -> None:
    target = Target.of(ENSEMBLE, RUN, 2, WANTED)
    slots = {slot for _, slot in target.slots()}
    assert target.missing(slots) == []
    assert target.missing({slot for slot in slots if slot.member}) == []
    assert target.missing({slot for slot in slots if slot.member in (1, 2) or slot.variable == RAIN.name}) == [
        TEMPERATURE
    ]
    whole = Target.of(replace(ENSEMBLE, at_least=0), RUN, 2, WANTED)
    assert whole.missing({slot for slot in slots if slot.member}) == [TEMPERATURE, RAIN]


def test_all_members_of_a_lead_come(fetch: Fetch, bucket: Path) -> None:
    with serve(bucket) as server:
        result = fetch(server.url)
    assert {message.slot for message in result.messages} == {
        slot for _, slot in Target.of(ENSEMBLE, RUN, 2, WANTED).slots()
    }
    assert result.missing == result.problems == ()
    for message in result.messages:
        data = Path(message.blob).read_bytes()[message.offset : message.offset + message.length]
        assert fields(data)[0].member == message.member
        assert f"ge{'p' if message.member else 'c'}{message.member:02d}" in message.url


@pytest.mark.parametrize("lost", [0, 2, 3])
@pytest.mark.parametrize("arriving", [True, False])
def test_a_missing_member_makes_a_smaller_ensemble(fetch: Fetch, bucket: Path, lost: int, arriving: bool) -> None:
    drop(bucket, lost)
    with serve(bucket) as server:
        result = fetch(server.url, arriving)
    assert {message.member for message in result.messages} == {0, 1, 2, 3} - {lost}
    assert result.missing == ()
    assert f"lead 2: 3 of 4 members came, not {ENSEMBLE.files[lost]}" in result.problems


@pytest.mark.parametrize("arriving", [True, False])
def test_a_member_that_was_waited_for_in_vain_is_asked_for_once_at_later_leads(
    bucket: Path, tmp_path: Path, hasty: Patience, arriving: bool
) -> None:
    """Member 1 lacks all leads but the last but one."""
    leads = range(2, 12)
    for lead in leads:
        write_lead(bucket, lead)
        if lead != 10:
            drop(bucket, 1, lead=lead)
    # So that a file that is not there is asked for again as long as it is waited for.
    patient = replace(hasty, not_yet=0.2, first_delay=0.01, longest_delay=0.01)
    with serve(bucket) as server:
        mirrors = (Mirror("mirror", server.url),)
        orders = [LeadOrder("toy", RUN, lead, (ENSEMBLE,), WANTED, mirrors, tmp_path / "staged") for lead in leads]
        results = list(fetch_leads(orders, patient, arriving=arriving))
    asked = Counter(one.path for one in server.asked)
    lost = ENSEMBLE.apart()[1]
    times = [asked[lost.index_path(RUN, lead)] for lead in leads]
    assert sorted(result.lead for result in results) == list(leads)
    assert all({message.member for message in result.messages} >= {0, 2, 3} for result in results)
    # The first leads are under way together; whether the last one knows that lead 10 has come is a matter of luck.
    assert all(count > 1 for count in times[:LEADS_AT_ONCE]), times
    assert times[LEADS_AT_ONCE:-1] == [1] * (len(times) - LEADS_AT_ONCE - 1)


def test_too_few_members_are_no_ensemble(fetch: Fetch, bucket: Path, tmp_path: Path) -> None:
    drop(bucket, 0, 3)
    with serve(bucket) as server:
        with pytest.raises(NoMirrorLeft, match="2 of 4 members came, at least 3 are needed"):
            fetch(server.url)
        assert "2 of 4 members" in fetch(server.url, arriving=True).absent
    assert list((tmp_path / "staged").glob("*.json")) == []


def test_a_lead_of_which_no_member_has_come_is_not_there_yet(fetch: Fetch, bucket: Path) -> None:
    drop(bucket, 0, 1, 2, 3)
    with serve(bucket) as server:
        result = fetch(server.url, arriving=True)
    assert result.absent
    assert result.messages == ()


def test_the_first_member_or_the_last_tells_that_a_run_is_there(bucket: Path, hasty: Patience) -> None:
    mirrors = [Mirror("mirror", str(bucket))]
    drop(bucket, 0)
    (found, lead), _ = find_run(mirrors, ENSEMBLE, [(RUN, 2)], "toy", hasty)
    assert (found, lead) == (RUN, 2)
    drop(bucket, 3)
    with pytest.raises(NoRunFound):
        find_run(mirrors, ENSEMBLE, [(RUN, 2)], "toy", hasty)
