"""What lies in production's files: index files of real runs, and where there is none, what the agency's tables say."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flows.model import Model
from tasks.wanted import Product
from tests.flows.blend import core_lines


@dataclass(frozen=True)
class Inventory:
    """An index file of one lead (hours). `file`: in the shared folder; None where `lines` says what it would hold.

    `member`: whose file it is, where each has its own.
    """

    file: str | None
    init_time: datetime
    lead: int
    product: str = "main"
    lines: tuple[str, ...] = ()
    member: int | None = None

    def content(self, shared: Path) -> bytes:
        """The index as its bucket has it."""
        if self.file is None:
            return "".join(line + "\n" for line in self.lines).encode()
        path = shared / "idx" / self.file
        if path.suffix != ".gz":
            return path.read_bytes()
        return "".join(line + "\n" for line in self._of_table(path)).encode()

    def _of_table(self, path: Path) -> Iterator[str]:
        with gzip.open(path, "rt", newline="") as file:
            rows = [row for row in csv.DictReader(file) if int(row["forecast_hour"]) == self.lead]
        for number, row in enumerate(rows, 1):
            what = f"{row['variable']}:{row['level']}:{row['forecast_valid']}"
            yield f"{number}:{1000 * number}:d={self.init_time:%Y%m%d%H}:{what}:"


def _at(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H").replace(tzinfo=UTC)


_HRRR = "dynamical_hrrr.t00z.wrfsfcf{:02d}.grib2.idx"
_TABLE = "stac_hrrr_inventory__{}.csv.gz"


def _table(name: str, *leads: int) -> tuple[Inventory, ...]:
    """A table of all leads, of which one run stands for all."""
    return tuple(Inventory(_TABLE.format(name), _at("2024051000"), lead) for lead in leads)


def _secondary(lead: int, *names: str) -> Inventory:
    """Of pgrb2b: no file at hand, so names are those of NCEP's tables, and the lines as those of pgrb2 are written."""
    lines = tuple(f"{n}:{1000 * n}:d=2025080100:{name}:" for n, name in enumerate(names, 1))
    return Inventory(None, _at("2025080100"), lead, "secondary", lines)


# ECMWF's page "Open data", surface parameters of stream oper (2026-05): all of them, and those of steps beyond 0.
_IFS = ("10u", "10v", "2d", "2t", "100u", "100v", "msl", "mucape", "ptype", "sp", "skt", "tcc", "tcwv", "tprate")
_IFS_LATER = ("tp", "ssrd", "ssr", "str", "strd", "ro", "sf", "ewss", "nsss")


# By ECMWF's notebook that starts AIFS from open data.
_IFS_START = ("lsm", "z", "sdor", "slor")


def _ifs(lead: int, *more: str) -> Inventory:
    row = {"domain": "g", "date": "20260510", "time": "0000", "type": "fc", "stream": "oper", "levtype": "sfc"}
    later = (*_IFS_LATER, *more) if lead else _IFS_START
    lines = [
        json.dumps(row | {"step": str(lead), "param": name, "_offset": 1000 * number, "_length": 1000})
        for number, name in enumerate((*_IFS, *later))
    ]
    return Inventory(None, _at("2026051000"), lead, lines=tuple(lines))


def _core(winter: bool = True) -> tuple[Inventory, ...]:
    leads = {"2022111719": (1,), "2026091112": (1, 3, 6, 12, 48), "2026091113": (1, 5, 11, 48, 50, 53, 59, 80, 263)}
    return tuple(
        Inventory(None, _at(run), lead, lines=core_lines(run, lead, winter)) for run in leads for lead in leads[run]
    )


# As the lines of f015 are, whose bucket is of three hours.
_GEFS = ("TMP:2 m above ground:{1}", "UGRD:10 m above ground:{1}", "VGRD:10 m above ground:{1}", "APCP:surface:{0} acc")
_GEFS_FLAGS = tuple(f"{name}:surface:{{0}} ave" for name in ("CSNOW", "CICEP", "CFRZR", "CRAIN"))


def _gefs(lead: int, member: int) -> Inventory:
    """Of a lead without a file at hand."""
    window, told = f"{(lead - 1) // 6 * 6}-{lead} hour", f"ENS=+{member}" if member else "ENS=low-res ctl"
    lines = (line.format(window, f"{lead} hour") for line in (*_GEFS, *_GEFS_FLAGS))
    rows = (f"{n}:{1000 * n}:d=2025080100:{line} fcst:{told}" for n, line in enumerate(lines, 1))
    return Inventory(None, _at("2025080100"), lead, lines=tuple(rows), member=member)


