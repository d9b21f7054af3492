"""The first half of the journey: which run, and its messages on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from flows.crew import Crew, Piece
from flows.dock import Dock
from flows.errors import RequestError
from flows.inventory import Missing, leads_of, missing_in_words, missing_of, require
from flows.leads import leads_in_words
from flows.model import Model
from flows.plan import plan_files, plan_run
from flows.report import GroupReport
from flows.request import Job
from flows.staging import groups_of, stage_group
from tasks.errors import IncompleteRun, InventoryError, MessageError
from tasks.fetch import LeadOrder
from tasks.find import find_run
from tasks.scan import stage_files
from tasks.wanted import Mirror, StagedMessage

CANDIDATES = 9
"""Nominal runs to look back for a complete one: two days of four cycles, and the one now arriving."""

KINDS_SHOWN = 5
"""Kinds of fields named of what files hold besides; whole inventories hold hundreds."""


@dataclass(frozen=True)
class Found:
    """The run to ingest: where it lies, or its messages where they were given as files.

    `points`: of the files' grid. `unused`: in words, what else the files hold.
    """

    init_time: datetime
    leads: tuple[int, ...]
    mirrors: tuple[Mirror, ...] = ()
    messages: tuple[StagedMessage, ...] = ()
    points: int = 0
    unused: tuple[str, ...] = ()

    def left_aside(self) -> str:
        """What else the files hold, in one line: the first kinds of it and how many more there are."""
        shown = "; ".join(self.unused[:KINDS_SHOWN])
        more = len(self.unused) - KINDS_SHOWN
        return f"left aside: {shown}" + (f"; and {more} more kinds of fields" if more > 0 else "")


@dataclass(frozen=True)
class Haul:
    """Everything staged of one run."""

    messages: tuple[StagedMessage, ...]
    missing: Missing
    bytes: int
    groups: tuple[GroupReport, ...] = ()
    problems: tuple[str, ...] = ()

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
        }


def find(model: Model, job: Job, crew: Crew) -> Found:
    """The run that the job means. Raises NoRunFound, MirrorError, RequestError; IncompleteRun for files without it."""
    return crew.step("find", lambda advance: _scan(model, job) if job.files else _search(model, job))


def _search(model: Model, job: Job) -> Found:
    if job.init_time:
        init_times = [job.init_time]
    else:
        init_times = [
            init_time
            for init_time in model.init_times(job.now, CANDIDATES)
            if not job.leads or set(job.leads) <= set(model.leads(init_time))
        ]
        if not init_times:
            raise RequestError(f"no run of {model.name} has the leads {leads_in_words(job.leads or ())}")
    candidates = [(init_time, job.run_leads(model, init_time)[-1]) for init_time in init_times]
    init_time, mirror = find_run(job.mirrors, model.products[0], candidates, model.name)
    others = tuple(other for other in job.mirrors if other != mirror)
    return Found(init_time, job.run_leads(model, init_time), mirrors=(mirror, *others))


def _scan(model: Model, job: Job) -> Found:
    try:
        staged = stage_files(job.files, model.wanted, job.init_time)
    except (InventoryError, MessageError) as error:
        raise type(error)(f"{model.name}: {error}") from error
    messages = tuple(message for message in staged.messages if job.leads is None or message.lead / 60 in job.leads)
    if not messages:
        raise IncompleteRun(
            f"{model.name} {staged.init_time:%Y-%m-%dT%HZ}: no message at leads {leads_in_words(job.leads or ())} in "
            f"{', '.join(map(str, job.files))}; the files hold {leads_in_words(leads_of(staged.messages))}"
        )
    for message in messages:
        if message.lead > model.last_lead * 60:
            raise MessageError(
                f"{model.name} {staged.init_time:%Y-%m-%dT%HZ}: {message.variable} in {message.blob} says lead "
                f"{message.lead / 60:g} h, but no run goes beyond {model.last_lead} h: fetch the file again, or choose "
                "--leads"
            )
    return Found(staged.init_time, leads_of(messages), messages=messages, points=staged.points, unused=staged.unused)


def gather(model: Model, job: Job, found: Found, dock: Dock, crew: Crew) -> Haul:
    """Stage every message of the run. Raises MirrorError, IncompleteRun, DiskFull."""
    if found.messages:
        missing = missing_of(model, found.leads, found.messages)
        plan = plan_files(model, found.init_time, found.messages, found.points, dock.folder)
        crew.say(plan.in_words())
        if found.unused:
            crew.say(found.left_aside())
        plan.require_room()
        return Haul(found.messages, missing, sum(message.length for message in found.messages))
    plan = plan_run(model, job, found.init_time, found.mirrors, dock.folder)
    crew.say(plan.in_words())
    plan.require_room()
    groups = crew.spread("fetch", [_piece(group) for group in groups_of(_orders(model, found, dock))])
    results = [result for group in groups for result in group.results]
    messages = tuple(message for result in results for message in result.messages)
    missing = missing_of(model, found.leads, messages)
    problems = tuple(dict.fromkeys(problem for result in results for problem in result.problems))
    require(model, found.init_time, missing, problems)
    return Haul(
        messages,
        missing,
        bytes=sum(result.bytes for result in results),
        groups=tuple(group.report() for group in groups),
        problems=problems,
    )


def _orders(model: Model, found: Found, dock: Dock) -> list[LeadOrder]:
    return [
        LeadOrder(
            model=model.name,
            init_time=found.init_time,
            lead=lead,
            products=model.products,
            wanted=tuple(wanted for wanted in model.wanted if wanted.from_lead <= lead),
            mirrors=found.mirrors,
            folder=dock.staged,
        )
        for lead in found.leads
    ]


def _piece(orders: Sequence[LeadOrder]) -> Piece[Any]:
    first, last = orders[0].lead, orders[-1].lead
    name = f"fetch f{first:03d}" + (f"-f{last:03d}" if last != first else "")
    return Piece(name, len(orders), partial(stage_group, orders))
