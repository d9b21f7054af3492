"""Answers of the places that hurt, each asked once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import httpx
import pytest

from tests.serving.golden.cases import CASE, QUERIES, Case, asker


@pytest.fixture(scope="session")
def get(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., httpx.Response]:
    """get(name, query, location): the answer of a place; of another one with its stores where a location is told."""
    ask = asker(tmp_path_factory.mktemp("golden"))

    @cache
    def get(name: str, query: str = "", location: str | None = None) -> httpx.Response:
        case = CASE[name]
        return ask(case if location is None else Case(case.name, location, case.runs), query)

    return get


@pytest.fixture(scope="session")
def told(get: Callable[..., httpx.Response]) -> Callable[[str], dict[str, Any]]:
    """told(name): the whole answer of version 2."""
    return lambda name: get(name, QUERIES["v2"]).json()
