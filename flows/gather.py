"""The messages of a run on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

from flows.crew import Crew, Piece
from flows.dock import Dock
from flows.inventory import Missing, members_of, missing_in_words, missing_of, require, thin_in_words
from flows.late import completed
from flows.leads import leads_in_words
from flows.look import grid_of
from flows.model import Model
from flows.plan import plan_files, plan_run
from flows.report import GroupReport
from flows.request import Job
from flows.search import Found
from flows.staging import StagedGroup, groups_of, in_order, stage_group
from flows.tail import wait_for
from storage.run_time import run_time
from tasks.ask import LeadOrder
from tasks.clock import Clock
from tasks.errors import NoMirrorLeft
from tasks.wanted import StagedMessage


@dataclass(frozen=True)
class Haul:
    """Everything staged of one run. `since`: when the last of it was (`monotonic`)."""

    messages: tuple[StagedMessage, ...]
    missing: Missing
    bytes: int
    groups: tuple[GroupReport, ...] = ()
    problems: tuple[str, ...] = ()
    since: float = field(default_factory=monotonic)

    @property
    def mirrors(self) -> list[str]:
        return sorted({message.mirror for message in self.messages})

    def provenance(self) -> dict[str, Any]:
        """Plain JSON: per lead where its messages came from; what is missing; what went wrong on the way."""
        leads: dict[int, dict[str, Any]] = {}
        for message in self.messages:
            entry = leads.setdefault(message.lead, {"mirrors": [], "urls": [], "messages": 0, "bytes": 0})
            for key, value in (("mirrors", message.mirror), ("urls", message.url)):
                if value not in entry[key]:
                    entry[key].append(value)
            entry["messages"] += 1
            entry["bytes"] += message.length
        return {
            "leads": {str(lead): leads[lead] for lead in sorted(leads)},
            "missing": missing_in_words(self.missing),
            "problems": list(self.problems),
            **({"members": members} if (members := members_of(self.messages)) else {}),
        }


def gather(model: Model, job: Job, found: Found, dock: Dock, crew: Crew, clock: Clock) -> Haul:
    """Stage every message of the run, as its leads arrive. Raises MirrorError, IncompleteRun, DiskFull."""
    if found.messages:
        missing = missing_of(model, found.init_time, found.leads, found.messages)
        plan = plan_files(model, found, job.box, grid_of(found.messages), dock.folder)
        crew.say(plan.in_words())
        if found.unused:
            crew.say(found.left_aside())
        plan.require_room()
        size = sum(message.length for message in found.messages)
        return Haul(found.messages, missing, size, problems=tuple(_thin(model, found.messages)))
    plan = plan_run(model, found, job.box, dock.folder)
    crew.say(plan.in_words())
    plan.require_room()
    orders = _orders(model, job, found, dock)
    groups = _staged(model, found, orders, crew, clock)
    late: list[str] = []
    if any(not mirror.is_folder for mirror in found.mirrors):
        groups, late = completed(model, found, orders, groups, crew, clock)
    results = [result for group in groups for result in group.results]
    messages = tuple(message for result in results for message in result.messages)
    missing = missing_of(model, found.init_time, found.leads, messages)
    problems = tuple(
        dict.fromkeys([*(problem for result in results for problem in result.problems), *late, *_thin(model, messages)])
    )
    require(model, found.init_time, missing, problems)
    return Haul(
        messages,
        missing,
        bytes=sum(result.bytes for result in results),
        groups=tuple(group.report() for group in groups),
        problems=problems,
    )


def _thin(model: Model, messages: Sequence[StagedMessage]) -> list[str]:
    """What of the ensemble is smaller than it should be, in words."""
    return thin_in_words(members_of(messages), max(len(product.members) for product in model.products))


def _staged(model: Model, found: Found, orders: Sequence[LeadOrder], crew: Crew, clock: Clock) -> list[StagedGroup]:
    """All leads, staged. Those that no mirror has yet are waited for together, until the model's deadline."""
    until = model.deadline(found.init_time, found.leads[-1])
    remote = any(not mirror.is_folder for mirror in found.mirrors)
    groups: list[StagedGroup] = []
    seen: int | None = found.reached
    while True:
        arriving = remote and clock.now() < until
        # At the end all are asked for once more, and what the mirrors say then is told.
        due = [order for order in orders if seen is None or order.lead <= seen or not arriving]
        groups += crew.spread("fetch", [_piece(group, arriving or seen is None) for group in groups_of(due)])
        staged = {result.lead for group in groups for result in group.results}
        orders = [order for order in orders if order.lead not in staged]
        if not orders:
            return [group for group in groups if group.results]
        missing = [order.lead for order in orders]
        if seen is None:
            raise NoMirrorLeft(
                f"{model.name} {run_time(found.init_time)}: {len(missing)} of {len(found.leads)} leads "
                f"({leads_in_words(missing)}) had not arrived by {until:%Y-%m-%dT%H:%MZ}, the end of waiting. "
                + [words for group in groups for words in group.absent][-1]
            )
        seen = wait_for(model, found, missing, until, crew, clock)


def _orders(model: Model, job: Job, found: Found, dock: Dock) -> list[LeadOrder]:
    return [
        LeadOrder(
            model=model.name,
            init_time=found.init_time,
            lead=lead,
            products=model.products,
            wanted=model.wanted,
            mirrors=in_order(dock.staged, lead, found.mirrors),
            folder=dock.staged,
            box=job.box,
            whole=model.keeps_whole,
        )
        for lead in found.leads
    ]


def _piece(orders: Sequence[LeadOrder], arriving: bool) -> Piece[StagedGroup]:
    first, last = orders[0].lead, orders[-1].lead
    name = f"fetch f{first:03d}" + (f"-f{last:03d}" if last != first else "")
    return Piece(name, len(orders), partial(stage_group, orders, arriving=arriving))
