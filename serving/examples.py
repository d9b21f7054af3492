"""Answers as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Any

EXAMPLE_POINT = {"time": 1795680000, "precipIntensity": 0.0, "temperature": 4.85, "humidity": 0.84, "windSpeed": 3.2}
EXAMPLE: dict[str, Any] = {
    "latitude": 52.52,
    "longitude": 13.405,
    "timezone": "Europe/Berlin",
    "offset": 1.0,
    "currently": EXAMPLE_POINT,
    "hourly": {"data": [EXAMPLE_POINT]},
    "daily": {"data": [{"time": 1795647600, "sunriseTime": 1795675200, "temperatureHigh": 7.1}]},
    "flags": {
        "sources": ["ecmwf_ifs", "gfs"],
        "sourceTimes": {"ecmwf_ifs": "2026-11-26 00Z", "gfs": "2026-11-26 06Z"},
        "units": "si",
        "version": "Windlass 0.1.0",
        "sourceIDX": {"gfs": {"x": 54, "y": 150, "lat": 52.5, "lon": 13.5}},
        "rung": "previous-run",
        "rungs": {"ecmwf_ifs": "previous-run", "gfs": "newest"},
        "previousTimes": {"ecmwf_ifs": "2026-11-25 12Z"},
        "historyTimes": {"gfs": ["2026-11-25 18Z"]},
    },
}
EXAMPLE_PROBLEM = {
    "type": "about:blank",
    "title": "Bad Request",
    "status": 400,
    "detail": "units 'metric' is none of us, si, ca, uk2, uk",
}

EXAMPLE_UNAVAILABLE: dict[str, Any] = {
    "type": "about:blank",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "no forecast for 52.52,13.405 from 2026-12-24T00:00Z on: gfs: the run of 2026-11-24T00:00Z, 720 hours "
    "old, ended at 2026-12-10T00:00Z. The next run is overdue since 2026-11-24T11:30Z.",
    "rung": "none",
    "models": [
        {
            "model": "gfs",
            "source": "gfs",
            "state": "ended",
            "init_time": "2026-11-24T00:00:00Z",
            "newest_seen": "2026-11-24T00:00:00Z",
            "age_minutes": 43200,
            "reason": "the run of 2026-11-24T00:00Z, 720 hours old, ended at 2026-12-10T00:00Z",
            "since": "2026-12-10T00:00:00Z",
            "expected_next": "2026-11-24T11:30:00Z",
        }
    ],
}
