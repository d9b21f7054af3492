"""The first that sees a request: forecasts go to their door at once, everything else to the application behind.

Routing and what frameworks wrap around it take 30 us of an answer that takes a thousand.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.door import ForecastDoor
from serving.problems import not_answered, problem_response

METHODS = ("GET", "HEAD")
ALLOWED = ", ".join(METHODS)


class ForecastsFirst:
    """Middleware that answers `/NAME/KEY/LOCATION`, whatever the location looks like, by the door of the name."""

    def __init__(self, app: ASGIApp, doors: Mapping[str, ForecastDoor]) -> None:
        self.app = app
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            parts = scope["path"].removeprefix(scope.get("root_path", "")).split("/", 3)
            if len(parts) == 4 and parts[2] and (door := self._doors.get(parts[1])):
                if scope["method"] in METHODS:
                    await door.serve(scope, parts[3], send)
                else:
                    refused = problem_response(405, not_answered(scope["method"], ALLOWED), {"allow": ALLOWED})
                    await refused(scope, receive, send)
                return
        await self.app(scope, receive, send)
