"""The last rung: no forecast, with what is known, since when, and when the next run is expected."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from pydantic import BaseModel, Field

from serving.health import Health, ModelHealth
from serving.problems import RETRY_AFTER, problem
from serving.rungs import Rung
from storage.freshness import Age

# A run may be published earlier than it is expected, and a machine that was cut off may catch up at any time.
LONGEST_WAIT = 900


class UnavailableModel(BaseModel):
    """Why a model tells nothing."""

    model: str
    source: str = Field(description="its name in flags.sources and exclude")
    state: Age
    init_time: datetime | None = Field(description="start of the newest run that opens, UTC")
    newest_seen: datetime | None = Field(description="start of the newest run that was named here")
    age_minutes: int | None = Field(description="how long ago init_time was")
    reason: str = Field(description="why it is not used")
    since: datetime | None = Field(description="since when, where that is known")
    expected_next: datetime | None = Field(description="by when its next run should be here, or should have been")


class Unavailable(BaseModel):
    """What a 503 adds to its problem."""

    rung: Rung = Rung.NONE
    models: list[UnavailableModel]


def no_forecast(told: str, report: Health, why: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """(body, headers) of a 503. told: what cannot be done; why: model -> reason, where the place is the reason."""
    models = [_unavailable(model, why.get(model.model)) for model in report.models]
    expected = [model.expected_next for model in models if model.expected_next]
    reasons = [f"{model.model}: {model.reason}" for model in models]
    told = f"{told}: {'; '.join(reasons) or report.problem or 'no run of any model has arrived here'}"
    detail = f"{told}. {_when(expected, report.time)}."
    body = problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, Unavailable(models=models).model_dump(mode="json"))
    return body, {"retry-after": str(_wait(expected, report.time))}


def _unavailable(model: ModelHealth, why: str | None) -> UnavailableModel:
    reason, since = _reason(model)
    told = model.model_dump(include={"model", "source", "state", "init_time", "newest_seen", "age_minutes"})
    return UnavailableModel(**told, reason=why or reason, since=since, expected_next=model.expected_next)


def _reason(model: ModelHealth) -> tuple[str, datetime | None]:
    if model.state is Age.MISSING:
        return model.problem or "no run of it is here", None
    run = f"the run of {_minute(model.init_time)}, {(model.age_minutes or 0) // 60} hours old,"
    if model.state is Age.ENDED:
        return f"{run} ended at {_minute(model.last_valid_time)}", model.last_valid_time
    if model.state is Age.STALE:
        return f"{run} is too old since {_minute(model.stale_from)}", model.stale_from
    return f"{run} tells nothing of this place", None


def _minute(time: datetime | None) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%MZ}" if time else "?"


def _when(expected: list[datetime], now: datetime) -> str:
    coming = [time for time in expected if time > now]
    if coming:
        return f"The next run is expected by {_minute(min(coming))}"
    if expected:
        return f"The next run is overdue since {_minute(min(expected))}"
    return "When the next run comes is not known"


def _wait(expected: list[datetime], now: datetime) -> int:
    """Seconds after which to ask again."""
    coming = [time - now for time in expected if time > now]
    seconds = int(min(coming, default=timedelta(0)).total_seconds())
    return min(max(seconds, RETRY_AFTER), LONGEST_WAIT)
