"""What people read: docs/api.md keeps step with the fields, and the page at /docs works in a browser."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.responses import HTMLResponse

from serving.app import create_app
from serving.meanings import BLOCK_FIELDS, meaning, units_in_words
from serving.units import System

API = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.mark.parametrize("block", BLOCK_FIELDS)
def test_api_md_tells_every_field_with_unit_and_meaning(block: str) -> None:
    section = re.search(rf"### `{block}.*?\n(?=#)", API.read_text(), re.DOTALL)
    assert section
    told = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", section[0], re.MULTILINE)
    rows = [meaning(block, field) for field in BLOCK_FIELDS[block]]
    assert told == [(row.name, units_in_words(row), row.text) for row in rows]


def test_units_of_a_field_are_those_of_each_system() -> None:
    fields = {field.name: field for field in BLOCK_FIELDS["hourly"]}
    wind = meaning("hourly", fields["windSpeed"]).units
    assert wind == {System.US: "mph", System.SI: "m/s", System.CA: "km/h", System.UK2: "mph"}
    assert meaning("hourly", fields["pressure"]).units[System.US] == "hPa"
    assert meaning("hourly", fields["snowAccumulation"]).units[System.US] == "in"


# A form is sent as if it had been clicked.
CLICK = "<script>document.forms[0].requestSubmit()</script></body>"


@pytest.fixture
def clicked(weather_store: Any, publish: Any, tmp_path: Path) -> Iterator[str]:
    """The URL of a running API whose page /clicked is /docs with its first form sent."""
    store = weather_store("gfs")
    publish(tmp_path / "stores", store)
    app = create_app(tmp_path / "stores", lambda: store.schema.init_time)
    page = next(route for route in app.routes if getattr(route, "path", "") == "/docs").endpoint  # type: ignore[attr-defined]

    @app.get("/clicked")
    async def get_clicked() -> HTMLResponse:
        return HTMLResponse((await page()).body.decode().replace("</body>", CLICK))

    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/clicked"
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.browser
def test_the_page_shows_and_its_form_brings_a_forecast(clicked: str, browse: Any) -> None:
    page = browse(clicked)
    assert page.console == []
    assert re.search(r'class="good"> 200 </b>', page.dom)
    assert '"timezone": "Europe/Berlin"' in page.dom
    assert "/forecast/demo/52.52,13.405?units=si" in page.dom
