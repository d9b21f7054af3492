"""Fixtures that several rooms share, a file each."""

from __future__ import annotations

# eccodeslib and pyproj each bring a libproj: with pyproj second, the process dies when it ends (2.50.0, 3.7.2).
import pyproj  # noqa: F401

pytest_plugins = [
    f"tests.fixtures.{name}"
    for name in (
        "environment",
        "sharing",
        "decoding",
        "prefect",
        "yard",
        "s3",
        "disk",
        "channels",
        "browser",
        "readers",
        "shared",
        "golden",
    )
]
