"""Who hears of arrived leads: a real Prefect server, a real ingest; and who hints at them: a real queue."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest

from deployments.watch.goals import NOTHING, goals
from deployments.watch.notices import Notices, keys_of
from deployments.watch.tellers import IngestTeller, NoServer, PrefectTeller, TellFailed
from flows.gfs import MODEL as GFS
from tasks.clock import Clock

NOW = datetime(2026, 4, 20, 5, 17, tzinfo=UTC)
GOAL = goals(GFS, NOW, NOTHING)[0]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """settings(name=value): nothing but these says where a Prefect server is, to child processes."""

    def settings(**env: str) -> None:
        for name in [name for name in os.environ if name.startswith("PREFECT_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
        for name, value in env.items():
            monkeypatch.setenv(name, value)

    return settings


def test_prefect_has_the_event_when_it_was_told(prefect_server: Any, settings: Callable[..., None]) -> None:
    import httpx

    settings(PREFECT_API_URL=prefect_server.url)
    now = datetime.now(UTC)
    asyncio.run(PrefectTeller().tell(GOAL, now))
    asked = {"filter": {"event": {"name": ["windlass.leads.arrived"]}}}
    deadline = monotonic() + 60

    def listed() -> list[Any]:
        events = httpx.post(f"{prefect_server.url}/events/filter", json=asked, timeout=60).json()["events"]
        return [event for event in events if datetime.fromisoformat(event["occurred"]) == now]

    # It lists events some time after it has taken them.
    while not (events := listed()):
        assert monotonic() < deadline
    (event,) = events
    assert event["resource"]["prefect.resource.id"] == "windlass.model.gfs"
    assert event["payload"] == {"init_time": "2026-04-20T00:00Z", "leads": "0-120,123-384/3", "complete": True}


def test_the_event_starts_a_run_of_its_model_and_of_no_other(
    prefect_server: Any, tidy: Callable[[], None], settings: Callable[..., None], few: Path
) -> None:
    from prefect import get_client

    from deployments.bootstrap.run import bootstrap
    from deployments.bootstrap.wanted import local_wanted

    settings(PREFECT_API_URL=prefect_server.url)
    tidy()
    try:
        with get_client(sync_client=True) as client:
            bootstrap(client, local_wanted(few), lambda change: None)
            names = {deployment.id: deployment.name for deployment in client.read_deployments()}

            def started() -> set[str]:
                """Whose runs no cron made."""
                runs = client.read_flow_runs(limit=200)
                made = [run for run in runs if run.created_by and run.created_by.type == "AUTOMATION"]
                return {names[run.deployment_id] for run in made if run.deployment_id in names}

            # On SQLite the server loses one of two events that come at the same moment to "database is locked".
            for _ in range(5):
                asyncio.run(PrefectTeller().tell(GOAL, datetime.now(UTC)))
                deadline, never = monotonic() + 30, Event()
                while not started() and monotonic() < deadline:
                    never.wait(0.2)
                if started():
                    break
            assert started() == {"gfs"}
    finally:
        tidy()


def test_no_prefect_server_is_said_and_none_is_started(settings: Callable[..., None]) -> None:
    settings()
    with pytest.raises(NoServer, match=r"set PREFECT_API_URL, or .* --ingest"):
        asyncio.run(PrefectTeller().check())


def test_a_server_that_is_gone_is_a_failure_that_may_pass(settings: Callable[..., None]) -> None:
    settings(PREFECT_API_URL="http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES="0")
    with pytest.raises(TellFailed, match="the Prefect server did not take it") as raised:
        asyncio.run(PrefectTeller().tell(GOAL, NOW))
    assert not isinstance(raised.value, NoServer)


def test_an_ingest_that_fails_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    options = (
        "--mirror",
        str(tmp_path / "empty"),
        "--bucket",
        str(tmp_path / "bucket"),
        "--work",
        str(tmp_path / "work"),
    )
    with pytest.raises(TellFailed, match="windlass ingest gfs ended with code 1"):
        asyncio.run(IngestTeller(options).tell(GOAL, NOW))
    # What it says goes where the watch's own lines go.
    assert "not there" in capfd.readouterr().err


LOADED = (
    "import atexit, sys\n"
    "atexit.register(lambda: print(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    "from deployments.cli import main; sys.argv[0] = 'windlass'; main()"
)


def test_looking_loads_neither_prefect_nor_a_decoder(windlass: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    looking = windlass.command("watch", "--once", "--mirror", tmp_path / "empty", code=LOADED)
    done = subprocess.run(**looking, capture_output=True, check=True)
    loaded = set(json.loads(done.stdout.replace("'", '"')))
    assert {"aiohttp", "flows"} <= loaded
    assert not loaded & {"prefect", "numba", "llvmlite", "eccodes", "boto3", "aiobotocore", "xarray", "zarr"}


def test_a_watch_says_what_it_looks_for_and_ends_at_once_when_it_is_told_to(windlass: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    looking = windlass.command("watch", "gfs", "ifs", "--ingest", "--mirror", tmp_path / "empty")
    said: list[str] = []
    with subprocess.Popen(**looking, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while not all(any(model in line and "is expected at" in line for line in said) for model in (" gfs ", " ifs ")):
            said.append(process.stderr.readline())
            assert said[-1], said
        process.terminate()
        rest = process.stderr.read()
        assert process.wait(60) == 0
    assert f"watching gfs, ifs for {windlass.bucket}" in said[0]
    assert rest.rstrip().endswith("stopped")


def records(*keys: str) -> dict[str, Any]:
    return {
        "Records": [
            {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "noaa-gfs-bdp-pds"}, "object": {"key": key}}}
            for key in keys
        ]
    }


def through_sns(notice: dict[str, Any]) -> str:
    topic = "arn:aws:sns:us-east-1:123901341784:NewGFSObject"
    return json.dumps({"Type": "Notification", "TopicArn": topic, "Message": json.dumps(notice)})


KEY = "gfs.20260420/00/atmos/gfs.t00z.pgrb2.0p25.f384.idx"


def test_keys_come_from_topics_and_from_buckets() -> None:
    assert list(keys_of(through_sns(records(KEY)))) == [KEY]
    assert list(keys_of(json.dumps(records("a+key%3A1", KEY)))) == ["a key:1", KEY]
    assert list(keys_of(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}))) == []


@pytest.mark.parametrize("body", ["", "no JSON", "[]", "7", "{}", '{"Message": "{}"}', '{"Records": [{"s3": {}}]}'])
def test_what_is_no_notice_is_an_error_that_the_listener_knows(body: str) -> None:
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        list(keys_of(body))


@pytest.fixture
def queue(s3: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Any]:
    """The URL of a queue, and a client of it."""
    import boto3

    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr("deployments.watch.notices.LONG_POLL", 0)
    client = boto3.client("sqs", endpoint_url=s3.url)
    return client.create_queue(QueueName="notices")["QueueUrl"], client


def test_notices_of_a_queue_are_heard_once_and_rubbish_is_said(queue: tuple[str, Any]) -> None:
    url, client = queue
    for body in ("rubbish", through_sns(records(KEY)), json.dumps(records("other"))):
        client.send_message(QueueUrl=url, MessageBody=body)
    heard: list[str] = []
    said: list[str] = []

    async def listen() -> None:
        enough = asyncio.Event()

        def hear(key: str) -> None:
            heard.append(key)
            if len(heard) == 2:
                enough.set()

        listening = asyncio.create_task(Notices(url, hear, said.append, Clock()).listen())
        await enough.wait()
        left = ["some"]
        while left:
            attributes = await asyncio.to_thread(
                client.get_queue_attributes,
                QueueUrl=url,
                AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
            )
            left = [count for count in attributes["Attributes"].values() if count != "0"]
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    asyncio.run(asyncio.wait_for(listen(), 60))
    assert sorted(heard) == sorted([KEY, "other"])
    (told,) = said
    assert "thrown away" in told


def test_a_queue_that_is_gone_is_said_once_and_tried_again(queue: tuple[str, Any]) -> None:
    url, client = queue
    client.delete_queue(QueueUrl=url)
    said: list[str] = []
    slept: list[float] = []

    class Ending(Clock):
        async def sleep(self, seconds: float, wake: asyncio.Event | None = None) -> None:
            slept.append(seconds)
            if len(slept) == 4:
                raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(Notices(url, lambda key: None, said.append, Ending()).listen())
    assert slept == [10, 20, 40, 80]
    (told,) = said
    assert "cannot be read, looking goes on without" in told
