"""Routes to read from: GET as the documentation tells it, and HEAD, of which it is silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import FastAPI

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def readable(app: FastAPI, path: str, **told: Any) -> Callable[[Endpoint], Endpoint]:
    """Give an app the decorated function as what `path` answers. `told`: what `FastAPI.get` takes of a route."""

    def add(endpoint: Endpoint) -> Endpoint:
        # A 405 names the methods of the first route that has the path.
        app.get(path, **told)(endpoint)
        return app.head(path, include_in_schema=False)(endpoint)

    return add
