"""An ensemble's store made by two workers of a Dask cluster, against the one that threads of one process make."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployments.simulator.run import simulate_run
from flows.dask_helpers import DaskHelpers, helpers_at
from flows.errors import RequestError
from flows.gefs import MODEL, gefs
from flows.ingest import ingest
from flows.request import IngestRequest
from storage.grids import LatLonGrid
from storage.manifest import Manifest
from tasks.slabs import Slab, slabs_of

RUN = datetime(2026, 4, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    import distributed

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as started:
        yield started


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """37 rows are four rows of shards."""
    folder = tmp_path_factory.mktemp("mirror")
    simulate_run(folder, MODEL, RUN, (3, 6, 9), LatLonGrid(90.0, -5.0, 37, 0.0, 10.0, 36))
    return folder


def asked(folder: Path, mirror: Path, dask: str | None) -> IngestRequest:
    return IngestRequest(
        mirror=str(mirror),
        init_time=RUN,
        leads="3-9/3",
        bucket=str(folder / "bucket"),
        work=folder / "work",
        now=RUN,
        dask=dask,
    )


def test_two_workers_make_the_store_of_one_process_to_the_bit(
    cluster: Any, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ingest(MODEL, asked(tmp_path / "plain", mirror, None))
    monkeypatch.setattr("tasks.write.encoded", lambda *_: pytest.fail("encoded at home"))
    seen: list[list[Slab]] = []
    encode = DaskHelpers.encode
    monkeypatch.setattr(DaskHelpers, "encode", lambda self, slabs: [seen.append(list(slabs)), encode(self, slabs)][1])
    monkeypatch.setenv("WINDLASS_DASK_ADDRESS", cluster.scheduler_address)
    shared = gefs(asked(tmp_path / "shared", mirror, None))
    one, other = (Manifest.model_validate(report.manifest) for report in (plain, shared))
    assert (one.sha256, one.size) == (other.sha256, other.size)
    assert [slab.rows for slab in seen[0]] == [range(2), range(2, 4)]
    assert not list((tmp_path / "shared" / "work").rglob("*.slab*")), "nothing is left of the slabs"


def test_slabs_cover_all_rows_once(tmp_path: Path) -> None:
    slab = Slab((), (), (), None, (), None, None, range(7), tmp_path / "a")  # type: ignore[arg-type]
    for count in (1, 2, 3, 7, 9):
        parts = slabs_of(slab, count)
        assert [row for part in parts for row in part.rows] == list(range(7))
        assert len({part.path for part in parts}) == len(parts) == min(count, 7)


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    def nobody(*_: object, **__: object) -> None:
        raise OSError("timed out")

    monkeypatch.setattr(distributed, "Client", nobody)
    with pytest.raises(RequestError, match=r"no Dask scheduler answers at tcp://127.0.0.1:1"):
        helpers_at("tcp://127.0.0.1:1")
