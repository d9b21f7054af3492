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

from serving.api_page import PAGE, refreshed
from serving.app import create_app
from serving.blocks import BLOCK_FIELDS
from serving.docs_page import docs_page
from serving.meanings import meaning, units_in_words
from serving.parameters import TABLE
from serving.units import System


def test_api_md_is_what_the_tables_say() -> None:
    assert PAGE.read_text() == refreshed(PAGE.read_text()), "python -m serving.api_page writes it anew"


@pytest.mark.parametrize("block", BLOCK_FIELDS)
def test_api_md_tells_every_field_with_unit_meaning_and_condition(block: str) -> None:
    section = re.search(rf"### `{block}.*?\n(?=#)", PAGE.read_text(), re.DOTALL)
    assert section
    told = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", section[0], re.MULTILINE)
    rows = [meaning(block, field) for field in BLOCK_FIELDS[block]]
    assert told == [(row.name, units_in_words(row), row.text, row.told or "always") for row in rows]


def test_api_md_tells_every_parameter_and_all_that_stands_at_the_top(tmp_path: Path) -> None:
    page = PAGE.read_text()
    told = re.findall(
        r"^\| `(\w+)` \|", page[page.index("<!-- parameters") :].partition("<!-- end -->")[0], re.MULTILINE
    )
    assert told == [row.name for row in TABLE]
    top = page[page.index("### Top level") :].partition("\n### ")[0]
    schemas = create_app(tmp_path).openapi()["components"]["schemas"]
    names = set(re.findall(r"`([\w.]+)`", top))
    assert {f"flags.{name}" for name in schemas["Flags"]["properties"]} <= names
    assert set(schemas["Forecast"]["properties"]) - {"flags"} <= names


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

    @app.get("/clicked")
    async def get_clicked() -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()).replace("</body>", CLICK))

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
