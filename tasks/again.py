"""Some fields of a run asked for once more, of one mirror, and what tells its bytes from others."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from storage.grids import Box
from tasks.ask import LeadOrder
from tasks.errors import MirrorError
from tasks.fetch import fetch_leads
from tasks.meter import Meter
from tasks.mirrors import Patience, now, open_places
from tasks.wanted import Mirror, Product, StagedMessage, Wanted, hour_of

Key = tuple[str, int]
"""(variable, lead in minutes) of a field."""

PATIENCE = Patience(stall=10.0, tries=2, lead=120.0, not_yet=0.0)
"""A second opinion that does not come is done without."""


@dataclass(frozen=True)
class Source:
    """The run that is asked about, a folder of its own for what comes, and what is kept of its maps as in LeadOrder."""

    model: str
    init_time: datetime
    products: tuple[Product, ...]
    wanted: tuple[Wanted, ...]
    folder: Path
    box: Box | None = None
    whole: tuple[str, ...] = ()

    def files(self, fields: Iterable[Key]) -> dict[tuple[str, int], list[Wanted]]:
        """(product, lead in hours) -> the variables of `fields` that its file holds."""
        rows = {row.name: row for row in self.wanted}
        found: dict[tuple[str, int], list[Wanted]] = {}
        for name, hour in sorted({(name, hour_of(lead)) for name, lead in fields}):
            found.setdefault((rows[name].product, hour), []).append(rows[name])
        return found

    def product(self, name: str) -> Product:
        return next(product for product in self.products if product.name == name)


def again(source: Source, mirror: Mirror, fields: Iterable[Key], meter: Meter) -> dict[Key, StagedMessage]:
    """Those of the fields that the mirror delivers now, each file's in a blob. What came before is thrown away.

    `meter` counts. Raises DiskFull.
    """
    asked = set(fields)
    shutil.rmtree(source.folder, ignore_errors=True)
    orders = [
        LeadOrder(
            model=source.model,
            init_time=source.init_time,
            lead=lead,
            products=(source.product(product),),
            # What does not come is no error here.
            wanted=tuple(replace(row, required=False) for row in rows),
            mirrors=(mirror,),
            folder=source.folder / product,
            box=source.box,
            whole=source.whole,
        )
        for (product, lead), rows in source.files(asked).items()
    ]
    results = list(fetch_leads(orders, PATIENCE, meter=meter))
    found = {(message.variable, message.lead): message for result in results for message in result.messages}
    # A file of an hour may hold several times of it.
    return {key: message for key, message in found.items() if key in asked}


def marks_of(source: Source, mirror: Mirror, fields: Collection[Key]) -> dict[str, str]:
    """Path -> mark of the files that hold the fields, as they lie on the mirror now; nothing where one is not told."""
    paths = [source.product(name).data_path(source.init_time, lead) for name, lead in source.files(fields)]

    async def look() -> dict[str, str]:
        async with open_places([mirror], PATIENCE, 1) as places:
            (place,) = places.in_order([mirror])
            deadline = now() + PATIENCE.lead
            return {
                path: await places.persist(place, deadline, 0, lambda path=path: place.transport.look(path))  # type: ignore[misc]
                for path in paths
            }

    try:
        return asyncio.run(look())
    except MirrorError:
        return {}


def digest(message: StagedMessage) -> str:
    """The sha256 of a staged message."""
    with open(message.blob, "rb") as file:
        file.seek(message.offset)
        return sha256(file.read(message.length)).hexdigest()
