"""That every client of the benchmark brings the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.bench import fetching
from deployments.simulator.server import serve
from tasks.haul import GAP


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> fetching.Bucket:
    monkeypatch.setattr(fetching, "LEADS", range(2))
    monkeypatch.setattr(fetching, "VARIABLES", range(3))
    monkeypatch.setattr(fetching, "POINTS", 10)
    return fetching.fill(tmp_path / "mirror")


def test_no_two_messages_share_a_request() -> None:
    assert fetching.BETWEEN > GAP


@pytest.mark.parametrize("client", [fetching.ingest, fetching.aiohttp, fetching.obstore])
def test_every_client_brings_every_message(client: fetching.Client, bucket: fetching.Bucket, tmp_path: Path) -> None:
    (tmp_path / "fetched").mkdir()
    with serve(bucket.folder) as server:
        fetching.cost(client(server.url, 2, bucket, tmp_path / "fetched"))
    ranged = [asked for asked in server.asked if asked.range]
    assert len(ranged) == 6
    came = b"".join(path.read_bytes() for path in sorted((tmp_path / "fetched").iterdir()))
    sent = b""
    for path, start in bucket.ranges():
        content = (bucket.folder / path).read_bytes()[start : start + bucket.length]
        assert content.startswith(b"GRIB")
        assert content.endswith(b"7777")
        sent += content
    assert came == sent


def test_an_ingest_that_had_to_look_for_its_messages_is_not_measured(bucket: fetching.Bucket, tmp_path: Path) -> None:
    index = bucket.folder / "f001.idx"
    index.write_text(index.read_text().replace(":V1:", ":V7:"))
    with serve(bucket.folder) as server, pytest.raises(RuntimeError, match=r"3 of 3 came: .* scanned instead"):
        fetching.cost(fetching.ingest(server.url, 2, bucket, tmp_path / "fetched"))
