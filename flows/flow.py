"""flow_of(MODEL): a model's recipe, runnable plainly and as a Prefect flow; @flow(MODEL) for another recipe."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any

from flows.crew import Crew, PlainCrew
from flows.ingest import ingest
from flows.model import Model
from flows.report import IngestReport
from flows.request import IngestRequest
from storage.settings import Settings

if TYPE_CHECKING:
    from prefect import Flow

Recipe = Callable[[IngestRequest, Crew], IngestReport]


class ModelFlow:
    """Called, the recipe runs plainly in this process. `.prefect` is the same recipe as a Prefect flow.

    The Prefect flow is made when it is first asked for: importing Prefect takes 1.6 s of CPU (3.8.8, measured
    2026-11), which a plain run has no use for. Deployments name it as entrypoint `flows/<model>.py:<model>.prefect`.
    """

    def __init__(self, model: Model, recipe: Recipe) -> None:
        self.model = model
        self.recipe = recipe
        update_wrapper(self, recipe)

    def __call__(self, request: IngestRequest | None = None, crew: Crew | None = None) -> IngestReport:
        settings = Settings()
        return self.recipe((request or IngestRequest()).with_defaults(settings), crew or PlainCrew())

    @cached_property
    def prefect(self) -> Flow[[IngestRequest | None], Any]:
        from flows.prefect_crew import prefect_flow

        return prefect_flow(self.model, self)


def flow(model: Model) -> Callable[[Recipe], ModelFlow]:
    """Decorate the recipe of one model."""

    def decorate(recipe: Recipe) -> ModelFlow:
        return ModelFlow(model, recipe)

    return decorate


def flow_of(model: Model) -> ModelFlow:
    """The flow of a model, by its name, that brings its newest run aboard."""

    def recipe(request: IngestRequest, crew: Crew) -> IngestReport:
        return ingest(model, request, crew)

    recipe.__name__ = recipe.__qualname__ = model.name
    recipe.__doc__ = f"Bring the newest run of {model.title}, or the one asked for, aboard and publish it."
    return ModelFlow(model, recipe)
