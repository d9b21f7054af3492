"""What dies under a real Prefect server: who notices, what is done about it, and that people are told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from flows.freshness import freshness
from storage.folder import FolderBucket
from tasks.incidents import Kind, find_incident
from tests.fixtures.yard import family_of, kill, until

HttpSink = Callable[..., AbstractContextManager[Any]]
SHORT = timedelta(seconds=10)
"""The shortest window that Prefect takes for what does not happen."""


def titles(sink: Any) -> list[str]:
    """First lines of what a receiver was told: by the server, a text; by freshness, a notice."""
    return [told.get("title") or told["text"].splitlines()[0] for told in sink.told]


def test_a_worker_and_its_run_are_killed_and_people_are_told_once(
    lossless: Any, yard: Any, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deployments.bootstrap.alarms import Windows

    with http_sink() as sink, yard(sink.url, windows=Windows(silence=SHORT)) as it:
        it.landed.add(0)
        run = it.client.create_flow_run_from_deployment(it.deployment("gfs").id).id
        with it.worker() as worker:
            until(it.waits_for(1), "a run that waits for lead 1")
            until(lambda: it.events("prefect.flow-run.heartbeat", run), "a sign of life")
            kill(family_of(worker))
            until(lambda: it.client.read_flow_run(run).state.is_crashed(), "the server notices the dead run")
        assert it.client.read_flow_run(run).state.message == "no sign of life: its process or its machine is gone"
        until(lambda: "windlass: work pool windlass has no worker" in titles(sink), "the server tells of the pool")
        (teller,) = until(lambda: it.started_by_the_server("freshness"), "the server starts freshness")
        assert not teller.state.is_final()

        with it.worker():
            until(lambda: it.client.read_flow_run(teller.id).state.is_completed(), "freshness looks")
            until(lambda: "windlass: work pool windlass has a worker" in titles(sink), "the server tells of the pool")
        incident = find_incident(FolderBucket(it.windlass.bucket), "gfs", Kind.CRASHED)
        assert incident
        assert incident.flow_run == str(run)
        # Whoever looks next has nothing more to tell.
        for name, value in it.env.items():
            if name.startswith("WINDLASS_"):
                monkeypatch.setenv(name, value)
        monkeypatch.setenv("PREFECT_API_URL", lossless.url)
        freshness()
        told = titles(sink)
        pool = [title.rpartition(" has ")[2] for title in told if "work pool" in title]
        assert pool == ["a worker", "no worker", "a worker"]
        assert len([title for title in told if "gfs crashed" in title]) == 1, told
        assert len(it.started_by_the_server("freshness")) == 1


def test_what_waits_is_left_alone_and_what_does_not_begin_is_ended(
    lossless: Any, yard: Any, http_sink: HttpSink
) -> None:
    """No worker is there: the runs go through the states that workers and Prefect's engine bring them into."""
    from prefect.states import AwaitingRetry, Paused, Pending, Running, Scheduled

    from deployments.bootstrap.alarms import Windows

    def made(name: str, *states: Any) -> UUID:
        run: UUID = it.client.create_flow_run_from_deployment(it.deployment(name).id, state=states[0]).id
        for state in states[1:]:
            it.client.set_flow_run_state(run, state, force=True)
        return run

    def state(run: UUID) -> Any:
        return it.client.read_flow_run(run).state

    def tellers() -> list[Any]:
        return list(it.started_by_the_server("freshness"))

    begun = datetime.now(UTC)
    later = begun + timedelta(days=1)
    with http_sink() as sink, yard(sink.url, windows=Windows(SHORT, SHORT, SHORT, SHORT)) as it:
        waiting = [
            made("gfs", Scheduled(), Pending(), Running(), AwaitingRetry(scheduled_time=later)),
            made("gfs", Scheduled(), Pending(), Running(), Paused(timeout_seconds=3600)),
            made("gfs", Scheduled(), Scheduled(scheduled_time=later, name="AwaitingConcurrencySlot")),
        ]
        # Its process died before its first heartbeat was on the way.
        dead = made("gfs", Scheduled(), Pending(), Running())
        stranded = made("ifs", Scheduled(), Pending())
        late = made("gfs", Scheduled())
        until(lambda: state(dead).is_crashed(), "the run without a sign of life is ended")
        until(lambda: state(stranded).is_crashed(), "the run that its worker never started is ended")
        assert state(stranded).message.startswith("never started")
        assert [state(run).name for run in waiting] == ["AwaitingRetry", "Paused", "AwaitingConcurrencySlot"]
        # Both ended within one pause: freshness is started once for them, and once for the late run of a model.
        until(lambda: len(tellers()) == 2, "freshness is started")
        # No worker is there for it, and the next one is due.
        until(lambda: all(run.state.is_cancelled() for run in tellers()), "the chores that are too late are cancelled")
        assert {run.state.message for run in tellers()} == {"outdated: the next one is due already"}
        reasons = Counter(run.created_by.display_value for run in tellers())
        assert reasons == {"windlass: run ended badly": 1, "windlass: run late": 1}
        # The model's run waits on, which freshness was told once.
        assert state(late).name == "Late"
        failed = "select payload from events where event = 'prefect.automation.action.failed'"
        assert lossless.sql(f"{failed} and occurred >= '{begun}'") == []
        assert sink.told == []


def test_that_nobody_looks_is_told_until_somebody_does(lossless: Any, yard: Any, http_sink: HttpSink) -> None:
    from prefect.states import Completed, Pending, Running

    from deployments.bootstrap.alarms import Windows

    with http_sink() as sink, yard(sink.url, windows=Windows(blind=SHORT)) as it:
        until(lambda: sink.told, "the server tells that nobody looks")
        assert titles(sink)[0] == "windlass: freshness has not completed for 0 minutes"
        mine = "automation_id = (select id from automation where name = 'windlass: nobody looks')"

        def window() -> list[str]:
            return list(lossless.sql(f"select start, count from automation_bucket where {mine}"))

        def look() -> None:
            run = it.client.create_flow_run_from_deployment(it.deployment("freshness").id).id
            for state in (Pending(), Running(), Completed()):
                it.client.set_flow_run_state(run, state, force=True)

        # Somebody looks in each of two windows: the one between them ends without a word.
        look()
        first = until(lambda: [row for row in window() if row.endswith("|1")], "a window in which somebody looked")
        before = len(sink.told)
        until(lambda: window() and window() != first, "its end")
        assert len(sink.told) == before
