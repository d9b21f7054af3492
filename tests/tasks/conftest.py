"""Small GRIB messages, fields on any grid, a small GFS-like run, and a client that does not wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import eccodes
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from storage.variables import Statistic
from tasks.mirrors import Patience
from tasks.wanted import Bucket, IndexKind, Level, Parameter, Product, StagedMessage, Wanted

RUN = datetime(2026, 4, 20, 6, tzinfo=UTC)
_WORDS = {
    Statistic.ACCUMULATION: ("acc", 1),
    Statistic.MEAN: ("ave", 0),
    Statistic.MAXIMUM: ("max", 2),
    Statistic.MINIMUM: ("min", 3),
}

TEMPERATURE = Wanted("air_temperature_2m", (Parameter(0, 0, 0),), Level(103, 2), ("TMP", "2 m above ground"), "2t")
HUMIDITY = Wanted("relative_humidity_2m", (Parameter(0, 1, 1),), Level(103, 2), ("RH", "2 m above ground"), "2r")
RAIN = Wanted(
    "precipitation_amount_surface",
    (Parameter(0, 1, 8),),
    Level(1),
    ("APCP", "surface"),
    "tp",
    statistic=Statistic.ACCUMULATION,
    bucket=Bucket.INTERVAL,
    from_lead=1,
)
UV = Wanted(
    "downward_uvb_flux_surface",
    (Parameter(0, 4, 194),),
    Level(1),
    ("DUVB", "surface"),
    statistic=Statistic.MEAN,
    bucket=Bucket.INTERVAL,
    product="secondary",
    from_lead=1,
    required=False,
)
WANTED = (TEMPERATURE, HUMIDITY, RAIN, UV)
PRODUCTS = tuple(
    Product(
        name,
        "run.{init_time:%Y%m%d%H}/" + name + ".f{lead:03d}",
        "run.{init_time:%Y%m%d%H}/" + name + ".f{lead:03d}.idx",
        IndexKind.IDX,
    )
    for name in ("main", "secondary")
)


@cache
def grib2(
    wanted: Wanted,
    interval: tuple[int, int],
    init_time: datetime = RUN,
    points: tuple[int, int] = (6, 4),
    fill: int = 1,
) -> bytes:
    """One message: `interval` in hours; points (columns, rows); values grow from `fill`."""
    handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
    start, end = interval
    nx, ny = 6, 4
    period = wanted.statistic in _WORDS
    level, at = wanted.level
    keys: dict[str, object] = {
        "centre": 7,
        "dataDate": int(init_time.strftime("%Y%m%d")),
        "dataTime": int(init_time.strftime("%H%M")),
        "discipline": wanted.parameters[0].discipline,
        "productDefinitionTemplateNumber": 8 if period else 0,
        "parameterCategory": wanted.parameters[0].category,
        "parameterNumber": wanted.parameters[0].number,
        "typeOfFirstFixedSurface": level,
        "Ni": nx,
        "Nj": ny,
        "iDirectionIncrementInDegrees": 1,
        "jDirectionIncrementInDegrees": 1,
        "latitudeOfFirstGridPointInDegrees": ny - 1,
        "latitudeOfLastGridPointInDegrees": 0,
        "longitudeOfFirstGridPointInDegrees": 0,
        "longitudeOfLastGridPointInDegrees": nx - 1,
        "bitsPerValue": 8,
    }
    if at is not None:
        keys |= {"scaleFactorOfFirstFixedSurface": 0, "scaledValueOfFirstFixedSurface": int(at)}
    if period:
        keys |= {"typeOfStatisticalProcessing": _WORDS[wanted.statistic][1], "stepRange": f"{start}-{end}"}
    else:
        keys |= {"stepRange": str(end)}
    try:
        for key, value in keys.items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, [float(fill + i) for i in range(nx * ny)])
        return bytes(eccodes.codes_get_message(handle))
    finally:
        eccodes.codes_release(handle)


def two_fields(first: bytes, second: bytes) -> bytes:
    """One message with the fields of both: sections 4 to 7 of the second behind those of the first."""
    position = 16
    while first[position + 4] != 4:
        position += int.from_bytes(first[position : position + 4], "big")
    at = 16
    while second[at + 4] != 4:
        at += int.from_bytes(second[at : at + 4], "big")
    body = first[16:-4] + second[at:-4]
    return first[:8] + (16 + len(body) + 4).to_bytes(8, "big") + body + b"7777"


def window(wanted: Wanted, interval: tuple[int, int]) -> str:
    """How an `.idx` writes an interval in hours."""
    start, end = interval
    if wanted.statistic in _WORDS:
        return f"{start}-{end} hour {_WORDS[wanted.statistic][0]} fcst"
    return f"{end} hour fcst" if end else "anl"


@dataclass(frozen=True)
class Line:
    """A message of a file and what the index says of it. `hidden`: it is not in the index."""

    wanted: Wanted
    interval: tuple[int, int]
    fill: int = 1
    hidden: bool = False


def write_file(folder: Path, product: Product, lead: int, lines: Sequence[Line], init_time: datetime = RUN) -> Path:
    """A file and its `.idx`; the file's path."""
    data, index = b"", []
    for number, line in enumerate(lines, 1):
        assert line.wanted.idx is not None
        if not line.hidden:
            name, level = line.wanted.idx
            index.append(
                f"{number}:{len(data)}:d={init_time:%Y%m%d%H}:{name}:{level}:{window(line.wanted, line.interval)}:\n"
            )
        data += grib2(line.wanted, line.interval, init_time, fill=line.fill)
    path = folder / product.data_path(init_time, lead)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.with_name(path.name + ".idx").write_text("".join(index))
    return path


