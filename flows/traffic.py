"""What groups of leads cost, kept beside what they staged: whatever thread or machine fetched, and however it ended.

<staged>/<random>.traffic.json   of one group, until the ingest that waits for it, or the next, adds it up
"""

from __future__ import annotations

import logging
import secrets
from pathlib import Path

from pydantic import ValidationError

from storage.record import Traffic
from tasks.meter import Meter

SUFFIX = ".traffic.json"

log = logging.getLogger("windlass")


def keep_traffic(folder: Path, meter: Meter) -> None:
    """Write it down for `take_traffic`. Where the disk does not take it, that is logged: a number ends no fetch."""
    traffic = Traffic(
        bytes=meter.bytes, messages=meter.messages, retries=dict(meter.retries), problems=dict(meter.problems)
    )
    if traffic == Traffic():
        return
    place = folder / f"{secrets.token_hex(8)}{SUFFIX}"
    part = place.with_suffix(".part")
    try:
        part.write_text(traffic.model_dump_json())
        part.rename(place)
    except OSError as error:
        log.error("what a group of leads cost is not counted: %s", error)


def take_traffic(folder: Path) -> Traffic:
    """All that was kept in a folder of staged leads, which is counted then."""
    total = Traffic()
    for place in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            total += Traffic.model_validate_json(place.read_bytes())
        except ValidationError as error:
            # A power cut leaves empty files behind.
            log.warning("%s is not counted: %s", place, error.errors(include_url=False)[0]["msg"])
        except FileNotFoundError:
            continue
        place.unlink(missing_ok=True)
    return total
