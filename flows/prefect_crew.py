"""The crew of a Prefect flow run: one task per group of leads, Prefect's log, artifacts, names, hooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from prefect import Flow, State, flow, get_client, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.context import FlowRunContext
from prefect.exceptions import MissingContextError
from prefect.futures import PrefectFuture, as_completed
from prefect.logging import get_run_logger
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.artifacts import group_table, result_text, temperature_map
from flows.crew import GROUPS_AT_ONCE, Advance, Piece, Tally
from flows.model import Model
from flows.prefect_hooks import settle_and_tell, tell_people
from flows.prefect_logs import tend_logs
from flows.report import IngestReport, MapOf, Outcome
from flows.request import IngestRequest
from storage.settings import Settings
from tasks.errors import MirrorError

if TYPE_CHECKING:
    from flows.flow import ModelFlow

T = TypeVar("T")

RETRY_SECONDS = (20.0, 120.0, 300.0)
"""A mirror that stays silent through a fetch's own backoff needs minutes, not seconds."""


def may_pass(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """Mirrors recover and files arrive; a message that all have broken, a full disk or a bug of ours do not pass."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, MirrorError) and error.passing


@task(
    task_run_name="{name}",
    retry_jitter_factor=0.5,
    retry_condition_fn=may_pass,
    cache_policy=NO_CACHE,
)
def fetch(name: str, work: Callable[[], Any]) -> Any:
    """One group of leads. May run twice: staged leads are found again."""
    return work()


@task(task_run_name="{name}", cache_policy=NO_CACHE)
def step(name: str, work: Callable[[], Any]) -> Any:
    """One step of the recipe, for its name and duration in the graph; a retry alone would make no sense."""
    return work()


class PrefectCrew:
    """Does the work as task runs of the flow run it is made in.

    `retry_seconds`: delays before a group of leads that the mirrors did not deliver is tried again.
    """

    def __init__(self, retry_seconds: Sequence[float] = RETRY_SECONDS) -> None:
        self._fetch = fetch.with_options(retries=len(retry_seconds), retry_delay_seconds=list(retry_seconds))
        self._log = get_run_logger()
        self._before: list[PrefectFuture[Any]] = []

    def name(self, run: str) -> None:
        context = FlowRunContext.get()
        if context is None or context.flow_run is None:
            raise MissingContextError("a Prefect crew works inside a flow run only")
        with get_client(sync_client=True) as client:
            client.update_flow_run(context.flow_run.id, name=run)
        # The engine's own copy of the name goes into log lines and to the hooks.
        context.flow_run.name = run
        self._log = get_run_logger()

    def say(self, text: str) -> None:
        self._log.info("%s", text)

    def step(self, name: str, work: Callable[[Advance], T]) -> T:
        future = step.submit(name, lambda: work(self._milestones(name)), wait_for=self._before, return_state=False)
        self._before = [future]
        return future.result()

    def spread(self, title: str, pieces: Sequence[Piece[T]]) -> list[T]:
        tally = Tally(sum(piece.size for piece in pieces), self._milestones(title))
        futures = [
            self._fetch.submit(piece.name, partial(piece.work, tally.part()), wait_for=self._before, return_state=False)
            for piece in pieces
        ]
        self._before = list(futures)
        try:
            for done in as_completed(list(futures)):
                done.result()
        except BaseException:
            # Neither a failed nor a cancelled run waits for a mirror that stalls.
            tally.stop()
            raise
        return [future.result() for future in futures]

    def show(self, report: IngestReport, picture: MapOf | None) -> None:
        # Prefect takes no underscores.
        key = f"{report.model}-run".replace("_", "-")
        if report.groups:
            create_table_artifact(group_table(report), key=f"{key}-leads", description="What was fetched, from where")
        if picture is not None and (image := temperature_map(picture)):
            # The page of an image artifact prints its URL, here 50 kB of base64; Markdown shows the picture alone.
            create_markdown_artifact(f"![{picture.title}]({image})", key=f"{key}-map", description=picture.title)
        create_markdown_artifact(result_text(report), key=f"{key}-result", description=report.in_words())

    def settle(self, report: IngestReport, bucket: str | None) -> None:
        """What the run ends, and what it lacks: people are told. Nothing here makes a published run fail."""
        context = FlowRunContext.get()
        if context is not None and context.flow_run is not None and report.outcome is Outcome.PUBLISHED:
            settle_and_tell(report, context.flow_run, bucket, self._log)

    def _milestones(self, name: str) -> Advance:
        """Logs every fifth of the way."""
        logged = 0

        def advance(done: int, total: int) -> None:
            nonlocal logged
            fifth = 5 * done // total if total else 0
            if fifth > logged:
                logged = fifth
                self._log.info("%s: %d of %d", name, done, total)

        return advance


def prefect_flow(
    model: Model, recipe: ModelFlow, retry_seconds: Sequence[float] = RETRY_SECONDS
) -> Flow[[IngestRequest | None], Any]:
    """The Prefect flow of a model: runs the recipe, ends as `NoNewRun` where there was nothing to do.

    With WINDLASS_DASK_ADDRESS its groups of leads are fetched on that Dask cluster.
    """
    crews: type[PrefectCrew] = PrefectCrew
    runner: Any = ThreadPoolTaskRunner(max_workers=GROUPS_AT_ONCE)
    if address := Settings().dask_address:
        from flows.dask_crew import DaskCrew, runner_at

        crews, runner = DaskCrew, runner_at(address)

    def run(request: IngestRequest | None = None) -> Any:
        tend_logs(Settings())
        crew = crews(retry_seconds)
        report = recipe(request, crew)
        crew.settle(report, request.bucket if request else None)
        nothing_new = report.outcome is Outcome.ALREADY_PUBLISHED
        return Completed(name="NoNewRun" if nothing_new else "Completed", message=report.in_words(), data=report)

    hooks: list[Any] = [tell_people]
    decorate = flow(
        name=model.name,
        description=recipe.__doc__,
        flow_run_name=f"{model.name} newest run",
        task_runner=runner,
        on_failure=hooks,
        on_crashed=hooks,
    )
    return decorate(run)
