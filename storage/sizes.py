"""Bytes for people."""

from __future__ import annotations


def size_in_words(count: float) -> str:
    """Two or three digits: 12_345_678 -> '12.3 MB', 612_345_678 -> '612 MB'."""
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if count < 999.5:
            break
        unit, count = larger, count / 1000
    return f"{count:.0f} {unit}" if unit == "B" or count >= 99.95 else f"{count:.1f} {unit}"