PRESSURE = replace(TEMPERATURE, name="air_pressure_surface", parameters=(Parameter(0, 3, 0),), idx=("PRES", "surface"))


def write_run(folder: Path, leads: Sequence[int] = (0, 1, 2, 3), init_time: datetime = RUN) -> Path:
    """A run on a mirror: unwanted messages between the wanted ones, rain both as bucket and as the run's total."""
    for lead in leads:
        now = (lead, lead)
        lines = [
            Line(replace(PRESSURE, level=Level(1)), now),
            Line(TEMPERATURE, now, fill=lead),
            Line(HUMIDITY, now, fill=lead + 1),
            Line(replace(PRESSURE, level=Level(1), parameters=(Parameter(0, 3, 1),), idx=("PRMSL", "msl")), now),
        ]
        if lead:
            lines += [Line(RAIN, (0, lead), fill=9), Line(RAIN, (lead - 1, lead), fill=lead)]
            write_file(folder, PRODUCTS[1], lead, [Line(UV, (lead - 1, lead))], init_time)
        write_file(folder, PRODUCTS[0], lead, lines, init_time)
    return folder


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """A mirror's folder with leads 0 to 3 of RUN."""
    return write_run(tmp_path / "bucket")


@pytest.fixture(scope="session")
def hasty() -> Patience:
    """Patience for tests: nothing waits for long, and nothing is given up because the machine is busy."""
    return Patience(stall=5.0, first_delay=0.0, longest_delay=0.0, not_yet=0.0, tries=3)


@pytest.fixture(scope="session")
def toy() -> SimpleNamespace:
    """What this file makes, by name: importlib mode lets no test import it."""
    return SimpleNamespace(
        run=RUN,
        temperature=TEMPERATURE,
        humidity=HUMIDITY,
        rain=RAIN,
        uv=UV,
        wanted=WANTED,
        main=PRODUCTS[0],
        secondary=PRODUCTS[1],
        products=PRODUCTS,
        Line=Line,
        grib2=grib2,
        two_fields=two_fields,
        write_file=write_file,
        write_run=write_run,
    )


