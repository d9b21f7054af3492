"""The values of a message, and the message with others, by ecCodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import eccodes
import numpy as np
from numpy.typing import NDArray

from deployments.simulator.faults import messages

Values = NDArray[np.float64]


def values_of(data: bytes) -> Values:
    handle = eccodes.codes_new_from_message(data)
    values: Values = eccodes.codes_get_values(handle)
    eccodes.codes_release(handle)
    return values


def with_values(data: bytes, values: Values) -> bytes:
    """NaN = missing."""
    handle = eccodes.codes_new_from_message(data)
    for key, value in (("packingType", "grid_simple"), ("decimalScaleFactor", 0), ("bitsPerValue", 24)):
        eccodes.codes_set(handle, key, value)
    if np.isnan(values).any():
        eccodes.codes_set(handle, "bitmapPresent", 1)
        eccodes.codes_set(handle, "missingValue", 9_999_999)
    eccodes.codes_set_values(handle, np.nan_to_num(values, nan=9_999_999))
    data = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return data


def rewrite(file: Path, change: Callable[[Values], Values], which: Callable[[str], bool]) -> None:
    """Give messages of a file with an `.idx` other values: those of which `which` likes the index's line."""
    index = file.with_name(file.name + ".idx")
    data, lines, out = file.read_bytes(), [], b""
    for (start, end), line in zip(messages(data), index.read_text().splitlines(), strict=True):
        message = data[start:end]
        number, _, rest = line.split(":", 2)
        lines.append(f"{number}:{len(out)}:{rest}\n")
        out += with_values(message, change(values_of(message))) if which(line) else message
    file.write_bytes(out)
    index.write_text("".join(lines))
