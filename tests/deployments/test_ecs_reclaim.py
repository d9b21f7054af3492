"""What becomes of a run that lost its capacity, without AWS and without a server."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.client.schemas.objects import State, StateType
from prefect.states import AwaitingRetry, Completed, Crashed, Pending, Running, Scheduled

from deployments.ecs.pools import ON_DEMAND, STRATEGY
from deployments.ecs.reclaim import ATTEMPTS, Step, attempts_lost, has_spot, next_step, was_reclaimed


@pytest.mark.parametrize(
    ("lost", "spot", "step"),
    [
        (0, True, Step.RUN),
        (1, True, Step.RUN),
        (2, True, Step.MOVE),
        (9, True, Step.MOVE),
        (0, False, Step.RUN),
        (1, False, Step.RUN),
        (2, False, Step.GIVE_UP),
        (9, False, Step.GIVE_UP),
    ],
)
def test_a_run_gets_two_attempts_on_each_kind_of_capacity(lost: int, spot: bool, step: Step) -> None:
    assert next_step(lost, spot) is step


def test_a_run_whose_every_task_is_taken_away_ends() -> None:
    """Through both pools, with the history that Prefect keeps of each flow run."""
    tasks = 0
    for strategy in (STRATEGY, ON_DEMAND):
        history: list[State[Any]] = [Scheduled()]
        while next_step(attempts_lost(history), has_spot(strategy)) is Step.RUN:
            tasks += 1
            assert tasks < 100
            history += [Pending(), Running(), Crashed(), AwaitingRetry()]
    assert tasks == 2 * ATTEMPTS


def test_only_lost_attempts_are_counted() -> None:
    late: State[Any] = State(type=StateType.SCHEDULED, name="Late")
    assert attempts_lost([Scheduled(), late, Pending(), Running(), Crashed(), Completed()]) == 0
    assert attempts_lost([Scheduled(), Pending(), Running(), AwaitingRetry(), Pending(), Running()]) == 1


@pytest.mark.parametrize(
    ("code", "reason", "reclaimed"),
    [
        ("SpotInterruption", "Your Spot Task was interrupted.", True),
        ("TerminationNotice", "Your Spot Task was interrupted.", True),
        ("TaskFailedToStart", "Capacity is unavailable at this time. Please try again later", True),
        ("TaskFailedToStart", "CannotPullContainerError: not found", False),
        ("EssentialContainerExited", "Essential container in task exited", False),
        ("UserInitiated", None, False),
        (None, None, False),
    ],
)
def test_what_aws_says_of_a_task_that_it_took_away(code: str | None, reason: str | None, reclaimed: bool) -> None:
    assert was_reclaimed({"stopCode": code, "stoppedReason": reason}) is reclaimed
