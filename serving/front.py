"""The application: forecasts go to their door at once, everything else through FastAPI.

Routing and what frameworks wrap around it take 50 us of an answer that takes a thousand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from serving.door import ForecastDoor
from serving.problems import not_answered, problem_response

METHODS = ("GET", "HEAD")
ALLOWED = ", ".join(METHODS)


class Front(FastAPI):
    """Answers `/NAME/KEY/LOCATION`, whatever the location looks like, by the door of the name."""

    def __init__(self, doors: Mapping[str, ForecastDoor], **told: Any) -> None:
        super().__init__(**told)
        self._doors = doors
        self.router.routes += [Route(f"/{name}/{{key}}/{{location:path}}", Refused()) for name in doors]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in METHODS:
            parts = scope["path"].removeprefix(scope.get("root_path", "")).split("/", 3)
            if len(parts) == 4 and parts[2] and (door := self._doors.get(parts[1])):
                await door.serve(scope, parts[3], send)
                return
        await super().__call__(scope, receive, send)


class Refused:
    """What a door says to every other method."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = problem_response(405, not_answered(scope["method"], ALLOWED), {"allow": ALLOWED})
        await refused(scope, receive, send)
