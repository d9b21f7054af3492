"""The crew of a Prefect flow run whose groups of leads are fetched on a Dask cluster: several machines for one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from prefect.futures import as_completed
from prefect.task_runners import TaskRunner

from flows.crew import Advance, Piece, ignore
from flows.errors import RequestError
from flows.prefect_crew import PrefectCrew, step

T = TypeVar("T")


def runner_at(address: str) -> TaskRunner[Any]:
    """The task runner of a cluster, by its scheduler's address; raises RequestError where Dask is not installed."""
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise RequestError(
            "WINDLASS_DASK_ADDRESS is set, but prefect-dask is missing: install windlass[dask]"
        ) from error
    return DaskTaskRunner(address=address)


class DaskCrew(PrefectCrew):
    """Sends pieces to the cluster's workers; every other step stays with the flow.

    Workers stage what they fetch in the flow's own work folder: on several machines it is a disk that all of them see.
    """

    def step(self, name: str, work: Callable[[Advance], T]) -> T:
        # A step holds what no other process can: the lock of the work folder, mapped files, open buckets.
        return cast(T, step(name, lambda: work(self._milestones(name))))

    def spread(self, title: str, pieces: Sequence[Piece[T]]) -> list[T]:
        sizes = {}
        for piece in pieces:
            future = self._fetch.submit(piece.name, partial(piece.work, ignore), return_state=False)
            sizes[future] = piece.size
        advance, done = self._milestones(title), 0
        try:
            for future in as_completed(list(sizes)):
                future.result()
                done += sizes[future]
                advance(done, sum(sizes.values()))
        except BaseException:
            for future in sizes:
                # Pieces that have not begun never do. One that has begun ends by itself: nothing reaches into a worker.
                future.wrapped_future.cancel()  # type: ignore[attr-defined]
            raise
        return [future.result() for future in sizes]
