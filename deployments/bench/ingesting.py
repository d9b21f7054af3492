"""What an ingest of the full 0.25 degree grid costs over a few leads, from a simulated bucket to a published store."""

from __future__ import annotations

import sys
from pathlib import Path

from deployments.bench.measure import cost_of
from deployments.bench.table import Row
from flows.gfs import MODEL
from flows.leads import leads_in_words

LEADS = (0, 1, 2, 3, 4, 5, 6, 9)
WHOLE_RUN = 22 * 209 - 3

DECODE_ONLY = """
import sys
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
    """CPU and peak anonymous memory of `windlass ingest gfs --direct`, against decoding the same files once."""
    public, leads = scratch / "public", leads_in_words(LEADS)
    windlass = (sys.executable, "-m", "deployments.cli")
    if not public.exists():
        cost_of((*windlass, "simulate", str(public), "--model", "gfs", "--full", "--leads", leads), {})
    floor = cost_of((sys.executable, "-c", DECODE_ONLY, str(public)), {})
    folders = ("--bucket", str(scratch / "bucket"), "--work", str(scratch / "work"))
    ours = cost_of((*windlass, "ingest", "gfs", "--mirror", str(public), "--leads", leads, *folders, "--direct"), {})
    messages = sum(wanted.from_lead <= lead for lead in LEADS for wanted in MODEL.wanted)
    per_message = ours.cpu_seconds / messages
    return [
        Row(
            f"ingest GFS, full grid, {len(LEADS)} leads, {messages} messages",
            ours.cpu_seconds,
            "s CPU",
            floor.cpu_seconds,
            "ecCodes decoding the same files, nothing else",
        ),
        Row("the same, scaled to a whole run of 209 leads", per_message * WHOLE_RUN, "s CPU"),
        Row("its peak of anonymous memory", ours.anonymous_bytes / 1e9, "GB", aim="< 1.6 GB"),
    ]
