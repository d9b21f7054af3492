"""What can be wrong with the files of a bucket, done to a simulated run on request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from deployments.simulator.run import put
from flows.model import Model
from tasks.grib import HEAD, message_length
from tasks.wanted import IndexKind, Product, Wanted


class FaultKind(StrEnum):
    """One way in which a lead's files are wrong."""

    MISSING = "missing"
    """Neither data nor index are there."""
    TRUNCATED = "truncated"
    """The data end in the middle of a message, the index is whole."""
    STALE_INDEX = "stale-index"
    """The index has the offsets of an older, smaller file."""
    CORRUPT = "corrupt"
    """One wanted message has inverted bytes all over it, its end mark too."""
    MISLABELLED = "mislabelled"
    """The index calls 2 m temperature dew point, and the reverse."""
    OTHER_RUN = "other-run"
    """Every message says that it belongs to the run six hours before."""


SHRUNK = 0.97
"""Length of an older file's messages in those of the new one."""
STRIDE = 61
"""Every so many bytes one is inverted in a corrupt message."""


@dataclass(frozen=True)
class FileFault:
    """What is wrong with the files of one lead (hours), in one of the model's products."""

    kind: FaultKind
    lead: int
    product: str = "main"


def parse_fault(text: str) -> FileFault:
    """'missing@6' or 'corrupt@12:secondary'; raises ValueError naming the kinds there are."""
    match = re.fullmatch(r"([a-z-]+)@(\d{1,4})(?::(\w+))?", text.strip())
    if not match or match[1] not in list(FaultKind):
        raise ValueError(f"cannot read the fault {text!r}: write KIND@LEAD, where KIND is {', '.join(FaultKind)}")
    return FileFault(FaultKind(match[1]), int(match[2]), match[3] or "main")


def apply_faults(folder: Path, model: Model, init_time: datetime, faults: Iterable[FileFault]) -> None:
    """Spoil files that `simulate_run` wrote; the same faults give the same bytes.

    Raises FileNotFoundError for a lead that was not written, LookupError for a product the model does not have.
    """
    for fault in faults:
        products = {product.name: product for product in model.products}
        if fault.product not in products:
            raise LookupError(f"{model.name} has no product {fault.product!r}; products: {', '.join(products)}")
        product = products[fault.product]
        files = _Files(
            folder / product.data_path(init_time, fault.lead),
            folder / product.index_path(init_time, fault.lead),
            product,
            tuple(wanted for wanted in model.wanted if wanted.product == product.name),
        )
        _DEEDS[fault.kind](files)


@dataclass(frozen=True)
class _Files:
    data: Path
    index: Path
    product: Product
    wanted: tuple[Wanted, ...]

    def names(self) -> list[tuple[str, ...]]:
        """What the index calls each wanted variable."""
        return [wanted.idx or (wanted.param or "",) for wanted in self.wanted]


def _missing(files: _Files) -> None:
    files.index.unlink()
    files.data.unlink()


def _truncated(files: _Files) -> None:
    data = files.data.read_bytes()
    ends = [end for _, end in messages(data)]
    # Near three quarters, but never between two messages.
    cut = next((end for end in ends if end >= 0.75 * len(data)), len(data)) - 9
    put(files.data, data[:cut])


def _stale_index(files: _Files) -> None:
    shorter = 0
    lines = []
    for (start, end), line in zip(messages(files.data.read_bytes()), _lines(files), strict=True):
        length = int((end - start) * SHRUNK)
        if files.product.kind is IndexKind.IDX:
            number, _, rest = line.split(":", 2)
            lines.append(f"{number}:{shorter}:{rest}")
        else:
            lines.append(json.dumps({**json.loads(line), "_offset": shorter, "_length": length}))
        shorter += length
    put(files.index, "".join(line + "\n" for line in lines).encode())


def _corrupt(files: _Files) -> None:
    data = bytearray(files.data.read_bytes())
    for (start, end), line in zip(messages(data), _lines(files), strict=True):
        if _name(files, line) in files.names():
            for at in (*range(start + HEAD, end, STRIDE), end - 1):
                data[at] ^= 0xFF
            break
    put(files.data, bytes(data))


def _mislabelled(files: _Files) -> None:
    lines = _lines(files)
    chosen = [name for name, wanted in zip(files.names(), files.wanted, strict=True) if "temperature_2m" in wanted.name]
    first, second, *_ = chosen if len(chosen) > 1 else files.names()
    other = {first: second, second: first}
    renamed = [_renamed(files, line, other.get(_name(files, line))) for line in lines]
    put(files.index, "".join(line + "\n" for line in renamed).encode())


def _other_run(files: _Files) -> None:
    data = bytearray(files.data.read_bytes())
    for start, _ in messages(data):
        # Section 1 follows the indicator at once; its octets 13 to 16 are year, month, day, hour.
        at = start + HEAD + 12
        ours = datetime(int.from_bytes(data[at : at + 2], "big"), *data[at + 2 : at + 5])
        theirs = ours - timedelta(hours=6)
        data[at : at + 5] = bytes((theirs.year >> 8, theirs.year & 0xFF, theirs.month, theirs.day, theirs.hour))
    put(files.data, bytes(data))


_DEEDS: dict[FaultKind, Callable[[_Files], None]] = {
    FaultKind.MISSING: _missing,
    FaultKind.TRUNCATED: _truncated,
    FaultKind.STALE_INDEX: _stale_index,
    FaultKind.CORRUPT: _corrupt,
    FaultKind.MISLABELLED: _mislabelled,
    FaultKind.OTHER_RUN: _other_run,
}


def messages(data: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """(start, end) of every message of a whole GRIB2 file; raises MessageError."""
    start = 0
    while start < len(data):
        end = start + message_length(bytes(data[start : start + HEAD]))
        yield start, end
        start = end


def _lines(files: _Files) -> Sequence[str]:
    return files.index.read_text().splitlines()


def _name(files: _Files, line: str) -> tuple[str, ...]:
    if files.product.kind is IndexKind.IDX:
        return tuple(line.split(":")[3:5])
    return (json.loads(line)["param"],)


def _renamed(files: _Files, line: str, name: tuple[str, ...] | None) -> str:
    if name is None:
        return line
    if files.product.kind is IndexKind.IDX:
        parts = line.split(":")
        return ":".join([*parts[:3], *name, *parts[5:]])
    return json.dumps({**json.loads(line), "param": name[0]})
