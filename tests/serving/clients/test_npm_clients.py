"""Clients of Dark Sky from npm, unchanged but for the host."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.serving.clients.conftest import NOW

pytestmark = pytest.mark.xdist_group("clients")

FOLDER = Path(__file__).with_name("node")
THEN = int(datetime(2026, 6, 20, 4, tzinfo=UTC).timestamp())


@pytest.fixture(scope="module")
def brought(server: str) -> dict[str, Any]:
    """What the clients asked, and what they told of the answers."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules").is_dir():
        pytest.skip("needs Node.js, and `npm ci --prefix tests/serving/clients/node`")
    # Without a zone the client writes the time of its own machine.
    done = subprocess.run(
        [node, FOLDER / "ask.js"], env={**os.environ, "SERVER": server, "TZ": "UTC"}, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_they_ask_as_they_asked_dark_sky(brought: dict[str, Any]) -> None:
    host = "https://api.darksky.net/forecast/key/52.52,13.405"
    assert brought["asked"] == [
        f"{host}?extend=hourly&lang=de&units=si",
        f"{host}?exclude=minutely%2Cdaily%2Cflags&units=auto",
        f"{host},2026-06-20T06:00:00?",
        "https://api.darksky.net/forecast/key/91,13.405?",
        f"{host}?units=ca",
        f"{host},{THEN}?",
    ]


def test_dark_sky(brought: dict[str, Any]) -> None:
    full, few, past = (brought["told"][name] for name in ("full", "few", "past"))
    assert full["currently"]["time"] == int(NOW.timestamp())
    assert (len(full["minutely"]["data"]), len(full["hourly"]["data"]), len(full["daily"]["data"])) == (61, 168, 8)
    assert full["flags"]["units"] == "si"
    assert set(few) == {"latitude", "longitude", "timezone", "offset", "currently", "hourly"}
    assert few["currently"]["temperature"] == full["currently"]["temperature"]
    assert past["currently"]["time"] == THEN
    assert brought["told"]["refused"] == "Forecast cannot be retrieved. Response: 400 Bad Request"


def test_forecast_io(brought: dict[str, Any]) -> None:
    now, past = brought["told"]["get"], brought["told"]["getAtTime"]
    assert now["flags"]["units"] == "ca"
    assert now["currently"]["windSpeed"] == pytest.approx(
        3.6 * brought["told"]["full"]["currently"]["windSpeed"], abs=0.03
    )
    assert past["currently"]["time"] == THEN
    assert len(past["hourly"]["data"]) == 24
