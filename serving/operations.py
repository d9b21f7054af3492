"""The operations of the OpenAPI document that bring weather: their parameters, from the table, and their answers."""

from __future__ import annotations

from typing import Any

from serving.ask import LONGEST_LOCATION
from serving.door import CACHE_CONTROL, STALE_IF_ERROR
from serving.examples import EXAMPLE, EXAMPLE_PROBLEM, EXAMPLE_UNAVAILABLE
from serving.parameters import TABLE, Form, Parameter
from serving.problems import MEDIA_TYPE, RETRY_AFTER

_LISTED = {"style": "form", "explode": False}


_KEPT: dict[str, Any] = {
    "Cache-Control": {
        "description": "until the minute or the hour is over or the next run should be here",
        "schema": {"type": "string"},
        "example": CACHE_CONTROL.format(43, STALE_IF_ERROR),
    },
    "ETag": {
        "description": "strong; another one for another content coding",
        "schema": {"type": "string"},
        "example": '"q83vEjRWeJCrze8S-gzip"',
    },
    "Vary": {"schema": {"type": "string"}, "example": "Accept-Encoding"},
}
_TOLD: dict[str, Any] = {
    "X-Response-Time": {
        "description": "milliseconds from the request to its answer",
        "schema": {"type": "number"},
        "example": 0.812,
    },
    "X-Handler-Time": {
        "description": "milliseconds of them before compression",
        "schema": {"type": "number"},
        "example": 0.655,
    },
    "X-Node-ID": {"description": "the machine that answered", "schema": {"type": "string"}, "example": "api-1"},
}


def forecast_operation() -> dict[str, Any]:
    """GET /forecast/{key}/{location}."""
    return _operation(
        "getForecast",
        "Weather of a place",
        "The weather now, for 48 or 168 hours and for 8 days, merged from every model that is served. With a time it "
        "is what `/timemachine` tells. Parameters that are not named here are ignored.",
        "`latitude,longitude` in decimal degrees, -90..90 and -180..360, or `city,country`; behind it `,time`",
        "52.52,13.405",
        [_in_query(row) for row in TABLE],
    )


def past_operation() -> dict[str, Any]:
    """GET /timemachine/{key}/{location}."""
    return _operation(
        "getPast",
        "Past weather of a place",
        "The weather around a moment of the past: as many local days as `days` says, from the day that holds the "
        "moment on. The same as `/forecast` with a time. The time is Unix seconds, an offset from now in seconds "
        "(-3600, down to -100000) or with a letter (-90s, -36h, -7d), or a date and time (2026-11-24T08:00:00): "
        "without an offset as the clock of the place shows it (shown twice: the first; never: counted on with "
        "the offset before), with `Z` or an offset such as +01:00 as that says. Up to an hour ahead is now.",
        "`latitude,longitude,time` or `city,country,time`",
        "52.52,13.405,-24h",
        [_in_query(row) for row in TABLE if row.name != "extend"],
    )


def _operation(
    name: str, summary: str, text: str, location: str, example: str, query: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "operationId": name,
        "tags": ["forecast"],
        "summary": summary,
        "description": text,
        "parameters": [
            _in_path("key", "any text: keys are not checked yet", {"type": "string"}, "demo"),
            _in_path(
                "location", location, {"type": "string", "maxLength": LONGEST_LOCATION, "format": "location"}, example
            ),
            *query,
        ],
        "responses": {
            "200": {
                "description": "The weather",
                "headers": {**_KEPT, **_TOLD},
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/Forecast"}, "example": EXAMPLE}
                },
            },
            "304": {"description": "The client holds this answer: `If-None-Match` names it", "headers": _KEPT},
            "400": problem("A malformed location, time, word, number or list"),
            "404": problem(
                "No model covers the place, or nothing is known of the time: the problem says what there is"
            ),
            "503": unavailable("No run has arrived, or the runs there have ended or cannot be read"),
        },
    }


def _in_path(name: str, text: str, schema: dict[str, Any], example: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema, "example": example}


def _in_query(row: Parameter) -> dict[str, Any]:
    listed = row.form in (Form.WORDS, Form.POSITIONS)
    parameter: dict[str, Any] = {
        "name": row.name,
        "in": "query",
        "required": False,
        "description": f"{row.meaning}{' (with a time only)' if row.past else ''}. Without it: {row.default}",
        "schema": _schema(row),
        "example": row.example.split(",") if listed else row.example,
    }
    if row.form is Form.POSITIONS:
        parameter["example"] = [int(position) for position in row.example.split(",")]
    if row.form in (Form.NUMBER, Form.COUNT):
        parameter["example"] = int(row.example)
    return parameter | (_LISTED if listed else {})


def _schema(row: Parameter) -> dict[str, Any]:
    match row.form:
        case Form.WORD:
            default = row.default.strip("`")
            return {"type": "string", "enum": list(row.choices)} | (
                {"default": default} if default in row.choices else {}
            )
        case Form.WORDS:
            # An empty text is a list of nothing.
            return {"type": "array", "items": {"type": "string", "enum": [*row.choices, ""]}}
        case Form.POSITIONS:
            return {"type": "array", "items": {"type": "integer", "minimum": 0}}
        case Form.NUMBER:
            return {"type": "number", "default": 1}
        case Form.COUNT:
            return {"type": "integer", "minimum": 1, "maximum": row.most}
        case Form.TEXT:
            return {"type": "string"}


def problem(text: str) -> dict[str, Any]:
    """A response that is a problem."""
    return {
        "description": text,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": EXAMPLE_PROBLEM}},
    }


def unavailable(text: str) -> dict[str, Any]:
    """A 503: a problem that says what is known and when to come back."""
    return {
        "description": text,
        "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds", "example": RETRY_AFTER}},
        "content": {
            MEDIA_TYPE: {
                "schema": {
                    "allOf": [
                        {"$ref": "#/components/schemas/Problem"},
                        {"$ref": "#/components/schemas/Unavailable"},
                    ]
                },
                "example": EXAMPLE_UNAVAILABLE,
            }
        },
    }
