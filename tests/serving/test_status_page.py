"""The page for people: what it says, that it needs nothing else, and that a browser shows it."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.responses import HTMLResponse

from serving.app import create_app
from serving.health import Health, ModelHealth, Status
from serving.rungs import MEANINGS, Rung
from serving.status_page import REFRESH_SECONDS, status_page
from storage.freshness import Age

INIT = datetime(2026, 11, 24, tzinfo=UTC)
NOW = INIT + timedelta(hours=9, minutes=5)


def model(**more: Any) -> ModelHealth:
    told: dict[str, Any] = {
        "model": "ifs",
        "source": "ecmwf_ifs",
        "state": Age.LATE,
        "rung": Rung.LAST_GOOD,
        "init_time": INIT,
        "age_minutes": 545,
        "leads": 85,
        "leads_expected": 145,
        "traits": [],
        "incomplete": True,
        "last_valid_time": INIT + timedelta(days=15),
        "expected_next": INIT + timedelta(hours=7),
        "stale_from": INIT + timedelta(days=5),
        "generation": 4,
        "store": "20261124T0000Z.zarr.zip",
        "previous_init_time": INIT - timedelta(hours=12),
        "newest_seen": INIT + timedelta(hours=6),
        "withheld": {"air_temperature_2m": "6-12: jumps by <80> K"},
        "problem": "ifs/20261124T0600Z.zarr.zip is <half> & cut",
        "last_error": None,
    }
    return ModelHealth(**{**told, **more})


def report(*models: ModelHealth, status: Status = Status.DEGRADED, problem: str | None = None) -> Health:
    return Health(status=status, rung=Rung.LAST_GOOD, time=NOW, generation=3, models=list(models), problem=problem)


class Words(HTMLParser):
    """The text of a page; tags must match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def words(page: str) -> str:
    parser = Words()
    parser.feed(page)
    parser.close()
    assert not parser.open
    return " ".join(parser.words).replace("\u00a0", " ")


def test_a_late_model_with_all_that_can_be_told() -> None:
    told = words(status_page(report(model())))
    for text in (
        "something needs attention",
        "2026-11-24 09:05:00 UTC",
        "late",
        f"last-good: {MEANINGS[Rung.LAST_GOOD]}",
        "2026-11-24 00:00 UTC",
        "9 h 5 min",
        "2026-11-24 06:00 UTC",
        "85 of 145, to",
        "Incomplete",
        "2026-12-09 00:00 UTC",
        "2026-11-23 12:00 UTC",
        "2026-11-24 07:00 UTC",
        "overdue for 2 h 5 min",
        "2026-11-29 00:00 UTC",
        "ifs/20261124T0600Z.zarr.zip is <half> & cut",
        "Withheld: air_temperature_2m",
        "6-12: jumps by <80> K",
    ):
        assert text in told, text


def test_a_fresh_model_says_no_more_than_it_must() -> None:
    fresh = model(state=Age.FRESH, rung=Rung.NEWEST, withheld={}, incomplete=False, problem=None, newest_seen=INIT,
                  expected_next=NOW + timedelta(days=1, hours=2), previous_init_time=None)  # fmt: skip
    told = words(status_page(report(fresh, status=Status.OK)))
    assert "Everything is as it should be" in told
    assert "in 1 d 2 h" in told
    for text in ("overdue", "Newest seen", "Run before", "Too old from", "Problem", "Withheld", "Serves", "Incomplete"):
        assert text not in told, text


@pytest.mark.parametrize("state", Age)
@pytest.mark.parametrize("rung", Rung)
def test_every_state_and_rung_has_a_page(state: Age, rung: Rung) -> None:
    told = words(status_page(report(model(state=state, rung=rung))))
    assert str(state) in told
    assert (MEANINGS[rung] in told) == (rung is not Rung.NEWEST)


def test_nothing_here_and_a_folder_that_cannot_be_read() -> None:
    missing = model(state=Age.MISSING, rung=Rung.NONE, init_time=None, age_minutes=None, leads=None, generation=None,
                    last_valid_time=None, expected_next=None, stale_from=None, previous_init_time=None)  # fmt: skip
    assert "missing" in words(status_page(report(missing)))
    told = words(status_page(report(status=Status.DOWN, problem="cannot read the folder of stores: gone")))
    for text in ("No forecast can be served", "No run of any model has arrived here yet", "folder of stores: gone"):
        assert text in told


def test_the_page_needs_no_other_server_and_loads_itself_anew() -> None:
    page = status_page(report(model()))
    assert not re.search(r"""(src|href)=["']?(https?:)?//|url\(|@import|<script""", page)
    assert f'http-equiv="refresh" content="{REFRESH_SECONDS}"' in page
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """An application that is served; its URL."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


# The page in a frame as wide as a phone writes into the outer page's title how wide its content is.
PHONE = """<!doctype html><iframe src="/status" style="width:360px;height:2000px;border:0"></iframe><script>
document.querySelector("iframe").onload = (event) => {
  const inner = event.target.contentDocument;
  document.title = inner.documentElement.scrollWidth + " " + inner.querySelectorAll("article").length;
};
</script>"""


@pytest.mark.browser
def test_a_browser_shows_every_model(browse: Any, series_store: Any, publish: Any, tmp_path: Path) -> None:
    folder = tmp_path / "stores"
    for name, hours in (("gfs", 0), ("ifs", 12)):
        store = series_store(name, INIT - timedelta(hours=hours), range(240), {"air_temperature_2m": 280.0})
        publish(folder, store)
    (folder / publish(folder, series_store("ifs", INIT, range(9), {"ozone_column_atmosphere": 1})).key).write_bytes(b"")
    with running(create_app(folder, lambda: NOW)) as url:
        page = browse(f"{url}/status")
        assert page.console == []
        assert len(re.findall("<article", page.dom)) == 2
        told = words(re.sub(r"<!DOCTYPE[^>]*>", "", page.dom))
        assert "the run before" not in told
        assert "its last good run" in told


@pytest.mark.browser
def test_nothing_is_wider_than_a_phone(browse: Any) -> None:
    long = model(problem="x" * 300, withheld={f"variable_{n}" * 9: "y" * 200 for n in range(3)})
    app = FastAPI()

    @app.get("/status")
    async def get_status() -> HTMLResponse:
        return HTMLResponse(status_page(report(long, model())))

    @app.get("/phone")
    async def get_phone() -> HTMLResponse:
        return HTMLResponse(PHONE)

    with running(app) as url:
        page = browse(f"{url}/phone")
    found = re.search(r"<title>(\d+) (\d+)</title>", page.dom)
    assert found, page.dom
    assert int(found[1]) <= 360
    assert found[2] == "2"
