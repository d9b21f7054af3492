"""Finding messages where no index says where they are: in any GRIB1 or GRIB2 file, local or over byte ranges."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tasks.errors import InventoryError, MessageError
from tasks.field import FieldId, is_of, match
from tasks.grib import HEAD, MAGIC, Reading, drive, read_fields
from tasks.grib1 import identify_grib1
from tasks.pick import best
from tasks.wanted import Slot, StagedMessage, Wanted

SEARCH = 65_536
"""Bytes looked through at once for the next message where messages do not follow each other directly."""


@dataclass(frozen=True)
class Located:
    """A field and the offset of its message in the file."""

    offset: int
    field: FieldId


class Staged(NamedTuple):
    """What given files hold of a model. `points`: of their grid.

    `unused`: in words, what they hold that was left aside and why.
    """

    init_time: datetime
    messages: tuple[StagedMessage, ...]
    points: int
    unused: tuple[str, ...]


def walk(size: int, grib1: Callable[[int], FieldId] | None = None) -> Reading[list[Located]]:
    """Every field of a file of `size` bytes, reading the heads of sections only.

    Bytes between messages are skipped. `grib1` identifies the GRIB1 message at an offset, where that can be done.
    Raises MessageError, naming the offset, for a message that is broken or cut short.
    """
    found: list[Located] = []
    position = 0
    while (offset := (yield from _next_message(position, size))) is not None:
        head = yield offset, min(HEAD, size - offset)
        try:
            if len(head) > 7 and head[7] == 1 and grib1 is not None:
                fields = [grib1(offset)]
            else:
                _fits(head, size - offset)
                fields = yield from read_fields(offset)
        except MessageError as error:
            raise MessageError(f"at byte {offset} of {size}: {error}") from error
        found += [Located(offset, field) for field in fields]
        position = offset + fields[0].length
    return found


def _fits(head: bytes, room: int) -> None:
    length = int.from_bytes(head[8:16], "big")
    if len(head) < HEAD or (head[7] == 2 and length > room):
        raise MessageError(f"a message of {length} bytes is cut short after {room}")


def _next_message(position: int, size: int) -> Reading[int | None]:
    while position < size:
        chunk = yield position, min(HEAD, size - position)
        if not chunk.startswith(MAGIC):
            chunk = yield position, min(SEARCH, size - position)
        at = chunk.find(MAGIC)
        if at >= 0:
            return position + at
        position += max(len(chunk) - len(MAGIC) + 1, 1)
    return None


def scan_file(path: Path) -> list[Located]:
    """Every field of a local file; raises MessageError and InventoryError naming the file, FileNotFoundError."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            return drive(
                walk(size, lambda offset: identify_grib1(file, offset)),
                lambda start, count: os.pread(file.fileno(), count, start),
            )
    except MessageError as error:
        raise MessageError(f"{path}: {error}; fetch the file again") from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InventoryError(f"{path} cannot be read: {error.strerror or error}") from error


def stage_files(
    files: Sequence[Path],
    wanted: Iterable[Wanted],
    init_time: datetime | None = None,
    members: tuple[int, ...] = (),
) -> Staged:
    """The wanted messages of local GRIB files: the blob of each is the file itself.

    Where a run's files hold several grids, the one with most messages is taken. `init_time` chooses a run. `members`:
    of an ensemble.
    Raises InventoryError where there is no GRIB message, none that is wanted, or several runs and none was chosen;
    MessageError for a broken file.
    """
    wanted = tuple(wanted)
    located = [(path, entry) for path in files for entry in scan_file(Path(path))]
    names = ", ".join(map(str, files))
    if not located:
        raise InventoryError(f"no GRIB message in {names or 'no files'}")
    candidates = [
        (row, path, entry)
        for path, entry in located
        for row in wanted
        if is_of(entry.field, members) and match(entry.field, row) and _due(entry.field, row)
    ]
    unused: Counter[str] = Counter(
        f"not a variable of the model: {_what(entry.field)}"
        for _, entry in located
        if not any(match(entry.field, row) for row in wanted)
    )
    if not candidates:
        raise InventoryError(f"none of the {len(located)} fields in {names} is a variable of the model")
    init_time = _choose_run(candidates, names) if init_time is None else init_time
    shapes = Counter(entry.field.shape for _, _, entry in candidates if entry.field.init_time == init_time)
    if not shapes:
        raise InventoryError(f"{names}: no field of the run {init_time:%Y-%m-%dT%H:%MZ}")
    shape = shapes.most_common(1)[0][0]
    groups: dict[Slot, list[tuple[Wanted, Path, Located]]] = defaultdict(list)
    for row, path, entry in candidates:
        if entry.field.init_time != init_time:
            unused[f"another run: {entry.field.init_time:%Y-%m-%dT%H:%MZ}"] += 1
        elif entry.field.shape != shape:
            unused[f"another grid, {entry.field.shape.nx} x {entry.field.shape.ny} points"] += 1
        else:
            member = entry.field.member if members else None
            groups[Slot(row.name, _interval(entry.field)[1], member)].append((row, path, entry))
    messages = []
    for slot, group in sorted(groups.items(), key=lambda item: (item[0].lead, item[0].variable, item[0].member or 0)):
        row, path, entry = best(group[0][0], group, lambda item: _interval(item[2].field))
        unused.update({f"a second version of {slot.variable}": len(group) - 1} if len(group) > 1 else {})
        messages.append(
            StagedMessage(
                variable=slot.variable,
                lead=slot.lead,
                interval=_interval(entry.field),
                blob=str(path),
                offset=entry.offset,
                length=entry.field.length,
                field=entry.field.number,
                url=str(path),
                mirror="file",
                member=slot.member,
            )
        )
    return Staged(
        init_time,
        tuple(messages),
        points=shape.nx * shape.ny,
        unused=tuple(f"{what} ({count})" for what, count in sorted(unused.items())),
    )


def _interval(field: FieldId) -> tuple[int, int]:
    # `match` refuses a field without one.
    assert field.interval is not None
    return field.interval


def _due(field: FieldId, wanted: Wanted) -> bool:
    return wanted.due(field.init_time, _interval(field)[1])


def _what(field: FieldId) -> str:
    name = field.short or ".".join(map(str, field.parameter or ()))
    statistic = field.statistic.value if field.statistic else "other statistic"
    return f"{name} at level type {field.level.type if field.level else '?'}, {statistic}"


def _choose_run(candidates: Sequence[tuple[Wanted, Path, Located]], names: str) -> datetime:
    runs = sorted({entry.field.init_time for _, _, entry in candidates})
    if len(runs) > 1:
        shown = ", ".join(f"{run:%Y-%m-%dT%H:%MZ}" for run in runs[:4]) + (", ..." if len(runs) > 4 else "")
        raise InventoryError(f"{names} hold {len(runs)} runs: {shown}. Give the files of one run at a time")
    return runs[0]
