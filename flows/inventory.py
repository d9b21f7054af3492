"""What of a run is there and what is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from flows.leads import leads_in_words
from flows.model import Model
from tasks.errors import IncompleteRun
from tasks.wanted import StagedMessage

PROBLEMS = 3
"""Problems that an error tells: it is one line."""

Missing = dict[str, tuple[int, ...]]


def leads_of(messages: Iterable[StagedMessage]) -> tuple[int, ...]:
    """The leads (hours) that messages end at, sorted; a lead between two hours counts as the later one."""
    return tuple(sorted({-(-message.lead // 60) for message in messages}))


def missing_of(model: Model, leads: Sequence[int], messages: Iterable[StagedMessage]) -> Missing:
    """Variable -> leads (hours) of `leads` at which the model has it but no message is staged."""
    there = defaultdict(set)
    for message in messages:
        there[message.variable].add(message.lead)
    gaps = {
        wanted.name: tuple(
            lead for lead in leads if lead >= wanted.from_lead and lead * 60 not in there.get(wanted.name, ())
        )
        for wanted in model.wanted
    }
    return {name: gap for name, gap in gaps.items() if gap}


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
            f"{model.name} {init_time:%Y-%m-%dT%HZ} is incomplete: missing {'; '.join(missing_in_words(gaps))}.{why} "
            "Try again later, take an earlier run with --init-time, or name the leads to take with --leads"
        )
