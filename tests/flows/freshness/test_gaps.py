"""What a published run lacks is told once, until it changes or ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flows.freshness import freshness
from flows.lookout import look_at, settle
from flows.report import IngestReport, Outcome
from storage.folder import FolderBucket
from storage.manifest import Manifest, manifest_key
from storage.schema import Whole
from tasks.incidents import Kind, find_incident, records_in
from tasks.telling import tell_pending
from tests.flows.freshness.looks import LANDED, RUN, HttpSink, Published, kinds


def report_of(manifest: Manifest) -> IngestReport:
    return IngestReport(
        outcome=Outcome.PUBLISHED,
        model=manifest.model,
        init_time=manifest.init_time,
        key=manifest.key,
        leads=[0],
        manifest={},
    )


@pytest.mark.parametrize("killed", [False, True])
def test_gaps_and_withheld_fields_are_told_once_until_they_change_or_end(
    bucket: FolderBucket, published: Published, http_sink: HttpSink, killed: bool
) -> None:
    """Also where the publisher was killed before it could settle: whoever looks next finds them in the manifest."""
    from tasks.receivers import Webhook

    gap, gone = ["wind_gust_10m: 3-9/3"], {"cape_surface": "99 % NaN at 3 h, its normal is 2 %"}
    story: list[tuple[list[str], dict[str, str]]] = [
        (gap, {}),
        (["wind_gust_10m: 12"], {}),
        (gap, gone),
        ([], {}),
        ([], {}),
    ]
    heard = []
    with http_sink() as sink:
        for number, (missing, withheld) in enumerate(story):
            manifest = published(run=RUN + timedelta(hours=6 * number), missing=missing, withheld=withheld)
            now = manifest.init_time + LANDED
            for _ in range(2):
                if not killed:
                    settle(bucket, report_of(manifest), now, "id", "http://ui/id")
                look_at(bucket, "gfs", now)
                tell_pending(bucket, [Webhook("hook", sink.url)], lambda now=now: now)
            heard.append([body["title"].removeprefix("windlass: ") for body in sink.told])
            sink.told.clear()
    assert heard == [
        ["gfs incomplete"],
        [],
        ["gfs with fields withheld"],
        ["gfs no longer incomplete; gfs no longer with fields withheld"],
        [],
    ]


def test_a_withheld_field_is_told_with_its_reason_and_run(bucket: FolderBucket, published: Published) -> None:
    manifest = published(withheld={"cape_surface": "99 % NaN"})
    settle(bucket, report_of(manifest), RUN + LANDED, "id", "http://ui/id")
    incident = find_incident(bucket, "gfs", Kind.WITHHELD)
    assert incident
    assert incident.reason == "withheld cape_surface, 99 % NaN"
    assert incident.run == "gfs 2026-04-20T00Z"
    assert incident.link == "http://ui/id"


def test_who_did_not_say_what_a_run_lacks_closes_nothing(bucket: FolderBucket, published: Published) -> None:
    published(missing=["wind_gust_10m: 3"], withheld={"cape_surface": "99 % NaN"})
    look_at(bucket, "gfs", RUN + LANDED)
    published()
    look_at(bucket, "gfs", RUN + LANDED)
    assert kinds(bucket) == ["gfs-partial", "gfs-withheld"]


def test_who_looks_at_an_older_manifest_does_not_close_what_a_newer_one_opened(
    bucket: FolderBucket, published: Published
) -> None:
    whole = published(missing=[], withheld={})
    published(missing=["wind_gust_10m: 3"], withheld={"cape_surface": "99 % NaN"})
    look_at(bucket, "gfs", RUN + LANDED)
    bucket.write(manifest_key("gfs"), whole.to_bytes())
    look_at(bucket, "gfs", RUN + LANDED)
    assert kinds(bucket) == ["gfs-partial", "gfs-withheld"]


WHOLE = Whole(209, 388)
WAITED = timedelta(minutes=389)


def test_a_stage_with_nothing_behind_it_is_told_once_and_over_when_the_rest_comes(
    bucket: FolderBucket, published: Published, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(leads=121, whole=WHOLE, missing=[], withheld={})
    with http_sink() as sink:
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", sink.url)
        assert not freshness(now=RUN + WAITED - timedelta(minutes=1)).red
        for hours in range(3):
            report = freshness(now=RUN + WAITED + timedelta(hours=hours))
            assert report.red
        (told,) = sink.told
        assert told["title"] == "windlass: gfs incomplete"
        words = "121 of its 209 leads are published, up to 384 h; the others were waited for until 2026-04-20 06:28Z"
        assert told["reason"] == words
        assert words in report.in_words()
        published(leads=209, whole=WHOLE, missing=[], withheld={})
        assert not freshness(now=RUN + WAITED + timedelta(hours=3)).red
    assert [body["title"] for body in sink.told[1:]] == ["windlass: gfs no longer incomplete"]


def test_last_leads_that_fail_run_after_run_are_one_incident(bucket: FolderBucket, published: Published) -> None:
    ids = []
    for number in range(3):
        run = RUN + timedelta(hours=6 * number)
        published(run=run, leads=121, whole=WHOLE, missing=[], withheld={})
        for now in (run + LANDED, run + WAITED):
            look_at(bucket, "gfs", now)
            ids += [record.id for record in records_in(bucket) if not record.ended]
    assert len(ids) == 5
    assert len(set(ids)) == 1
    published(run=run, leads=209, whole=WHOLE, missing=["wind_gust_10m: 3"], withheld={})
    look_at(bucket, "gfs", run + WAITED)
    incident = find_incident(bucket, "gfs", Kind.PARTIAL)
    assert incident
    assert incident.reason == "published without wind_gust_10m: 3"
