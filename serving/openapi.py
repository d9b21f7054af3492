"""The OpenAPI 3.1 document: the forecast from the tables of fields, the rest from FastAPI's models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving.blocks import BLOCK_FIELDS
from serving.derived import KIND_WORDS
from serving.fields import TEXT, Field
from serving.icons import ICON_WORDS
from serving.meanings import is_time, meaning, units_in_words
from serving.operations import forecast_operation, past_operation, unavailable
from serving.unavailable import Unavailable

DESCRIPTION = """Point forecasts in the Dark Sky format, made from weather-model runs that are served from local stores.

A field that is not known is absent: never null, never -999. Every error is `application/problem+json` (RFC 9457) whose
`detail` says what to do."""

_MINUTE = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}Z$"}
_NAMES = {"type": "array", "items": {"type": "string"}}


def describe_api(app: FastAPI) -> dict[str, Any]:
    """The whole document of an app whose routes are all there."""
    document = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
    document["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    document["tags"] = [{"name": "forecast"}, {"name": "state", "description": "What is served and how old it is."}]
    document["paths"] = {
        "/forecast/{key}/{location}": {"get": forecast_operation()},
        "/timemachine/{key}/{location}": {"get": past_operation()},
        **document["paths"],
    }
    health = document["paths"]["/health"]["get"]["responses"]
    health["503"] = {**health["200"], "description": "Nothing can be served"}
    document["paths"]["/readyz"]["get"]["responses"] = _ready()
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(_schemas())
    return document


def _ready() -> dict[str, Any]:
    body = {
        "type": "object",
        "required": ["ready", "models"],
        "properties": {
            "ready": {"type": "boolean", "const": True},
            "models": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Age"}},
        },
    }
    return {
        "200": {
            "description": "A model at least is within its limit",
            "content": {"application/json": {"schema": body, "example": {"ready": True, "models": {"gfs": "fresh"}}}},
        },
        "503": unavailable("No model is within its limit"),
    }


PROVENANCE = {
    "type": "object",
    "description": "with `provenance=1`: field -> who told how many points in a row, and why",
}


def _schemas() -> dict[str, Any]:
    points = {point_name(block): _point(block) for block in BLOCK_FIELDS}
    series = {
        block: {
            "type": "object",
            "required": ["data"],
            "properties": {
                "icon": _one_of(ICON_WORDS),
                "data": {"type": "array", "items": {"$ref": f"#/components/schemas/{point_name(block)}"}},
                "provenance": PROVENANCE,
            },
        }
        for block in BLOCK_FIELDS
        if block != "currently"
    }
    cell = {name: {"type": "integer"} for name in ("x", "y")} | {name: {"type": "number"} for name in ("lat", "lon")}
    definitions = Unavailable.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    return {
        **definitions.pop("$defs"),
        "Unavailable": definitions,
        "Forecast": {
            "type": "object",
            "required": ["latitude", "longitude", "timezone", "offset"],
            "properties": {
                "latitude": {"type": "number"},
                "longitude": {"type": "number", "description": "as asked"},
                "timezone": {"type": "string", "description": "IANA name"},
                "offset": {"type": "number", "description": "hours from UTC now, east positive"},
                "elevation": {
                    "type": "integer",
                    "description": "height above sea level, m, in `us` feet; absent where it is not known",
                },
                "currently": {"$ref": "#/components/schemas/CurrentlyPoint"},
                **series,
                "flags": {"$ref": "#/components/schemas/Flags"},
            },
        },
        **points,
        "Flags": {
            "type": "object",
            "required": ["sources", "sourceTimes", "units", "version", "sourceIDX"],
            "properties": {
                "sources": {**_NAMES, "description": "who filled something, best first"},
                "sourceTimes": {
                    "type": "object",
                    "additionalProperties": _MINUTE,
                    "description": "when their runs started, UTC",
                },
                "units": {"type": "string", "enum": ["us", "si", "ca", "uk2"]},
                "version": {"type": "string"},
                "sourceIDX": {
                    "type": "object",
                    "additionalProperties": {"type": "object", "required": list(cell), "properties": cell},
                    "description": "the grid cell that answered",
                },
                "rung": {"$ref": "#/components/schemas/Rung"},
                "rungs": {
                    "type": "object",
                    "additionalProperties": {"$ref": "#/components/schemas/Rung"},
                    "description": "where the part of each source comes from that told something or should have; "
                    "`rung` is the lowest of them",
                },
                "previousTimes": {
                    "type": "object",
                    "additionalProperties": _MINUTE,
                    "description": "when the runs started that told what newer ones lack: missing leads or variables, "
                    "hours that were over when the newest started",
                },
                "historyTimes": {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": _MINUTE},
                    "description": "when the earlier runs started that told hours of today that are over, the last "
                    "one first",
                },
                "gaps": {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                    "description": "spans of today (start/end, ISO 8601, UTC) of which no run of the source is here",
                },
                "staleSources": {**_NAMES, "description": "sources whose run is too old"},
                "unreadableSources": {**_NAMES, "description": "sources whose newest run is damaged here"},
                **{
                    name: {"type": "string", "description": f"{what} of the nearest city (version 2)"}
                    for name, what in (
                        ("nearestCity", "name"),
                        ("nearestCountry", "country"),
                        ("nearestSubNational", "state or province"),
                    )
                },
            },
        },
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string", "format": "uri-reference"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string", "description": "what is wrong and what to do"},
            },
        },
    }


def point_name(block: str) -> str:
    """What the document calls the data points of a block."""
    return f"{block.title().replace('_', '')}Point"


def _point(block: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["time"],
        "additionalProperties": False,
        "properties": {field.name: _property(block, field) for field in BLOCK_FIELDS[block]}
        | ({"provenance": PROVENANCE} if block == "currently" else {}),
    }


def _one_of(words: Iterable[str]) -> dict[str, Any]:
    return {"type": ["string", "null"], "enum": [*dict.fromkeys((*words, "none")), None]}


def _property(block: str, field: Field) -> dict[str, Any]:
    """A field: null, -999 or `none` stand for what is not known where `missing` asks for that."""
    told = meaning(block, field)
    kind = "integer" if field.decimals == 0 else "number"
    schema: dict[str, Any] = {"type": kind if field.name == "time" else [kind, "null"]}
    if field.decimals == TEXT:
        schema = _one_of(KIND_WORDS if field.name == "precipType" else ICON_WORDS)
    elif is_time(field):
        schema["format"] = "int64"
    return {**schema, "description": f"{told.text} ({units_in_words(told)})"}
