"""What ecCodes makes of a message: the independent truth, and where it is none."""

from __future__ import annotations

import eccodes
import numpy as np
from numpy.typing import NDArray

from tasks.packing import Packing

MISSING = -1.7e308
"""Written by ecCodes for a missing value; no packed float32 comes near it."""


def by_eccodes(message: bytes) -> NDArray[np.float32]:
    """All values of a message with one field, in its own order, NaN = missing.

    Raises eccodes.CodesInternalError for what ecCodes refuses; a damaged message may take the process down.
    """
    handle = eccodes.codes_new_from_message(message)
    try:
        eccodes.codes_set(handle, "missingValue", MISSING)
        values = eccodes.codes_get_array(handle, "values", float)
    finally:
        eccodes.codes_release(handle)
    with np.errstate(over="ignore"):
        return np.where(values == MISSING, np.nan, values).astype(np.float32)


def misreading(message: bytes, packing: Packing) -> str:
    """What ecCodes 2.50 reads otherwise than the manual has it; empty where it may be believed."""
    if packing.reference == 0 and np.signbit(packing.reference):
        return "it takes the sign off a reference value of -0"
    if 0 < abs(packing.reference) < np.finfo(np.float32).tiny:
        return "it adds 2^-126 to a reference value that is nearer to 0 than that"
    if packing.missing and max(packing.bits, _widest(message, packing)) >= 32:
        return "it shifts an int by 32 bits for the code of a missing value"
    return ""


def _widest(message: bytes, packing: Packing) -> int:
    """Bits of the widest group."""
    octets = np.frombuffer(message, np.uint8)[packing.widths_at // 8 : packing.lengths_at // 8]
    codes = np.unpackbits(octets)[: packing.groups * packing.width_bits].reshape(packing.groups, packing.width_bits)
    return packing.width_reference + int((codes @ (1 << np.arange(packing.width_bits)[::-1])).max(initial=0))
