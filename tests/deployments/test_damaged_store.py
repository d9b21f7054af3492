"""Damaged stores, buckets and manifests, met through `windlass store`, `windlass sync` and the API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.app import create_app

Run = Callable[..., Any]
NOW, LATER = datetime(2026, 4, 20, 1, tzinfo=UTC), datetime(2026, 4, 20, 7, tzinfo=UTC)
NEXT = ("--leads", "0-2", "--init-time", "2026-04-20T06", "--direct")


@pytest.fixture
def store(published: Any) -> Path:
    """The published store, to be spoilt."""
    return Path(published.windlass.bucket / "gfs" / "20260420T0000Z.zarr.zip")


def cut(data: bytes) -> bytes:
    return data[: len(data) * 3 // 4]


def flipped_chunk(data: bytes) -> bytes:
    # Stored entries come first: a byte of the first shard's first chunk.
    return data[:200] + bytes([data[200] ^ 1]) + data[201:]


def flipped_directory(data: bytes) -> bytes:
    at = data.rindex(b"PK\x01\x02")
    return data[: at + 20] + bytes([data[at + 20] ^ 1]) + data[at + 21 :]


def flipped_document(data: bytes) -> bytes:
    at = data.rindex(b"zarr_format")
    return data[:at] + b"Z" + data[at + 1 :]


def nothing(data: bytes) -> bytes:
    return b""


def prose(data: bytes) -> bytes:
    return b"not a zip\n" * 1000


DAMAGES = [cut, flipped_chunk, flipped_directory, flipped_document, nothing, prose]


@pytest.mark.parametrize("damage", DAMAGES)
def test_verify_finds_any_damage_and_names_the_file(run: Run, store: Path, damage: Callable[[bytes], bytes]) -> None:
    assert run("store", "verify", store).returncode == 0
    store.write_bytes(damage(store.read_bytes()))
    assert str(store) in run("store", "verify", store).error


@pytest.mark.parametrize("damage", [damage for damage in DAMAGES if damage is not flipped_chunk])
@pytest.mark.parametrize("command", [("show",), ("point", "52.5", "13.4"), ("point", "52.5", "13.4", "--json")])
def test_a_store_that_does_not_open_is_one_line(
    run: Run, store: Path, command: tuple[str, ...], damage: Callable[[bytes], bytes]
) -> None:
    store.write_bytes(damage(store.read_bytes()))
    verb, *place = command
    done = run("store", verb, store, *place)
    assert str(store) in done.error
    assert done.stdout == ""


def test_a_flipped_byte_is_never_told_as_weather(run: Run, store: Path) -> None:
    store.write_bytes(flipped_chunk(store.read_bytes()))
    north = run("store", "point", store, "90", "0", "--json")
    assert str(store) in north.error
    assert north.stdout == ""
    assert run("store", "point", store, "-60", "0", "--json").returncode == 0


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (("91", "0"), "latitude"),
        (("0", "361"), "longitude"),
        (("north", "0"), "latitude"),
        (("0", "nan"), "longitude"),
    ],
)
def test_a_place_that_is_none_is_said(run: Run, store: Path, place: tuple[str, str], told: str) -> None:
    done = run("store", "point", store, *place)
    assert done.returncode != 0
    assert told in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("verb", ["show", "verify"])
def test_a_store_that_is_not_there_is_said(run: Run, tmp_path: Path, verb: str) -> None:
    for path in (tmp_path / "absent.zarr.zip", tmp_path):
        assert str(path) in run("store", verb, path).error


def answer(stores: Path, now: datetime = NOW) -> Any:
    """What the API says of a place, from these stores, at a time that stands still."""

    async def ask() -> Any:
        app = create_app(stores, lambda: now)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://api") as api,
        ):
            return (await api.get("/forecast/key/52.5,13.4")).raise_for_status().content

    return asyncio.run(ask())


def flip_store(bucket: Path) -> None:
    (store,) = bucket.glob("gfs/20260420T0600Z*")
    store.write_bytes(flipped_chunk(store.read_bytes()))


def cut_store(bucket: Path) -> None:
    (store,) = bucket.glob("gfs/20260420T0600Z*")
    store.write_bytes(cut(store.read_bytes()))


def remove_store(bucket: Path) -> None:
    (store,) = bucket.glob("gfs/20260420T0600Z*")
    store.unlink()


def garble_manifest(bucket: Path) -> None:
    (bucket / "gfs" / "latest.json").write_bytes(b'{"model": "gfs", "init')


def swap_models(bucket: Path) -> None:
    manifest = bucket / "gfs" / "latest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"gfs", b"ifs"))


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (flip_store, "is not what its manifest says"),
        (cut_store, "is not what its manifest says"),
        (remove_store, "does not exist"),
        (garble_manifest, "is not a valid manifest"),
        (swap_models, "is the manifest of ifs, not of gfs"),
    ],
)
def test_sync_refuses_a_damaged_bucket_and_the_api_answers_as_before(
    run: Run, published: Any, runs: Path, harm: Callable[[Path], None], told: str
) -> None:
    windlass = published.windlass
    before = answer(windlass.stores)
    assert run("ingest", "gfs", "--mirror", runs, *NEXT).returncode == 0
    harm(windlass.bucket)
    done = run("sync", "--once")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "gfs" in line
    assert str(windlass.bucket) in line
    assert told in line
    stores = {path.name for path in (windlass.stores / "gfs").iterdir() if not path.name.startswith(".lock")}
    assert stores == {"latest.json", "ingest.json", "static.json", "static", "history", "20260420T0000Z.zarr.zip"}
    assert answer(windlass.stores) == before
    for file in windlass.bucket.glob("gfs/*.*"):
        file.unlink()
    assert run("ingest", "gfs", "--mirror", runs, *NEXT).returncode == 0
    assert run("sync", "--once").returncode == 0
    assert answer(windlass.stores, LATER) != before


def test_an_ingest_does_not_publish_over_a_garbled_manifest(run: Run, published: Any, runs: Path) -> None:
    garble_manifest(published.windlass.bucket)
    garbled = (published.windlass.bucket / "gfs" / "latest.json").read_bytes()
    error = run("ingest", "gfs", "--mirror", runs, *NEXT).error
    assert f"{published.windlass.bucket}/gfs/latest.json is not a valid manifest" in error
    assert error.endswith("restore it, or remove it and publish again")
    assert (published.windlass.bucket / "gfs" / "latest.json").read_bytes() == garbled
    assert json.loads(
        run("store", "show", published.windlass.bucket / "gfs" / "20260420T0000Z.zarr.zip", "--json").stdout
    )
