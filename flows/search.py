"""Which run to ingest, and how much of it: the newest that is worth it, as far as it is published by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flows.crew import Crew
from flows.errors import RequestError
from flows.inventory import leads_of
from flows.leads import leads_in_words
from flows.model import Model
from flows.request import Job
from storage.manifest import Manifest
from storage.run_time import run_time
from tasks.errors import IncompleteRun, InventoryError, MessageError
from tasks.find import find_run
from tasks.scan import stage_files
from tasks.wanted import Mirror, StagedMessage, hour_of

CANDIDATES = 9
"""Nominal runs to look back for a complete one: two days of four cycles, and the one now arriving."""

EARLY = timedelta(minutes=30)
"""So much sooner than expected a lead may land."""

KINDS_SHOWN = 5
"""Kinds of fields named of what files hold besides; whole inventories hold hundreds."""


@dataclass(frozen=True)
class Found:
    """The run to ingest: where it lies, or its messages where they were given as files.

    `leads`: hours, all of a stage. `reached`: those up to it are there; the rest is about to arrive.
    `unused`: in words, what else the files hold. `short`: the last lead (minutes) of its short store, None where there
    is to be none.
    """

    init_time: datetime
    leads: tuple[int, ...]
    reached: int
    mirrors: tuple[Mirror, ...] = ()
    messages: tuple[StagedMessage, ...] = ()
    unused: tuple[str, ...] = ()
    short: int | None = None

    def left_aside(self) -> str:
        """What else the files hold, in one line: the first kinds of it and how many more there are."""
        shown = "; ".join(self.unused[:KINDS_SHOWN])
        more = len(self.unused) - KINDS_SHOWN
        return f"left aside: {shown}" + (f"; and {more} more kinds of fields" if more > 0 else "")


@dataclass(frozen=True)
class Candidate:
    """Leads (hours) of a run that are worth taking where the mirrors have its lead `sign`."""

    init_time: datetime
    leads: tuple[int, ...]
    sign: int


def find(model: Model, job: Job, now: datetime, published: Manifest | None, crew: Crew) -> Found:
    """The run that the job means. Raises NoRunFound, MirrorError, RequestError; IncompleteRun for files without it."""
    found = crew.step(
        "find",
        lambda advance: _scan(model, job) if job.files else _search(model, job, candidates(model, job, now, published)),
    )
    kept = [short.init_time for short in published.history] if published else []
    return replace(found, short=model.short(found.init_time, kept))


def candidates(model: Model, job: Job, now: datetime, published: Manifest | None) -> list[Candidate]:
    """What may be ingested, the best first; of what is published already only one, which tells that nothing is newer.

    Complete stages of runs first, of each run the longest; then those of which the last leads are expected now.
    Raises RequestError where no run has the job's leads.
    """
    complete: list[Candidate] = []
    arriving: list[Candidate] = []
    for init_time in [job.init_time] if job.init_time else model.init_times(now, CANDIDATES):
        stages = _stages(model, job, init_time)
        complete += [Candidate(init_time, leads, leads[-1]) for leads in reversed(stages)]
        for before, leads in zip([(), *stages], stages, strict=False):
            arriving += [Candidate(init_time, leads, sign) for sign in _signs(model, init_time, leads, before, now)]
    found = complete + arriving
    if not found:
        raise RequestError(f"no run of {model.name} has the leads {leads_in_words(job.leads or ())}")
    if published is None or asked_for(job):
        return found
    newer = [
        one for one in found if (one.init_time, len(model.times(one.leads))) > (published.init_time, published.leads)
    ]
    return newer + [one for one in complete if one not in newer][:1]


def asked_for(job: Job) -> bool:
    """Whether somebody wants this very run, whatever is published."""
    return job.init_time is not None or bool(job.files) or job.force


def _stages(model: Model, job: Job, init_time: datetime) -> list[tuple[int, ...]]:
    if job.leads is None:
        return model.stages_of(init_time)
    return [job.leads] if job.init_time or set(job.leads) <= set(model.leads(init_time)) else []


def _signs(model: Model, init_time: datetime, leads: Sequence[int], before: Sequence[int], now: datetime) -> list[int]:
    """Leads (hours) of a stage that is not complete, any of which says that the rest is worth waiting for."""
    herald = model.herald(init_time, leads, before)
    if not model.arrives(init_time, herald) - EARLY <= now < model.deadline(init_time, leads[-1]):
        return []
    # A run that has begun and should be complete by now.
    overdue = [leads[0]] if now >= model.arrives(init_time, leads[-1]) else []
    return [sign for sign in dict.fromkeys((herald, *overdue)) if sign != leads[-1]]


def _search(model: Model, job: Job, some: Sequence[Candidate]) -> Found:
    best = {(one.init_time, one.sign): one for one in reversed(some)}
    asked = dict.fromkeys((one.init_time, one.sign) for one in some)
    found, mirror = find_run(job.mirrors, model.products[0], list(asked), model.name)
    others = tuple(other for other in job.mirrors if other != mirror)
    return Found(best[found].init_time, best[found].leads, reached=best[found].sign, mirrors=(mirror, *others))


def _scan(model: Model, job: Job) -> Found:
    try:
        staged = stage_files(job.files, model.wanted, job.init_time, model.products[0].members)
    except (InventoryError, MessageError) as error:
        raise type(error)(f"{model.name}: {error}") from error
    messages = tuple(message for message in staged.messages if job.leads is None or hour_of(message.lead) in job.leads)
    if not messages:
        raise IncompleteRun(
            f"{model.name} {run_time(staged.init_time)}: no message at leads {leads_in_words(job.leads or ())} in "
            f"{', '.join(map(str, job.files))}; the files hold {leads_in_words(leads_of(staged.messages))}"
        )
    for message in messages:
        if message.lead > model.last_lead * 60:
            raise MessageError(
                f"{model.name} {run_time(staged.init_time)}: {message.variable} in {message.blob} says lead "
                f"{message.lead / 60:g} h, but no run goes beyond {model.last_lead} h: fetch the file again, or choose "
                "--leads"
            )
    leads = leads_of(messages)
    return Found(staged.init_time, leads, reached=leads[-1], messages=messages, unused=staged.unused)
