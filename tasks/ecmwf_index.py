"""ECMWF's `.index`: a JSON object a field."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from storage.run_time import run_time
from storage.variables import Statistic
from tasks.entry import Entry, Interval, Malformed, Target
from tasks.wanted import Bucket, Wanted

_STEP = re.compile(r"(?:(\d+)-)?(\d+)")


def read_ecmwf(lines: Sequence[str], target: Target) -> list[Entry]:
    """JSON objects, one a line: `param`, `levtype`, `step`, `date`, `time`, `_offset`, `_length`."""
    named: dict[str, list[Wanted]] = defaultdict(list)
    for wanted in target.wanted:
        for param in (wanted.param, *wanted.param_aliases):
            if param is not None:
                named[param].append(wanted)
    run = f"{target.init_time:%Y%m%d %H%M}"
    kinds = ("cf", "pf") if target.members else ("fc",)
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            offset, length = int(row["_offset"]), int(row["_length"])
            param, step = str(row["param"]), str(row["step"])
            said = f"{row['date']} {int(row['time']):04d}"
        except (ValueError, KeyError, TypeError) as error:
            raise Malformed(number, line, f"not a line of an ECMWF .index ({error})") from error
        if said != run:
            raise Malformed(number, line, f"not of the run {run_time(target.init_time)}")
        if offset < 0 or length <= 0:
            raise Malformed(number, line, "no place in a file")
        # em, es and ep are means, spreads and probabilities. The control has no number.
        if row.get("levtype") != "sfc" or row.get("type", "fc") not in kinds:
            continue
        member = _number(row, number, line) if target.members else None
        if member not in (target.members or (None,)) or (not target.members and row.get("number") is not None):
            continue
        steps = _STEP.fullmatch(step)
        if steps and 60 * int(steps[2]) in target.times:
            end = 60 * int(steps[2])
            rows = named.get(param, ())
            found += [Entry(wanted, end, offset, length, _interval(wanted, steps), member) for wanted in rows]
    return found


def _number(row: dict[str, Any], number: int, line: str) -> int:
    try:
        return int(row.get("number") or 0)
    except (ValueError, TypeError) as error:
        raise Malformed(number, line, f"not a line of an ECMWF .index ({error})") from error


def _interval(wanted: Wanted, steps: re.Match[str]) -> Interval | None:
    """Mostly the index names the end only; where an extreme begins is for the message to say."""
    start, end = steps.groups()
    minutes = int(end) * 60
    if start is not None:
        return int(start) * 60, minutes
    if wanted.statistic is Statistic.INSTANT:
        return minutes, minutes
    return (0, minutes) if wanted.bucket is Bucket.SINCE_START else None
