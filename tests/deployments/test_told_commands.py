"""`windlass freshness` and `windlass notify-test` as people and crontabs run them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.folder import FolderBucket
from storage.manifest import Manifest, manifest_key, store_key
from storage.schema import Freshness

HttpSink = Callable[..., AbstractContextManager[Any]]


def run(windlass: Any, *arguments: str, urls: str = "") -> subprocess.CompletedProcess[str]:
    env = {"WINDLASS_NOTIFY_URLS": urls, "WINDLASS_NOTIFY_URL": "", "PREFECT_API_URL": ""}
    return subprocess.run(**windlass.command(*arguments, env=env), capture_output=True)


def publish(windlass: Any, hours_ago: int) -> None:
    init_time = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=hours_ago)
    manifest = Manifest(
        model="gfs",
        init_time=init_time,
        key=store_key("gfs", init_time),
        size=1,
        sha256="0" * 64,
        generation=1,
        leads=129,
        last_lead=384 * 60,
        published_at=init_time + timedelta(hours=1),
        freshness=Freshness(690, 760, 7200),
    )
    FolderBucket(windlass.bucket).write(manifest_key("gfs"), manifest.to_bytes())


def test_a_cron_without_prefect_tells_once_and_its_exit_code_says_that_something_is_wrong(
    windlass: Any, http_sink: HttpSink
) -> None:
    publish(windlass, 20)
    with http_sink() as sink:
        first = run(windlass, "freshness", "--json", urls=sink.url)
        second = run(windlass, "freshness", urls=sink.url)
        assert (first.returncode, second.returncode) == (1, 1), first.stderr + second.stderr
        (row,) = json.loads(first.stdout)["models"]
        assert (row["model"], row["state"]) == ("gfs", "late")
        assert "gfs" in second.stderr
        assert "late, 20 h 0" in second.stderr
        (notice,) = sink.told
        publish(windlass, 6)
        third = run(windlass, "freshness", urls=sink.url)
        assert third.returncode == 0, third.stderr
    assert notice["title"] == "windlass: gfs late"
    assert len(sink.told) == 1


def test_notify_test_says_what_each_address_did(windlass: Any, http_sink: HttpSink, postbox: Any) -> None:
    mail = f"mailto://windlass.example:{postbox.port}?smtp=127.0.0.1&from=told@windlass.example&to=ops@windlass.example"
    with http_sink() as good, http_sink(404) as bad:
        slow = run(windlass, "notify-test", urls=f"{good.url}, {bad.url}, json://127.0.0.1:{good.port}/s3cr3t, {mail}")
        fine = run(windlass, "notify-test", "--json", urls=good.url)
    assert slow.returncode == 1
    assert slow.stdout.splitlines() == [
        "http://127.0.0.1: told",
        "http://127.0.0.1 #2: not told: HTTP 404",
        "json://: told",
        "mailto://windlass.example: told",
    ]
    assert fine.returncode == 0
    assert json.loads(fine.stdout) == [
        {"channel": "http://127.0.0.1", "delivered": True, "tries": 1, "problem": None},
    ]
    assert len(good.told) == 3
    assert "a test notice" in good.told[0]["title"]
    assert len(postbox.letters) == 1
    assert "s3cr3t" not in slow.stdout + slow.stderr


def test_nobody_to_tell_and_an_address_that_would_drop_are_errors(windlass: Any) -> None:
    nobody = run(windlass, "notify-test")
    assert nobody.returncode == 1
    assert "nobody is told of anything: set WINDLASS_NOTIFY_URLS" in nobody.stderr
    dropped = run(windlass, "notify-test", urls="slack://example.com/services/s3cr3t")
    assert dropped.returncode == 1
    assert "slack:// takes the three tokens" in dropped.stdout
    assert "s3cr3t" not in dropped.stdout + dropped.stderr
    assert "Traceback" not in dropped.stderr
