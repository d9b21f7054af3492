"""Faults in the files of a simulated run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deployments.simulator.faults import FaultKind, FileFault, apply_faults
from flows.gfs import MODEL as GFS
from flows.model import Model

Run = Callable[..., Any]
NEXT = datetime(2026, 4, 20, 6, tzinfo=UTC)
USUAL = ("--leads", "0-2", "--init-time", "2026-04-20T06", "--direct")
LEAD1 = "gfs.20260420/06/atmos/gfs.t06z.pgrb2.0p25.f001"
LAST = "gfs.20260420/06/atmos/gfs.t06z.pgrb2.0p25.f002.idx"


def spoil(mirror: Path, kind: FaultKind, model: Model = GFS) -> None:
    apply_faults(mirror, model, NEXT, [FileFault(kind, 1)])
