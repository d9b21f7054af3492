"""Small GRIB messages, fields on any grid, a small GFS-like run, and a client that does not wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from tasks.ask import LeadOrder
from tasks.fetch import LeadResult, fetch_leads
from tasks.mirrors import Patience
from tasks.wanted import Mirror
from tests.tasks import fields, messages
from tests.tasks.fetching import Fetch, swell


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """A mirror's folder with leads 0 to 3 of RUN."""
    return messages.write_run(tmp_path / "bucket")


@pytest.fixture(scope="session")
def hasty() -> Patience:
    """Patience for tests: nothing waits for long, and nothing is given up because the machine is busy."""
    return Patience(stall=5.0, first_delay=0.0, longest_delay=0.0, not_yet=0.0, tries=3)


@pytest.fixture(scope="session")
def toy() -> SimpleNamespace:
    """Messages and runs, by name."""
    return SimpleNamespace(
        run=messages.RUN,
        temperature=messages.TEMPERATURE,
        humidity=messages.HUMIDITY,
        rain=messages.RAIN,
        uv=messages.UV,
        wanted=messages.WANTED,
        main=messages.PRODUCTS[0],
        secondary=messages.PRODUCTS[1],
        products=messages.PRODUCTS,
        Line=messages.Line,
        grib2=messages.grib2,
        two_fields=messages.two_fields,
        write_file=messages.write_file,
        write_run=messages.write_run,
    )


@pytest.fixture
def stage(tmp_path: Path) -> fields.Stage:
    """Stages made messages in a file of the test."""
    return fields.Stage(tmp_path / "staged.grib")


@pytest.fixture(scope="session")
def made() -> SimpleNamespace:
    """Fields as messages, by name."""
    return SimpleNamespace(Plane=fields.Plane, Stage=fields.Stage, message=fields.field_message)


@pytest.fixture
def nobody_is_left() -> Iterator[None]:
    """Fails a test that leaves a child process, dead or alive, behind."""
    before = set(psutil.Process().children())
    yield
    assert set(psutil.Process().children()) <= before


@pytest.fixture
def order(toy: SimpleNamespace, tmp_path: Path) -> Callable[..., LeadOrder]:
    """order(mirrors, lead): one lead of the toy run."""

    def order(mirrors: Sequence[str | Path], lead: int = 2) -> LeadOrder:
        return LeadOrder(
            model="toy",
            init_time=toy.run,
            lead=lead,
            products=toy.products,
            wanted=tuple(row for row in toy.wanted if row.from_lead <= lead),
            mirrors=tuple(Mirror(f"mirror{number}", str(base)) for number, base in enumerate(mirrors, 1)),
            folder=tmp_path / "staged",
        )

    return order


@pytest.fixture
def fetch(order: Callable[..., LeadOrder], hasty: Patience) -> Fetch:
    """fetch(mirror, ..., leads=...): the results of the toy run's leads, sorted."""

    def fetch(*mirrors: str | Path, leads: Sequence[int] = (2,), patience: Patience = hasty) -> list[LeadResult]:
        orders = [order(mirrors, lead) for lead in leads]
        return sorted(fetch_leads(orders, patience), key=lambda result: result.lead)

    return fetch


@pytest.fixture
def fat(bucket: Path, toy: SimpleNamespace) -> Path:
    """A mirror whose lead 2 has wanted messages of 24 MB each, the last without a length in the index."""
    path = bucket / toy.main.data_path(toy.run, 2)
    messages = [swell(toy.grib2(row, (2 - row.from_lead, 2)), 24_000_000) for row in toy.wanted[:3]]
    path.write_bytes(b"".join(messages))
    names_ = ("TMP:2 m above ground:2 hour fcst", "RH:2 m above ground:2 hour fcst", "APCP:surface:1-2 hour acc fcst")
    path.with_name(path.name + ".idx").write_text(
        "".join(f"{i + 1}:{i * len(messages[0])}:d=2026042006:{name}:\n" for i, name in enumerate(names_))
    )
    return bucket
