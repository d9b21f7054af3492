"""What the Prefect server tells of the flow runs of models and chores: which ended, and which do not begin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from prefect import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL
from prefect.utilities.urls import url_for

from flows.errors import ServerSilent
from flows.lookout import Job

LOOK_BACK = timedelta(days=2)
STRANDED_AFTER = timedelta(minutes=15)
"""A run that is PENDING for so long has lost the worker that took it; one that is Late so long has none."""


def ended_and_stranded(flows: Sequence[str], bucket: str, now: datetime) -> tuple[list[Job], list[Job]]:
    """Flow runs of the last two days that ended, newest first, and those that should have begun and do not.

    Runs that publish to another bucket than `bucket` are left out. Raises ServerSilent.
    """
    named = FlowFilter(name=FlowFilterName(any_=list(flows)))
    over = FlowRunFilterState(
        type=FlowRunFilterStateType(any_=[StateType.COMPLETED, StateType.FAILED, StateType.CRASHED])
    )
    pending = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING]))
    late = FlowRunFilterState(name=FlowRunFilterStateName(any_=["Late"]))
    due = FlowRunFilterExpectedStartTime(before_=now - STRANDED_AFTER)  # type: ignore[arg-type]
    lately = FlowRunFilterEndTime(after_=now - LOOK_BACK)  # type: ignore[arg-type]
    try:
        with get_client(sync_client=True) as client:
            names = {flow.id: flow.name for flow in client.read_flows(flow_filter=named)}
            if not names:
                return [], []
            ended = client.read_flow_runs(
                flow_filter=named,
                flow_run_filter=FlowRunFilter(state=over, end_time=lately),
                sort=FlowRunSort.END_TIME_DESC,
                limit=200,
            )
            waiting = [
                run
                for state in (pending, late)
                for run in client.read_flow_runs(
                    flow_filter=named, flow_run_filter=FlowRunFilter(state=state, expected_start_time=due), limit=200
                )
            ]
    except Exception as error:
        # httpx and Prefect each have errors of their own for a server that is gone, starting, or ill.
        raise ServerSilent(
            f"the Prefect server at {urlsplit(PREFECT_API_URL.value() or '').netloc} does not answer: "
            f"{type(error).__name__}"
        ) from error
    jobs = [job_of(run, names[run.flow_id]) for run in ended if _publishes_to(run, bucket)]
    stranded = [job_of(run, names[run.flow_id]) for run in waiting]
    return jobs, [job for job in stranded if now - job.since >= STRANDED_AFTER or job.state == "Late"]


def job_of(run: FlowRun, flow: str, state: Any = None) -> Job:
    """A flow run in the words of the lookout; `state` where the run's own is not the newest."""
    state = state or run.state
    return Job(
        model=flow,
        id=str(run.id),
        name=run.name,
        state=state.name or state.type.value.title(),
        since=state.timestamp.astimezone(UTC),
        begun=run.start_time,
        message=state.message or "",
        link=url_for("flow-run", obj_id=run.id),
    )


def bucket_of(run: FlowRun) -> str | None:
    """The bucket that a run was asked to publish to, None for the one of the settings."""
    parameters = run.parameters or {}
    request = parameters.get("request") or {}
    asked = request.get("bucket") if isinstance(request, dict) else getattr(request, "bucket", None)
    return asked or parameters.get("bucket")


def _publishes_to(run: FlowRun, bucket: str) -> bool:
    return bucket_of(run) in (None, bucket)
