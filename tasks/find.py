"""Which run is there, and where: ask mirrors for the index of a lead that tells."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from storage.run_time import run_time
from tasks.entry import Target
from tasks.errors import Absent, InventoryError, MirrorError, NoMirrorLeft, NoRunFound, Refused
from tasks.index import read_index
from tasks.mirrors import Patience, Place, Places, now, open_places
from tasks.wanted import Mirror, Product

SEARCH_SECONDS = 120.0
"""Until when a throttled or failing mirror is asked again during one search."""

Candidate = tuple[datetime, int]


def find_run(
    mirrors: Sequence[Mirror],
    product: Product,
    candidates: Sequence[Candidate],
    model: str,
    patience: Patience | None = None,
) -> tuple[Candidate, Mirror]:
    """The first (init_time, lead in hours) of `candidates` whose index a mirror has, and that mirror.

    Raises NoRunFound where mirrors answered that no candidate is there, NoMirrorLeft where none could be asked.
    """
    return asyncio.run(_find(mirrors, product, candidates, model, patience or Patience()))


async def _find(
    mirrors: Sequence[Mirror], product: Product, candidates: Sequence[Candidate], model: str, patience: Patience
) -> tuple[Candidate, Mirror]:
    said: dict[Mirror, list[str]] = {mirror: [] for mirror in mirrors}
    broken: set[Mirror] = set()
    deadline = now() + SEARCH_SECONDS
    async with open_places(mirrors, patience, requests=1) as places:
        for init_time, lead in candidates:
            for place in places.in_order(mirrors):
                if place.mirror in broken:
                    continue
                try:
                    await _ask(places, place, product, Target.of(product, init_time, lead), deadline)
                except (Absent, Refused) as error:
                    said[place.mirror].append(str(error))
                except InventoryError as error:
                    said[place.mirror].append(str(error))
                except MirrorError as error:
                    # A mirror that is down says nothing about a run: it is not asked for the next one.
                    said[place.mirror].append(str(error))
                    broken.add(place.mirror)
                else:
                    return (init_time, lead), place.mirror
    asked = _in_words(candidates)
    answers = "; ".join(f"{mirror.name}: {_first(answers)}" for mirror, answers in said.items())
    if broken == set(mirrors):
        raise NoMirrorLeft(f"{model} {asked}: no mirror can be asked. {answers}. Try again later, or name a --mirror")
    raise NoRunFound(
        f"{model} {asked}: not there. {answers}. Try again later, name a run with --init-time, or fewer leads "
        "with --leads"
    )


def _in_words(candidates: Sequence[Candidate]) -> str:
    """'2026-04-20T12Z lead 384 and 8 runs before it, back to 2026-04-18T12Z'"""
    leads: dict[datetime, set[int]] = {}
    for init_time, lead in candidates:
        leads.setdefault(init_time, set()).add(lead)
    told = [f"{run_time(init_time)} lead {' or '.join(map(str, sorted(some)))}" for init_time, some in leads.items()]
    if len(told) <= 2:
        return ", ".join(told)
    return f"{told[0]} and {len(told) - 1} runs before it, back to {run_time(candidates[-1][0])}"


def _first(answers: Sequence[str]) -> str:
    """A mirror's first answer stands for the others, which are much the same."""
    more = f" (and {len(answers) - 1} more answers)" if len(answers) > 1 else ""
    return f"{answers[0]}{more}" if answers else "not asked"


async def _ask(places: Places, place: Place, product: Product, target: Target, deadline: float) -> None:
    # Of members that have files of their own, one may be missing.
    first, last = product.apart()[0], product.apart()[-1]
    try:
        await _read(places, place, first, target, deadline)
    except (Absent, Refused):
        if last.index == first.index:
            raise
        await _read(places, place, last, target, deadline)


async def _read(places: Places, place: Place, file: Product, target: Target, deadline: float) -> None:
    path = file.index_path(target.init_time, target.lead)
    content = await places.persist(place, deadline, 0, lambda: place.transport.read(path))
    read_index(file.kind, content, target, place.transport.url(path))
