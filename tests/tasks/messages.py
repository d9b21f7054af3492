"""Small GRIB messages and a small GFS-like run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import eccodes

from storage.variables import Statistic
from tasks.wanted import Bucket, IndexKind, Level, Parameter, Product, Wanted

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
    member: int | None = None,
) -> bytes:
    """One message: `interval` in hours; points (columns, rows); values grow from `fill`; `member` of an ensemble."""
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
        "productDefinitionTemplateNumber": {0: 0, 1: 1, 2: 8, 3: 11}[2 * period + (member is not None)],
        **({} if member is None else {"perturbationNumber": member, "numberOfForecastsInEnsemble": 30}),
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
    member: int | None = None


def write_file(folder: Path, product: Product, lead: int, lines: Sequence[Line], init_time: datetime = RUN) -> Path:
    """A file and its `.idx`; the file's path."""
    data, index = b"", []
    for number, line in enumerate(lines, 1):
        assert line.wanted.idx is not None
        if not line.hidden:
            name, level = line.wanted.idx
            index.append(
                f"{number}:{len(data)}:d={init_time:%Y%m%d%H}:{name}:{level}:{window(line.wanted, line.interval)}:"
                f"{'' if line.member is None else f'ENS=+{line.member}' if line.member else 'ENS=low-res ctl'}\n"
            )
        data += grib2(line.wanted, line.interval, init_time, fill=line.fill, member=line.member)
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
