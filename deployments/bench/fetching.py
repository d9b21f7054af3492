"""What fetching costs: CPU of the client per range request, on a server that takes 30 ms to its first byte."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from deployments.bench.table import Row
from tasks.blob import Blob
from tasks.entry import Target
from tasks.grib import fields
from tasks.haul import LeadHaul
from tasks.mirrors import Patience, now, open_places
from tasks.transport import open_session
from tasks.wanted import IndexKind, Mirror, Product, Wanted

LATENCY = 0.03
POINTS = 500
"""Squared, and two bytes each: messages of 0.5 MB, as GFS has them."""
BETWEEN = 4 << 20
"""Unwanted bytes before each message, so many that no two share a request."""
LEADS, VARIABLES = range(8), range(32)
AT_ONCE = (8, 32)
ROUNDS = 5

SERVER = """
import sys
from pathlib import Path
from deployments.simulator.server import Fault, serve
with serve(Path(sys.argv[1]), [Fault("*", latency=float(sys.argv[2]))]) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""
PRODUCT = Product("main", "f{lead:03d}", "f{lead:03d}.idx", IndexKind.IDX)


@dataclass(frozen=True)
class Bucket:
    """A folder of one file a lead, all of the same wanted messages. `length`: bytes of each."""

    folder: Path
    init_time: datetime
    wanted: tuple[Wanted, ...]
    length: int

    def ranges(self) -> Iterator[tuple[str, int]]:
        """(path, offset) of every message."""
        for lead in LEADS:
            for number in VARIABLES:
                yield PRODUCT.data_path(self.init_time, lead), number * (BETWEEN + self.length) + BETWEEN


Client = Callable[[str, int, Bucket, Path], Coroutine[None, None, None]]
"""client(url, requests at once, bucket, folder) brings every message of the bucket into files of the folder."""


def measure_fetching(scratch: Path) -> list[Row]:
    """CPU and speed of ingest's way from mirror to blob and of obstore, against aiohttp writing to a file."""
    bucket = fill(scratch / "mirror")
    count = len(LEADS) * len(VARIABLES)
    clients: dict[str, Client] = {"ingest": ingest, "obstore": obstore, "aiohttp": aiohttp}
    spent: dict[tuple[str, int], list[tuple[float, float]]] = {}
    with serving(bucket.folder) as url:
        for number in range(ROUNDS + 1):
            for at_once in AT_ONCE:
                for name, client in clients.items():
                    with TemporaryDirectory(dir=scratch) as fetched:
                        taken = cost(client(url, at_once, bucket, Path(fetched)))
                    # The first round imports and warms up.
                    if number:
                        spent.setdefault((name, at_once), []).append(taken)
    rows = []
    for at_once in AT_ONCE:
        cpu = {name: 1000 / count * median(cpu for cpu, _ in spent[name, at_once]) for name in clients}
        speed = {
            name: bucket.length * count / 1e6 / median(wall for _, wall in spent[name, at_once]) for name in clients
        }
        floor = f"aiohttp to a file, {at_once} at once"
        for name, what in (("ingest", "fetched, identified and staged"), ("obstore", "through obstore to a file")):
            rows += [
                Row(f"a range of 0.5 MB {what}, {at_once} at once", cpu[name], "ms CPU", cpu["aiohttp"], floor),
                Row(f"its speed at 30 ms to the first byte, {at_once} at once", speed[name], "MB/s", speed["aiohttp"],
                    floor),
            ]  # fmt: skip
    return rows


def cost(work: Coroutine[None, None, None]) -> tuple[float, float]:
    """CPU and wall seconds."""
    cpu, wall = process_time(), perf_counter()
    asyncio.run(work)
    return process_time() - cpu, perf_counter() - wall


