"""What the API costs over HTTP, over six models: answers of each kind, the most of them, patience, memory, swaps."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import psutil

from deployments.bench.client import Look, Reply, Told, as_fast_as_possible, at_a_rate, one, request_of
from deployments.bench.exchanging import MODELS, Exchange, places, strangers, write_exchange
from deployments.bench.measure import cpu_seconds
from deployments.bench.table import Row
from deployments.children import Child, Children, free_port
from serving.preference import SOURCE_NAMES

FULL = "?units=si&extend=hourly&version=2&include=day_night_forecast"
PLAIN = "?units=si"
NOW_ONLY = "?units=si&exclude=minutely,hourly,daily,alerts,flags"
HOURS = "?units=si&exclude=currently,minutely"
COUNT, ROUNDS, CONNECTIONS = 3_000, 6, 8
SWAPS, ALL = 1_000, 100_000
FLOOR = "FastAPI, constant bytes"


class Kind(NamedTuple):
    """Requests that cost alike: whom they ask, what an answer should cost, and the status that all of them have."""

    pid: int
    port: int
    requests: list[bytes]
    aim: str = ""
    status: int = 200


def measure_serving(scratch: Path) -> list[Row]:
    """Each kind of answer under load, beside the floor; then the most of them in a second, then half of that."""
    write_exchange(scratch / "stores")
    paths = [f"/forecast/bench/{lat},{lon}" for lat, lon in places(COUNT)]
    with _api(scratch) as (port, child, started):
        pid = child.process.pid

        def kind(query: str, aim: str = "", **headers: str) -> Kind:
            return Kind(pid, port, [request_of(path + query, **headers) for path in paths], aim)

        sample = asyncio.run(one(port, request_of(paths[0] + FULL)))
        (scratch / "body.json").write_bytes(sample.body)
        kinds = {
            f"answer, everything, version 2, {len(sample.body) / 1000:.0f} kB": kind(FULL, "<= 1.2 ms"),
            "the same in zstd": kind(FULL, Accept_Encoding="zstd"),
            "the same in gzip": kind(FULL, Accept_Encoding="gzip"),
            "the same in brotli": kind(FULL, Accept_Encoding="br"),
            "answer, version 1": kind(PLAIN, "<= 1.0 ms"),
            "`currently` alone": kind(NOW_ONLY, "<= 0.5 ms"),
            "304": Kind(pid, port, [_held(port, paths[0] + HOURS)] * COUNT, "<= 0.15 ms", 304),
        }
        with _constant(scratch) as (floor_port, floor):
            plain = Kind(floor.process.pid, floor_port, list(map(request_of, paths)))
            cheapest = _cheapest(kinds | {FLOOR: plain})
        fastest = next(iter(cheapest.values())).told.per_second
        requests = [request_of(path + FULL) for path in paths]
        patient = asyncio.run(at_a_rate(port, requests, fastest / 2, 4 * CONNECTIONS, _look_away))
        memory = psutil.Process(pid).memory_info().rss
    least = cheapest[FLOOR].spent
    return [
        *(Row(name, cheapest[name].spent, "ms CPU", least, FLOOR, each.aim) for name, each in kinds.items()),
        Row("answers, version 2, a second, the client beside", fastest, "1/s", None, "", ">= 600"),
        Row(f"its p99 at {fastest / 2:.0f} a second", patient.percentile(99), "ms", None, "", "<= 10 ms"),
        Row("resident memory of a worker, warm", memory / 1e6, "MB", None, "", "< 210 MB"),
        Row("from its start to its first answer", started, "s of wall", None, "", "< 2 s"),
    ]


def measure_swaps(scratch: Path, swaps: int = SWAPS, models: tuple[str, ...] = MODELS, count: int = COUNT) -> list[Row]:
    """Two runs of each model, exchanged in turn while answers are asked for at a steady rate.

    Raises RuntimeError where an answer is an error, or holds a number of a run that it does not name.
    """
    exchange = write_exchange(scratch / "stores", models)
    degrees, names = exchange.degrees(), {source: model for model, source in SOURCE_NAMES.items()}
    paths = [f"/forecast/bench/{lat},{lon}{PLAIN}" for lat, lon in places(COUNT)]
    rate = 100.0
    runs: set[str] = set()

    def look(reply: Reply) -> None:
        answer = json.loads(reply.body)
        if wrong := strangers(answer, degrees, names):
            raise RuntimeError(f"{wrong} degrees are of no run that {answer['flags']['sourceTimes']} names")
        runs.add(json.dumps(answer["flags"]["sourceTimes"]))

    with _api(scratch) as (port, child, _):
        still = asyncio.run(_steady(port, paths, rate, count, look))
        before = asyncio.run(_generation(port))
        moving = asyncio.run(_swapped(exchange, port, paths, rate, swaps, look))
        exchanged = asyncio.run(_generation(port)) - before
        child.check()
    for told in (still, moving):
        _only(told, 200)
    added = moving.percentile(99) - still.percentile(99)
    return [
        Row(f"exchanges of {swaps} swaps, {len(moving.seconds)} answers, no error", exchanged, ""),
        Row("mixes of runs that were told, none of two generations", len(runs), ""),
        Row(f"p99 at {rate:.0f} a second while they are exchanged", moving.percentile(99), "ms", None, ""),
        Row("more than without", added, "ms", None, "", "<= 5 ms"),
    ]


def measure_memory(scratch: Path, count: int = ALL) -> list[Row]:
    """Resident memory of a worker after a tenth of many requests, and after all of them."""
    write_exchange(scratch / "stores")
    requests = [request_of(f"/forecast/bench/{lat},{lon}{FULL}") for lat, lon in places(count // 10)]
    sizes = []
    with _api(scratch) as (port, child, _):
        for _ in range(10):
            _only(asyncio.run(as_fast_as_possible(port, requests, CONNECTIONS)), 200)
            sizes.append(psutil.Process(child.process.pid).memory_info().rss / 1e6)
    return [
        Row(f"resident memory after {count // 10:,} answers", sizes[0], "MB", None, "", "< 210 MB"),
        Row(f"after {count:,}", sizes[-1], "MB", sizes[0], "before", "flat"),
    ]


async def _steady(port: int, paths: list[str], rate: float, count: int, look: Look) -> Told:
    requests = [request_of(paths[number % len(paths)]) for number in range(count)]
    return await at_a_rate(port, requests, rate, 4 * CONNECTIONS, look)


async def _swapped(exchange: Exchange, port: int, paths: list[str], rate: float, swaps: int, look: Look) -> Told:
    """Each model is exchanged as soon as the server has taken up the exchange before; it looks once a second."""
    models = list(exchange.manifests)
    rounds = -(-swaps // len(models))

    async def swap() -> None:
        left = swaps
        for number in range(rounds):
            before = await _generation(port)
            for model in models[: min(left, len(models))]:
                exchange.name(model, 1 - number % 2)
            left -= len(models)
            async with asyncio.timeout(30):
                while await _generation(port) == before:
                    await asyncio.sleep(0.05)

    told, _ = await asyncio.gather(_steady(port, paths, rate, int(rate * rounds * 1.1), look), swap())
    return told


async def _generation(port: int) -> int:
    generation: int = json.loads((await one(port, request_of("/status.json"))).body)["generation"]
    return generation


def _held(port: int, path: str) -> bytes:
    """A request of a client that holds the answer."""
    first = asyncio.run(one(port, request_of(path)))
    tag = next(line for line in first.head.split(b"\r\n") if line.startswith(b"etag: "))[6:].decode()
    return request_of(path, If_None_Match=tag)


class Round(NamedTuple):
    """spent: CPU milliseconds of an answer; told: what became of the requests."""

    spent: float
    told: Told


def _cheapest(kinds: Mapping[str, Kind]) -> dict[str, Round]:
    """Each kind's cheapest of ROUNDS rounds, in which all of them are asked by turns.

    What a machine's other tenants do to a core makes a round dearer, and none cheaper.
    """
    for kind in kinds.values():
        asyncio.run(as_fast_as_possible(kind.port, kind.requests[: COUNT // 10], CONNECTIONS))
    rounds = [{name: _round(kind, number) for name, kind in kinds.items()} for number in range(ROUNDS)]
    return {name: min((each[name] for each in rounds), key=lambda round: round.spent) for name in kinds}


def _round(kind: Kind, number: int) -> Round:
    """What a ROUNDS-th part of the requests costs."""
    part = kind.requests[number::ROUNDS]
    before = cpu_seconds(kind.pid)
    told = asyncio.run(as_fast_as_possible(kind.port, part, CONNECTIONS))
    spent = cpu_seconds(kind.pid) - before
    _only(told, kind.status)
    return Round(spent / len(part) * 1e3, told)


def _only(told: Told, status: int) -> None:
    if told.statuses.keys() != {status}:
        raise RuntimeError(f"not all answers were {status}: {told.statuses}")


def _look_away(reply: Reply) -> None:
    return None


@contextmanager
def _constant(scratch: Path) -> Iterator[tuple[int, Child]]:
    """FastAPI with an answer that is there already: its port, its process."""
    command = (sys.executable, "-m", "uvicorn", "--factory", "deployments.bench.constant:create_app", "--no-access-log")
    port = free_port(8190)
    with Children(scratch / "logs") as children:
        env = {"WINDLASS_BENCH_BODY": str(scratch / "body.json")}
        child = children.start("constant", (*command, "--host", "127.0.0.1", "--port", str(port)), env)
        child.answer(f"http://127.0.0.1:{port}/forecast/bench/40,-98")
        yield port, child


@contextmanager
def _api(scratch: Path) -> Iterator[tuple[int, Child, float]]:
    """`windlass serve` over the stores: its port, its process, the seconds from its start to its first answer."""
    port = free_port(8090)
    command = (sys.executable, "-m", "deployments.cli", "serve", "--stores", str(scratch / "stores"))
    with Children(scratch / "logs") as children:
        begun = perf_counter()
        child = children.start("windlass", (*command, "--host", "127.0.0.1", "--port", str(port)), {})
        child.answer(f"http://127.0.0.1:{port}/forecast/bench/40,-98")
        yield port, child, perf_counter() - begun
