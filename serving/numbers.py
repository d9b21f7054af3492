"""A number to bytes: the same as a JSON library writes, in a few nanoseconds and without a loop.

A number is rounded as Python's `round` does, from its exact binary value, halves to even, and written in the fewest
digits: the bytes equal those of a JSON library fed with rounded floats, but for `-0.0`, which is written `0.0`.
"""

from __future__ import annotations

import numpy as np

from serving.machine import high_zeros, low_zeros, put_word
from storage.kernels import kernel

# Beyond this the decimals of a float64 are not its own any more; nothing on Earth measures so much.
LIMIT = 1e11
LONGEST = 24
"""No number takes more bytes than this: a sign, 12 digits, the point, 4 decimals, and what is written beyond them."""
_POWERS = np.array([10**power for power in range(9)], dtype=np.uint64)
# Numba makes a float of a signed and an unsigned number.
_U0, _U8, _U10, _U16, _U20, _U32, _U100 = (np.uint64(number) for number in (0, 8, 10, 16, 20, 32, 100))
_U103, _U10486, _E4, _E8 = (np.uint64(number) for number in (103, 10_486, 10_000, 100_000_000))
_LANES_OF_FOUR, _LANES_OF_TWO = np.uint64(0x0000007F0000007F), np.uint64(0x000F000F000F000F)
_ZEROS = np.uint64(0x3030303030303030)
_MINUS, _POINT = np.uint64(ord("-")), np.uint64(ord("."))


@kernel
def rounded(value: float, power: np.uint64) -> int:
    """`value` x `power` as the nearest integer, by the exact product, halves to even; 0 <= value < LIMIT."""
    product = value * power
    count = int(product)
    part = product - count
    if part == 0.5:
        # The exact product is product + error (Dekker, 1971): only where it is a true half, even wins.
        split = 134217729.0 * value
        high = split - (split - value)
        low = value - high
        error = (high * power - product) + low * power
        if error > 0.0 or (error == 0.0 and count % 2 == 1):
            count += 1
    return count + int(part > 0.5)


@kernel
def digits_of(number: np.uint64) -> np.uint64:
    """The eight decimal digits of a number below 10^8, a byte each, the first one lowest.

    Halves, quarters and eighths are told apart in the lanes of one word.
    """
    high = number // _E4
    pairs = high | ((number - high * _E4) << _U32)
    tops = ((pairs * _U10486) >> _U20) & _LANES_OF_FOUR
    fours = ((pairs - _U100 * tops) << _U16) + tops
    tens = ((fours * _U103) >> _U10) & _LANES_OF_TWO
    return tens + ((fours - _U10 * tens) << _U8)


@kernel
def _write_integer(at: int, number: np.uint64) -> int:
    digits = digits_of(number)
    skipped = min(low_zeros(digits) >> 3, 7)
    put_word(at, (digits | _ZEROS) >> np.uint64(8 * skipped))
    return at + 8 - skipped


@kernel
def write_number(at: int, value: float, decimals: int) -> int:
    """Write a finite number below LIMIT to an address; the one after it. With 0 decimals an integer, else at least one
    digit of them.

    The eight bytes after it may be overwritten.
    """
    power = _POWERS[decimals]
    count = np.uint64(rounded(abs(value), power))
    if value < 0.0 and count > _U0:
        put_word(at, _MINUS)
        at += 1
    if count < _E8 and decimals:
        # Eight digits, of which the last ones are the decimals.
        digits = digits_of(count)
        before = 8 - decimals
        skipped = min(low_zeros(digits) >> 3, before - 1)
        written = digits | _ZEROS
        put_word(at, written >> np.uint64(8 * skipped))
        at += before - skipped
        put_word(at, ((written >> np.uint64(8 * before)) << _U8) | _POINT)
        return at + 1 + max(decimals - (high_zeros(digits) >> 3), 1)
    whole = count // power
    rest = (count - whole * power) * _POWERS[8 - decimals]
    if whole >= _E8:
        high = whole // _E8
        at = _write_integer(at, high)
        put_word(at, digits_of(whole - high * _E8) | _ZEROS)
        at += 8
    else:
        at = _write_integer(at, whole)
    if decimals:
        digits = digits_of(rest)
        put_word(at, _POINT)
        put_word(at + 1, digits | _ZEROS)
        at += 1 + max(8 - (high_zeros(digits) >> 3), 1)
    return at
