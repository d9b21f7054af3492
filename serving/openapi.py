"""The OpenAPI 3.1 document: the forecast from the tables of fields, the rest from FastAPI's models."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving.ask import CONTRACT_BLOCKS, LONGEST_LOCATION, UNITS
from serving.derived import KIND_WORDS
from serving.door import CACHE_CONTROL
from serving.examples import EXAMPLE, EXAMPLE_PROBLEM, EXAMPLE_UNAVAILABLE
from serving.fields import TEXT, Field
from serving.meanings import BLOCK_FIELDS, is_time, meaning, units_in_words
from serving.preference import CONTRACT_SOURCES
from serving.problems import MEDIA_TYPE, RETRY_AFTER
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
    document["paths"] = {"/forecast/{key}/{location}": {"get": _forecast()}, **document["paths"]}
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
        "503": _unavailable("No model is within its limit"),
    }


def _forecast() -> dict[str, Any]:
    return {
        "operationId": "getForecast",
        "tags": ["forecast"],
        "summary": "Forecast of a place",
        "description": "The weather now, for 48 or 168 hours and for 8 days, merged from every model that is served. "
        "Parameters of the Dark Sky API that are not named here are ignored.",
        "parameters": [
            _parameter("key", "path", "any text: keys are not checked yet", {"type": "string"}, "demo"),
            _parameter(
                "location",
                "path",
                "latitude,longitude in decimal degrees: -90..90, -180..360",
                {"type": "string", "maxLength": LONGEST_LOCATION},
                "52.52,13.405",
            ),
            _parameter(
                "units",
                "query",
                "unit system; uk is uk2",
                {"type": "string", "enum": list(UNITS), "default": "us"},
                "si",
            ),
            {
                **_parameter(
                    "exclude",
                    "query",
                    "blocks to leave out, which then cost nothing, and sources not to use",
                    {
                        "type": "array",
                        "items": {"type": "string", "enum": [*CONTRACT_BLOCKS, *sorted(CONTRACT_SOURCES)]},
                    },
                    ["hourly", "daily"],
                ),
                "style": "form",
                "explode": False,
            },
            _parameter("extend", "query", "168 hours instead of 48", {"type": "string", "enum": ["hourly"]}, "hourly"),
        ],
        "responses": {
            "200": {
                "description": "The forecast",
                "headers": {
                    "Cache-Control": {"schema": {"type": "string"}, "example": CACHE_CONTROL},
                    "X-Response-Time": {
                        "description": "milliseconds from the request to its answer",
                        "schema": {"type": "number"},
                        "example": 0.812,
                    },
                },
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/Forecast"}, "example": EXAMPLE}
                },
            },
            "400": _problem("A malformed location, unit or list"),
            "404": _problem("No model covers the place"),
            "503": _unavailable("No run has arrived, or the runs there have ended or cannot be read"),
        },
    }


def _parameter(name: str, where: str, text: str, schema: dict[str, Any], example: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "description": text,
        "schema": schema,
        "example": example,
    }


def _problem(text: str) -> dict[str, Any]:
    return {
        "description": text,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": EXAMPLE_PROBLEM}},
    }


def _unavailable(text: str) -> dict[str, Any]:
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


def _schemas() -> dict[str, Any]:
    points = {f"{block.title()}Point": _point(block) for block in BLOCK_FIELDS}
    series = {
        block: {
            "type": "object",
            "required": ["data"],
            "properties": {
                "data": {"type": "array", "items": {"$ref": f"#/components/schemas/{block.title()}Point"}},
            },
        }
        for block in ("hourly", "daily")
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
                "staleSources": {**_NAMES, "description": "sources whose run is too old"},
                "unreadableSources": {**_NAMES, "description": "sources whose newest run is damaged here"},
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


def _point(block: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["time"],
        "additionalProperties": False,
        "properties": {field.name: _property(block, field) for field in BLOCK_FIELDS[block]},
    }


def _property(block: str, field: Field) -> dict[str, Any]:
    told = meaning(block, field)
    schema: dict[str, Any] = {"type": "integer" if field.decimals == 0 else "number"}
    if field.decimals == TEXT:
        schema = {"type": "string", "enum": list(KIND_WORDS[1:])}
    elif is_time(field):
        schema["format"] = "int64"
    return {**schema, "description": f"{told.text} ({units_in_words(told)})"}
