"""@chore(name): work that is not a model's ingest, runnable plainly and as a Prefect flow."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from prefect import Flow


class InWords(Protocol):
    """A result that people can read."""

    def in_words(self) -> str: ...


P = ParamSpec("P")
R = TypeVar("R", bound=InWords)


class Chore(Generic[P, R]):
    """Called, the function runs plainly in this process. `.prefect` is the same as a Prefect flow.

    Deployments name it as entrypoint `flows/<file>.py:<function>.prefect`; Prefect is imported when it is asked for.
    """

    def __init__(self, name: str, work: Callable[P, R]) -> None:
        self.name = name
        self.work = work
        update_wrapper(self, work)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.work(*args, **kwargs)

    @cached_property
    def prefect(self) -> Flow[P, Any]:
        """Ends with the result in words as its state's message."""
        from flows.prefect_chore import prefect_chore

        return prefect_chore(self.name, self.work)


def chore(name: str) -> Callable[[Callable[P, R]], Chore[P, R]]:
    """Decorate a function whose result has `in_words()`."""

    def decorate(work: Callable[P, R]) -> Chore[P, R]:
        return Chore(name, work)

    return decorate