def fill(folder: Path) -> Bucket:
    """Files whose unwanted bytes are holes: one message of ecCodes' samples over and over, under names of our own."""
    folder.mkdir(parents=True)
    (field,) = fields(_message(LEADS[0]))
    assert field.parameter is not None
    assert field.level is not None
    for lead in LEADS:
        message = _message(lead)
        path = folder / PRODUCT.data_path(field.init_time, lead)
        lines: list[str] = []
        with path.open("wb") as file:
            for number in VARIABLES:
                start = file.seek(BETWEEN, os.SEEK_CUR)
                file.write(message)
                for offset, name in ((start, f"V{number}"), (file.tell(), "OTHER")):
                    window = f"{lead} hour fcst" if lead else "anl"
                    lines.append(f"{len(lines) + 1}:{offset}:d={field.init_time:%Y%m%d%H}:{name}:surface:{window}:\n")
        path.with_name(path.name + ".idx").write_text("".join(lines))
    wanted = tuple(
        Wanted(f"v{number}", (field.parameter,), field.level, (f"V{number}", "surface")) for number in VARIABLES
    )
    return Bucket(folder, field.init_time, wanted, len(message))


def _message(lead: int) -> bytes:
    import eccodes
    import numpy as np

    handle = eccodes.codes_grib_new_from_samples("GRIB2")
    try:
        for key, value in {"Ni": POINTS, "Nj": POINTS, "bitsPerValue": 16, "forecastTime": lead}.items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, np.arange(float(POINTS * POINTS)))
        return bytes(eccodes.codes_get_message(handle))
    finally:
        eccodes.codes_release(handle)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The URL of a slow server over a folder, in a process of its own."""
    command = (sys.executable, "-c", SERVER, str(folder), str(LATENCY))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


async def ingest(url: str, at_once: int, bucket: Bucket, folder: Path) -> None:
    """What ingest does: the index of each lead, its ranges, every message framed, identified and staged."""
    mirror = Mirror("mirror", url)
    async with open_places([mirror], Patience(), at_once) as places:
        (place,) = places.in_order([mirror])

        async def lead(number: int) -> None:
            with Blob(folder / f"ingest.f{number:03d}") as blob:
                haul = LeadHaul(blob, places, now() + 600)
                await haul.load(place, PRODUCT, Target.of(PRODUCT, bucket.init_time, number, bucket.wanted))
            if len(haul.staged) != len(bucket.wanted) or haul.problems:
                raise RuntimeError(f"{len(haul.staged)} of {len(bucket.wanted)} came: {'; '.join(haul.problems)}")

        await asyncio.gather(*map(lead, LEADS))


async def aiohttp(url: str, at_once: int, bucket: Bucket, folder: Path) -> None:
    """The same ranges through the same connection pool, each block written where it belongs, nothing looked at."""
    slots = asyncio.Semaphore(at_once)
    async with open_session(at_once, 10.0, 20.0) as session:
        with _file(folder, "aiohttp") as file:

            async def one(number: int, path: str, start: int) -> None:
                headers = {"Range": f"bytes={start}-{start + bucket.length - 1}"}
                at = number * bucket.length
                async with slots, session.get(f"{url}/{path}", headers=headers) as answer:
                    async for block in answer.content.iter_any():
                        at += os.pwrite(file, block, at)

            await _all(one, bucket)


async def obstore(url: str, at_once: int, bucket: Bucket, folder: Path) -> None:
    """The same ranges through obstore, each written when it is whole."""
    import obstore as client
    from obstore.store import HTTPStore

    slots = asyncio.Semaphore(at_once)
    store = HTTPStore.from_url(url, client_options={"allow_http": True})
    with _file(folder, "obstore") as file:

        async def one(number: int, path: str, start: int) -> None:
            async with slots:
                content = await client.get_range_async(store, path, start=start, length=bucket.length)
            os.pwrite(file, content, number * bucket.length)

        await _all(one, bucket)


async def _all(one: Callable[[int, str, int], Coroutine[None, None, None]], bucket: Bucket) -> None:
    await asyncio.gather(*[one(number, path, start) for number, (path, start) in enumerate(bucket.ranges())])


@contextmanager
def _file(folder: Path, name: str) -> Iterator[int]:
    descriptor = os.open(folder / name, os.O_CREAT | os.O_WRONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