def _ifs_ens(lead: int) -> Inventory:
    """As stream oper, of members that are numbered, and beside them means, spreads and what cycles before had."""
    row = {"domain": "g", "date": "20260510", "time": "0000", "stream": "enfo", "levtype": "sfc", "step": str(lead)}
    names = (*_IFS, *_IFS_LATER)
    rows = [row | {"type": "pf", "number": str(number), "param": name} for number in range(1, 51) for name in names]
    rows += [row | {"type": kind, "param": "tp"} for kind in ("cf", "em", "es")]
    lines = (json.dumps(one | {"_offset": 1000 * number, "_length": 1000}) for number, one in enumerate(rows))
    return Inventory(None, _at("2026051000"), lead, lines=tuple(lines))


_TWO, _TEN = "2 m above ground", "10 m above ground"
# rtma2p5.t10z.2dvaranl_ndfd.grb2_wexp of 2026-09-27, whose rapid update has the same messages on the same grid.
_RTMA = tuple(
    f"{number}:{1000 * number}:d=2026092710:{what}:anl:"
    for number, what in enumerate(
        (
            *("HGT:surface", "PRES:surface", f"TMP:{_TWO}", f"DPT:{_TWO}", f"UGRD:{_TEN}", f"VGRD:{_TEN}"),
            *(f"SPFH:{_TWO}", f"WDIR:{_TEN}", f"WIND:{_TEN}", f"GUST:{_TEN}", "VIS:surface", "CEIL:cloud ceiling"),
            "TCDC:entire atmosphere (considered as a single layer)",
        ),
        1,
    )
)


INVENTORIES: dict[str, tuple[Inventory, ...]] = {
    "gfs": (
        Inventory("dynamical_gfs.t00z.pgrb2.0p25.f000.idx", _at("2025080100"), 0),
        Inventory("dynamical_gfs.t00z.pgrb2.0p25.f007.idx", _at("2025080100"), 7),
        Inventory("kerchunk_20221014_gfs.t06z.pgrb2.0p25.f021.idx", _at("2022101406"), 21),
        _secondary(7, "DUVB:surface:6-7 hour ave fcst", "CDUVB:surface:6-7 hour ave fcst", "TMP:875 mb:7 hour fcst"),
    ),
    "ifs": (_ifs(0), _ifs(3, "10fg3", "mx2t3", "mn2t3"), _ifs(150, "10fg6", "mx2t6", "mn2t6")),
    "aifs": tuple(
        Inventory(f"dynamical_aifs_single_20250301_00z_{lead}h.index", _at("2025030100"), lead) for lead in (0, 6)
    ),
    "hrrr": (
        *(Inventory(_HRRR.format(lead), _at("2025080100"), lead) for lead in (0, 8, 24)),
        Inventory("kerchunk_20221014_hrrr.t09z.wrfsfcf05.grib2.idx", _at("2022101409"), 5),
        *_table("conus__sfc", 0, 1, 2, 24, 25, 48),
    ),
    "hrrr_subh": (
        Inventory("kerchunk_20221014_hrrr.t01z.wrfsubhf00.grib2.idx", _at("2022101401"), 0),
        Inventory("kerchunk_20221014_hrrr.t03z.wrfsubhf09.grib2.idx", _at("2022101403"), 9),
        *_table("conus__subh", 0, 1, 2, 18),
    ),
    "rtma": (Inventory(None, _at("2026092710").replace(minute=45), 0, lines=_RTMA),),
    "hrrr_alaska": _table("alaska__sfc", 0, 1, 2, 18, 24, 25, 48),
    "nbm": _core(),
    "nbm_alaska": _core(),
    **{f"nbm_{region}": _core(winter=False) for region in ("guam", "hawaii", "puerto_rico")},
    "gefs": (
        Inventory("dynamical_gep01.t00z.pgrb2s.0p25.f015.idx", _at("2025080100"), 15, member=1),
        *(_gefs(lead, member) for lead, member in ((3, 0), (3, 30), (18, 0), (240, 7))),
    ),
    "ifs_ens": (_ifs_ens(0), _ifs_ens(3), _ifs_ens(150)),
}
"""Model -> an inventory of each kind of lead that it has."""


def product_of(model: Model, inventory: Inventory) -> Product:
    """The product whose index it is: a member's own file, where each has one."""
    whole = model.product(inventory.product)
    return next(file for file in whole.apart() if inventory.member is None or file.members == (inventory.member,))