@dataclass(frozen=True)
class Plane:
    """Where a made field lies and in which order its message gives it; degrees. `dlat` < 0: from north to south."""

    lat0: float = 52.0
    dlat: float = -0.25
    ny: int = 13
    lon0: float = -3.0
    dlon: float = 0.25
    nx: int = 15
    westward: bool = False
    columns_first: bool = False
    alternating: bool = False

    def places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latitudes and longitudes [y, x] of the points, rows as scanned, columns from the west."""
        lats = self.lat0 + self.dlat * np.arange(self.ny)
        lons = self.lon0 + self.dlon * np.arange(self.nx)
        return np.repeat(lats[:, None], self.nx, axis=1), np.repeat(lons[None], self.ny, axis=0)

    def ordered(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """values [y, x] in the order of the message."""
        lines = values[:, ::-1] if self.westward else values
        lines = (lines.T if self.columns_first else lines).copy()
        if self.alternating:
            lines[1::2] = lines[1::2, ::-1]
        return lines.ravel()


def field_message(
    values: NDArray[np.float64], plane: Plane, edition: int = 2, packing: str = "grid_simple", bits: int = 16
) -> bytes:
    """A message of values [y, x], NaN = missing through a bitmap; what it measures and when is the sample's."""
    handle = eccodes.codes_grib_new_from_samples(f"regular_ll_sfc_grib{edition}")
    east = plane.lon0 + plane.dlon * (plane.nx - 1)
    first, last = (east, plane.lon0) if plane.westward else (plane.lon0, east)
    keys = {
        "Ni": plane.nx,
        "Nj": plane.ny,
        "iScansNegatively": int(plane.westward),
        "jScansPositively": int(plane.dlat > 0),
        "jPointsAreConsecutive": int(plane.columns_first),
        "latitudeOfFirstGridPointInDegrees": plane.lat0,
        "latitudeOfLastGridPointInDegrees": plane.lat0 + plane.dlat * (plane.ny - 1),
        "longitudeOfFirstGridPointInDegrees": first % 360 if edition == 2 else first,
        "longitudeOfLastGridPointInDegrees": last % 360 if edition == 2 else last,
        "iDirectionIncrementInDegrees": plane.dlon,
        "jDirectionIncrementInDegrees": abs(plane.dlat),
        "bitsPerValue": bits,
    } | ({"alternativeRowScanning": 1} if plane.alternating else {})
    ordered = plane.ordered(np.asarray(values, np.float64))
    if packing == "grid_ieee":
        keys |= {"packingType": packing, "precision": 2}
    if np.isnan(ordered).any():
        keys |= {"bitmapPresent": 1, "missingValue": 1e30}
    try:
        for key, value in keys.items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, np.where(np.isnan(ordered), 1e30, ordered))
        if packing not in ("grid_simple", "grid_ieee"):
            # ecCodes 2.50 packs a complex message well only out of a simple one.
            eccodes.codes_set(handle, "packingType", packing)
        return bytes(eccodes.codes_get_message(handle))
    finally:
        eccodes.codes_release(handle)


class Stage:
    """Stages made messages in one blob."""

    def __init__(self, blob: Path) -> None:
        self.blob = blob

    def bytes(self, data: bytes, variable: str, interval: tuple[int, int], field: int = 0) -> StagedMessage:
        """`interval`: minutes. The URL names variable and lead."""
        offset = self.blob.stat().st_size if self.blob.exists() else 0
        with self.blob.open("ab") as file:
            file.write(data)
        return StagedMessage(
            variable=variable,
            lead=interval[1],
            interval=interval,
            blob=str(self.blob),
            offset=offset,
            length=len(data),
            field=field,
            url=f"https://mirror.test/{variable}.f{interval[1] // 60:03d}",
            mirror="test",
        )

    def field(
        self,
        values: NDArray[np.float64],
        variable: str = "air_temperature_2m",
        interval: tuple[int, int] = (0, 0),
        plane: Plane | None = None,
        **how: Any,
    ) -> StagedMessage:
        """A field [y, x]; without `plane` on a small grid of its own shape. `how`: see field_message."""
        values = np.asarray(values, np.float64)
        plane = plane or Plane(ny=values.shape[0], nx=values.shape[1])
        return self.bytes(field_message(values, plane, **how), variable, interval)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Stages made messages in a file of the test."""
    return Stage(tmp_path / "staged.grib")


@pytest.fixture(scope="session")
def made() -> SimpleNamespace:
    """Fields as messages, by name."""
    return SimpleNamespace(Plane=Plane, Stage=Stage, message=field_message)


@pytest.fixture
def nobody_is_left() -> Iterator[None]:
    """Fails a test that leaves a child process, dead or alive, behind."""
    before = set(psutil.Process().children())
    yield
    assert set(psutil.Process().children()) <= before
