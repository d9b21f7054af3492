"""Forecasts of the world's place as clients ask for them: of all models, and of each alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from deployments.chaos.upstream import LAT, LON
from deployments.chaos.world import World
from serving.preference import source_name
from serving.rungs import Rung


@dataclass(frozen=True)
class Answer:
    """`excluded`: models that were not to tell anything. `health`: what /health said beside it."""

    status: int
    body: dict[str, Any]
    excluded: frozenset[str]
    health: dict[str, Any]
    ready: int

    @property
    def rung(self) -> Rung:
        return Rung(self.body["flags"]["rung"]) if self.status == 200 else Rung.NONE

    def runs(self, model: str) -> list[datetime]:
        """The runs that its flags name for a model, the newest first."""
        flags = self.body["flags"]
        times = [flags.get(key, {}).get(source_name(model)) for key in ("sourceTimes", "previousTimes")]
        times += flags.get("historyTimes", {}).get(source_name(model), [])
        return [datetime.fromisoformat(time) for time in times if time]

    def hours(self) -> list[tuple[datetime, dict[str, float]]]:
        """Valid time -> the fields it has of those that truth knows."""
        return [
            (
                datetime.fromtimestamp(point["time"], UTC),
                {name: point[name] for name in ("temperature", "pressure") if name in point},
            )
            for point in self.body["hourly"]["data"]
        ]


def ask(world: World) -> list[Answer]:
    """All models together, then each model alone."""
    names = [model.name for model in world.models]
    return asyncio.run(_ask(world, [frozenset(), *(frozenset(names) - {name} for name in names)]))


async def _ask(world: World, exclusions: list[frozenset[str]]) -> list[Answer]:
    transport = httpx.ASGITransport(app=world.api, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://windlass") as client:
        health = (await client.get("/health")).json()
        ready = (await client.get("/readyz")).status_code
        answers = []
        for excluded in exclusions:
            exclude = ",".join(sorted({"daily", *map(source_name, excluded)}))
            got = await client.get(f"/forecast/chaos/{LAT},{LON}?units=si&exclude={exclude}")
            answers.append(Answer(got.status_code, got.json(), excluded, health, ready))
        return answers
