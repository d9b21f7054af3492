"""Many events at once on a real Prefect server on PostgreSQL: none is lost, and one run of a model works at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.fixtures.yard import until

STORM = 200
"""Events: one in ten says that leads arrived, the others are signs of life of a run."""


def test_of_many_events_at_once_none_is_lost_and_one_run_works(lossless: Any, yard: Any) -> None:
    import httpx
    from prefect import get_client
    from prefect.states import Pending, Running

    def event(number: int, run: str) -> dict[str, Any]:
        arrived = {
            "event": "windlass.leads.arrived",
            "resource": {"prefect.resource.id": "windlass.model.ifs", "prefect.resource.name": "ifs"},
        }
        beat = {
            "event": "prefect.flow-run.heartbeat",
            "resource": {"prefect.resource.id": f"prefect.flow-run.{run}"},
            "related": [{"prefect.resource.id": "prefect.tag.windlass", "prefect.resource.role": "tag"}],
        }
        facts = beat if number % 10 else arrived
        return {"id": str(uuid4()), "occurred": datetime.now(UTC).isoformat(), "payload": {}, **facts}

    async def storm(run: str) -> None:
        async with httpx.AsyncClient(base_url=lossless.url, timeout=120) as client:
            posts = (client.post("/events", json=[event(number, run)]) for number in range(STORM))
            answers = await asyncio.gather(*posts)
        assert {answer.status_code for answer in answers} == {204}

    async def take(runs: list[Any]) -> None:
        """What as many workers would do that hear of the runs at the same moment."""
        async with get_client() as client:
            await asyncio.gather(*(client.set_flow_run_state(run, Pending()) for run in runs))

    with yard(leads=()) as it:
        beating = it.client.create_flow_run_from_deployment(it.deployment("gfs").id).id
        it.client.set_flow_run_state(beating, Running(), force=True)
        since = datetime.now(UTC)
        asyncio.run(storm(str(beating)))
        # Before its schedules were paused the clock may have made a run, too.
        until(lambda: len(it.started_by_the_server("ifs")) >= STORM // 10, "a flow run for each arrival")
        resources = f"resource_id in ('windlass.model.ifs', 'prefect.flow-run.{beating}')"
        kept = f"select count(*) from events where occurred >= '{since}' and {resources}"
        until(lambda: int(lossless.sql(kept)[0]) >= STORM, "each event kept")
        runs = it.started_by_the_server("ifs")
        assert len(runs) == STORM // 10
        asyncio.run(take([run.id for run in runs]))
        # One that waits for its turn may be called late by a server that had begun to.
        states = Counter(run.state.type.value for run in it.started_by_the_server("ifs"))
        assert states == {"PENDING": 1, "SCHEDULED": STORM // 10 - 1}


def test_what_is_older_than_its_retention_goes(prefect_server: Any, yard: Any) -> None:
    """As deployments/prefect.env says: runs of three weeks, events of one."""
    from prefect.states import Completed, Pending, Running

    with yard(leads=()) as it:
        runs = [it.client.create_flow_run_from_deployment(it.deployment("ifs").id).id for _ in range(3)]
        for run in runs:
            for state in (Pending(), Running(), Completed()):
                it.client.set_flow_run_state(run, state, force=True)
        old, young, new = runs
        until(lambda: it.events("prefect.flow-run.Completed", new), "the newest event")

        def date(days: int, run: Any) -> None:
            then = f"'{datetime.now(UTC) - timedelta(days=days)}'"
            prefect_server.sql(f"update flow_run set end_time = {then} where id = '{run}'")

        def age(days: int, run: Any) -> None:
            then = f"'{datetime.now(UTC) - timedelta(days=days)}'"
            prefect_server.sql(f"update events set occurred = {then} where resource_id = 'prefect.flow-run.{run}'")

        date(20, young)
        date(22, old)
        age(6, young)
        age(8, new)
        until(lambda: old not in [run.id for run in it.runs("ifs")], "the run of 22 days goes")
        left = f"select count(*) from events where resource_id = 'prefect.flow-run.{new}'"
        until(lambda: prefect_server.sql(left) == ["0"], "the events of 8 days go")
        assert {run.id for run in it.runs("ifs") if not run.auto_scheduled} == {young, new}
        assert prefect_server.sql(f"select count(*) from events where resource_id = 'prefect.flow-run.{young}'") != [
            "0"
        ]
