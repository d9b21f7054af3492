"""A server that answers and swaps runs for months: it ends up no larger than it began."""

from __future__ import annotations

import gc
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from serving.stores import Stores
from storage.manifest import manifest_key
from tests.serving.client import BERLIN, INIT, NOW, Client, with_client

ROUNDS, REQUESTS = 16, 50


def test_requests_and_hot_swaps_leave_nothing_behind(weather_store: Any, publish: Any, tmp_path: Path) -> None:
    """Containers of a server that leaked were killed (exit code 137), and took their neighbours with them."""
    manifests = []
    for hour in (0, 1):
        publish(tmp_path, weather_store("gfs", INIT + timedelta(hours=hour)))
        manifests.append((tmp_path / manifest_key("gfs")).read_bytes())
    process = psutil.Process()

    async def talk(client: Client, stores: Stores) -> list[tuple[int, int, int]]:
        """(resident bytes, open files, objects) after each round of a swap and many requests."""
        sizes = []
        for number in range(ROUNDS):
            part = tmp_path / "next.json"
            part.write_bytes(manifests[number % 2])
            os.replace(part, tmp_path / manifest_key("gfs"))
            stores.check()
            for _ in range(REQUESTS):
                body = (await client.get(f"{BERLIN}?extend=hourly")).json()
                assert body["flags"]["sourceTimes"]["gfs"] == f"2026-11-24 {number % 2:02}Z"
            gc.collect()
            sizes.append((process.memory_info().rss, process.num_fds(), len(gc.get_objects())))
        return sizes

    sizes: list[tuple[int, int, int]] = with_client(tmp_path, talk, NOW)
    # Every other round: behind the newer run the older one stays open.
    resident, files, objects = ([size[column] for size in sizes[ROUNDS // 2 :: 2]] for column in range(3))
    assert files == files[:1] * len(files)
    # What tests before this one left behind may go meanwhile: only what grows counts. One object a request would be six
    # times as much.
    assert max(objects) - objects[0] < REQUESTS
    assert max(resident) - resident[0] < ROUNDS // 2 * REQUESTS * 4096
