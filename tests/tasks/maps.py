"""Small maps of heights, as GeoTIFF and what else people have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin


def write_map(
    path: Path,
    heights: NDArray[Any],
    west: float,
    north: float,
    width: float,
    height: float | None = None,
    **options: Any,
) -> str:
    """heights [rows, columns] or [band, rows, columns]; west, north: the corner; width, height: degrees of a pixel."""
    bands = heights[None] if heights.ndim == 2 else heights
    units = options.pop("units", None)
    told = {"driver": "GTiff", "crs": "EPSG:4326", "transform": from_origin(west, north, width, height or width)}
    shape = {"count": len(bands), "height": bands.shape[1], "width": bands.shape[2], "dtype": bands.dtype}
    with rasterio.open(path, "w", **(told | shape | options)) as file:
        file.write(bands)
        if units:
            file.units = [units] * len(bands)
    return str(path)


def hills(rows: int, columns: int, seed: int = 0) -> NDArray[np.int16]:
    """Heights at random, 0 to 4,000 m."""
    return np.random.default_rng(seed).integers(0, 4000, (rows, columns)).astype(np.int16)
