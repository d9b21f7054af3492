"""A chore as a Prefect flow: its result in words, and people told when it fails or crashes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, get_type_hints

from prefect import Flow, flow
from prefect.states import Completed

from flows.prefect_hooks import end_well, tell_people
from flows.prefect_logs import tend_logs
from storage.settings import Settings

if TYPE_CHECKING:
    from flows.chore import InWords

P = ParamSpec("P")
R = TypeVar("R", bound="InWords")


def prefect_chore(name: str, work: Callable[P, R]) -> Flow[P, Any]:
    """The Prefect flow of a chore."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> Any:
        tend_logs(Settings())
        result = work(*args, **kwargs)
        return Completed(message=result.in_words(), data=result)

    # Prefect looks annotations up where `run` is defined, which knows none of the names that `work` uses.
    run.__signature__ = inspect.signature(work, eval_str=True)  # type: ignore[attr-defined]
    run.__annotations__ = get_type_hints(work)
    hooks: list[Any] = [tell_people]
    done: list[Any] = [end_well]
    decorate = flow(
        name=name,
        description=work.__doc__,
        flow_run_name=name,
        on_failure=hooks,
        on_crashed=hooks,
        on_completion=done,
    )
    return decorate(run)
