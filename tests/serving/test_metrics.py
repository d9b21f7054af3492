"""What Prometheus scrapes, read with its own parser; alone and summed over several processes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.app import create_app
from serving.metrics import Metrics
from serving.rungs import Rung
from serving.stores import Stores

INIT = datetime(2026, 11, 24, tzinfo=UTC)
NOW = INIT + timedelta(hours=3)
ROOT = Path(__file__).parents[2]
PLACE = "/forecast/key/51.5,-0.12"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> Samples:
    """(name, labels) -> value of every sample; each is there once."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


@pytest.fixture
def scrape(tmp_path: Path) -> Callable[..., Samples]:
    """scrape(paths, now): ask an API over the test's folder for each path, then for its metrics."""

    def scrape(*paths: str, now: datetime = NOW) -> Samples:
        async def talk() -> Samples:
            app = create_app(tmp_path, lambda: now, pause=0)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://api") as client,
            ):
                for path in paths:
                    await client.get(path)
                answer = await client.get("/metrics")
                assert answer.status_code == 200
                assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
                return parsed(answer.text)

        return asyncio.run(talk())

    return scrape


def put(series_store: Any, publish: Any, folder: Path, model: str, hours_before: int, last: int = 240) -> Path:
    store = series_store(model, INIT - timedelta(hours=hours_before), range(last + 1), {"air_temperature_2m": 280.0})
    return Path(folder / publish(folder, store, generation=7).key)


def test_the_age_of_the_data_is_told_by_model(scrape: Any, series_store: Any, publish: Any, tmp_path: Path) -> None:
    put(series_store, publish, tmp_path, "ifs", 12)
    put(series_store, publish, tmp_path, "gfs", 0).write_bytes(b"no zip")
    told = scrape()
    assert value(told, "windlass_run_init_time_seconds", model="ifs") == (INIT - timedelta(hours=12)).timestamp()
    assert value(told, "windlass_data_age_seconds", model="ifs") == 15 * 3600
    assert value(told, "windlass_data_late_after_seconds", model="ifs") == 400 * 60
    assert value(told, "windlass_data_stale_after_seconds", model="ifs") == 7200 * 60
    assert value(told, "windlass_generation", model="ifs") == 7
    assert value(told, "windlass_data_within_limit", model="ifs") == 1
    assert value(told, "windlass_data_within_limit", model="gfs") == 0
    assert ("windlass_data_age_seconds", frozenset({("model", "gfs")})) not in told
    assert 1e7 < value(told, "process_resident_memory_bytes") < 1e11
    stale = scrape(now=INIT + timedelta(days=6))
    assert value(stale, "windlass_data_within_limit", model="ifs") == 0


def test_requests_are_counted_by_status_and_timed(
    scrape: Any, series_store: Any, publish: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = scrape(PLACE)
    assert value(none, "windlass_requests_total", status="503") == 1
    put(series_store, publish, tmp_path, "ifs", 0)
    told = scrape(PLACE, PLACE, "/forecast/key/nowhere", "/health", "/nosuch")
    assert value(told, "windlass_requests_total", status="200") == 2
    assert value(told, "windlass_requests_total", status="400") == 1
    assert value(told, "windlass_requests_total", status="500") == 0
    assert value(told, "windlass_request_seconds_count") == 3
    assert value(told, "windlass_request_seconds_bucket", le="+Inf") == 3
    assert 0 < value(told, "windlass_request_seconds_sum") < 60
    monkeypatch.setattr("serving.door.build_forecast", lambda *_: 1 / 0)
    assert value(scrape(PLACE), "windlass_requests_total", status="500") == 1


def test_sent_bytes_are_counted_by_their_coding(tmp_path: Path) -> None:
    metrics = Metrics(Stores(tmp_path / "nosuch"), lambda: NOW)
    for status, coding, sent in ((200, "gzip", 900), (200, "gzip", 100), (200, "identity", 7), (304, "gzip", 0)):
        metrics.answered(status, 0.001, {}, coding, sent)
    told = parsed(metrics.page().decode())
    assert value(told, "windlass_sent_bytes_total", encoding="gzip") == 1_000
    assert value(told, "windlass_sent_bytes_total", encoding="identity") == 7
    assert value(told, "windlass_sent_bytes_total", encoding="br") == 0
    assert value(told, "windlass_requests_total", status="304") == 1


def test_fallbacks_are_counted_by_model_and_rung(scrape: Any, series_store: Any, publish: Any, tmp_path: Path) -> None:
    put(series_store, publish, tmp_path, "ifs", 12)
    put(series_store, publish, tmp_path, "ifs", 0, last=24)
    put(series_store, publish, tmp_path, "gfs", 0)
    told = scrape(PLACE, PLACE)
    fallbacks = {dict(labels)["rung"]: count for (name, labels), count in told.items() if name.startswith("windlass_f")}
    assert fallbacks == {"previous-run": 2}
    assert value(told, "windlass_fallbacks_total", model="ifs", rung="previous-run") == 2
    over = scrape(PLACE, now=INIT + timedelta(days=30))
    for model in ("ifs", "gfs"):
        assert value(over, "windlass_fallbacks_total", model=model, rung="none") == 1


def test_counting_looks_at_no_clock_folder_or_store(tmp_path: Path) -> None:
    asked: list[datetime] = []

    def clock() -> datetime:
        asked.append(NOW)
        return NOW

    metrics = Metrics(Stores(tmp_path / "nosuch"), clock)
    for number in range(2_000):
        metrics.answered(200, number * 1e-6, {"ifs": Rung.NEWEST, "gfs": Rung.LAST_GOOD})
    assert not asked
    told = parsed(metrics.page().decode())
    assert value(told, "windlass_requests_total", status="200") == 2_000
    assert value(told, "windlass_request_seconds_bucket", le="0.001") == 1_001
    assert value(told, "windlass_fallbacks_total", model="gfs", rung="last-good") == 2_000
    assert len(asked) == 1


WORKER = """
import os, sys
from datetime import datetime, UTC
from pathlib import Path
from serving.metrics import Metrics
from serving.rungs import Rung
from serving.stores import Stores
stores = Stores(Path(sys.argv[1]))
stores.check()
metrics = Metrics(stores, lambda: datetime(2026, 11, 24, 3, tzinfo=UTC))
for _ in range(int(sys.argv[2])):
    metrics.answered(200, 0.0007, {"ifs": Rung.LAST_GOOD})
print(metrics.page().decode(), end="")
"""


def test_workers_count_together_also_those_that_are_gone(series_store: Any, publish: Any, tmp_path: Path) -> None:
    put(series_store, publish, tmp_path / "stores", "ifs", 0)
    counts = tmp_path / "counts"
    counts.mkdir()
    for number, expected in ((3, 3), (4, 7), (0, 7)):
        done = subprocess.run(
            [sys.executable, "-c", WORKER, str(tmp_path / "stores"), str(number)],
            cwd=ROOT,
            env={"PROMETHEUS_MULTIPROC_DIR": str(counts), "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        told = parsed(done.stdout)
        assert value(told, "windlass_requests_total", status="200") == expected
        assert value(told, "windlass_request_seconds_count") == expected
        assert value(told, "windlass_fallbacks_total", model="ifs", rung="last-good") == expected
        assert value(told, "windlass_data_age_seconds", model="ifs") == 3 * 3600
        assert value(told, "process_resident_memory_bytes") > 0
