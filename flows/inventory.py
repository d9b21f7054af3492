"""What of a run is there and what is missing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from flows.leads import leads_in_words
from flows.model import Model
from storage.run_time import run_time
from tasks.entry import Target
from tasks.errors import IncompleteRun
from tasks.wanted import StagedMessage, hour_of

PROBLEMS = 3
"""Problems that an error tells: it is one line."""

Missing = dict[str, tuple[int, ...]]


def leads_of(messages: Iterable[StagedMessage]) -> tuple[int, ...]:
    """The leads (hours) that messages end at, sorted; a lead between two hours counts as the later one."""
    return tuple(sorted({hour_of(message.lead) for message in messages}))


def missing_of(model: Model, init_time: datetime, leads: Sequence[int], messages: Iterable[StagedMessage]) -> Missing:
    """Variable -> leads (hours) of `leads` at which the model has it, but too little of it came."""
    there = {message.slot for message in messages}
    gaps: dict[str, list[int]] = defaultdict(list)
    for lead in leads:
        for product in model.products:
            for row in Target.of(product, init_time, lead, model.wanted).missing(there):
                gaps[row.name].append(lead)
    return {wanted.name: tuple(gaps[wanted.name]) for wanted in model.wanted if wanted.name in gaps}


def members_of(messages: Iterable[StagedMessage]) -> dict[str, dict[int, str]]:
    """Variable -> how many members -> leads (hours, in words) that have so many; nothing where there are none."""
    counts = Counter((one.variable, hour_of(one.lead)) for one in messages if one.member is not None)
    found: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for (name, lead), count in counts.items():
        found[name][count].append(lead)
    return {
        name: {count: leads_in_words(leads) for count, leads in sorted(some.items(), reverse=True)}
        for name, some in sorted(found.items())
    }


def thin_in_words(members: Mapping[str, Mapping[int, str]], whole: int) -> list[str]:
    """['air_temperature_2m: 29 of 31 members at 102,105', ...]"""
    return [
        f"{name}: {count} of {whole} members at {leads}"
        for name, some in members.items()
        for count, leads in some.items()
        if count < whole
    ]


def missing_in_words(missing: Missing) -> list[str]:
    """['wind_gust_10m: 3-144/3', ...]"""
    return [f"{name}: {leads_in_words(leads)}" for name, leads in sorted(missing.items())]


def require(model: Model, init_time: datetime, missing: Missing, problems: Sequence[str] = ()) -> None:
    """Raises IncompleteRun where a variable that the model requires is missing at some lead.

    `problems`: in words, what went wrong on the way, which may be why.
    """
    required = {wanted.name for wanted in model.wanted if wanted.required}
    gaps = {name: leads for name, leads in missing.items() if name in required}
    if gaps:
        why = f" On the way: {'; '.join(problems[:PROBLEMS])}." if problems else ""
        raise IncompleteRun(
            f"{model.name} {run_time(init_time)} is incomplete: missing {'; '.join(missing_in_words(gaps))}.{why} "
            "Try again later, take an earlier run with --init-time, or name the leads to take with --leads"
        )
