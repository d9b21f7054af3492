"""What an ingest of the full 0.25 degree grid costs over a few leads, from a simulated bucket to a published store."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from deployments.bench.measure import cost_of
from deployments.bench.table import Row
from flows.gfs import MODEL
from flows.leads import leads_in_words

FEW, MORE = range(4), range(12)

DECODE_ONLY = """
import sys
from collections.abc import Iterable
from pathlib import Path
import eccodes
for path in sorted(Path(sys.argv[1]).rglob("*.f0*")):
    if path.suffix == ".idx":
        continue
    with path.open("rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            eccodes.codes_get_values(handle)
            eccodes.codes_release(handle)
"""


def measure_ingesting(scratch: Path) -> list[Row]:
    """CPU and peak anonymous memory of `windlass ingest gfs --direct`, against decoding messages and nothing else."""
    public = scratch / "public"
    windlass = (sys.executable, "-m", "deployments.cli")
    cost_of((*windlass, "simulate", str(public), "--model", "gfs", "--full", "--leads", leads_in_words(MORE)), {})
    floor = cost_of((sys.executable, "-c", DECODE_ONLY, str(public)), {})
    folders = ("--bucket", str(scratch / "bucket"), "--work", str(scratch / "work"))
    few, more = (
        cost_of((*windlass, "ingest", "gfs", "--mirror", str(public), "--leads", leads_in_words(leads), *folders,
                 "--direct"), {})
        for leads in (FEW, MORE)
    )  # fmt: skip
    further = (more.cpu_seconds - few.cpu_seconds) / (_messages(MORE) - _messages(FEW))
    whole = more.cpu_seconds + further * (_messages(MODEL.cycles[0].leads) - _messages(MORE))
    decoded = sum(len(index.read_text().splitlines()) for index in public.rglob("*.idx"))
    decode = floor.cpu_seconds / decoded
    decoding = "ecCodes decoding as many messages, nothing else"
    return [
        Row(f"ingest GFS, full grid, {_name(FEW)}", few.cpu_seconds, "s CPU"),
        Row(f"ingest GFS, full grid, {_name(MORE)}", more.cpu_seconds, "s CPU", decode * _messages(MORE), decoding),
        Row("a further message", 1000 * further, "ms CPU", 1000 * decode, decoding),
        Row("so a whole run of 209 leads", whole, "s CPU"),
        Row(f"peak of anonymous memory, {_name(FEW)}", few.anonymous_bytes / 1e9, "GB", aim="< 1.6 GB"),
        Row(f"peak of anonymous memory, {_name(MORE)}", more.anonymous_bytes / 1e9, "GB", aim="< 1.6 GB"),
    ]


def _messages(leads: Iterable[int]) -> int:
    return sum(wanted.from_lead <= lead for lead in leads for wanted in MODEL.wanted)


def _name(leads: range) -> str:
    return f"{len(leads)} leads, {_messages(leads)} messages"
