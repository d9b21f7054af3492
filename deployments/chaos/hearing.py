"""What people heard: every beginning once, every end once, of what they should and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deployments.chaos.fault import Allowed
from tasks.incidents import Kind

OF_A_RUN = (Kind.PARTIAL, Kind.WITHHELD)
"""While one of these is open, one of other variables is a new incident."""
OVER = "recovered"


def facts_of(heard: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The incidents of all notices, in the order people heard of them."""
    return [fact for notice in heard for fact in notice["incidents"]]


def kinds_of(heard: Sequence[dict[str, Any]]) -> list[Kind]:
    """What began, in order."""
    seen: set[tuple[str, str]] = set()
    kinds = []
    for fact in facts_of(heard):
        who = (fact["model"], fact["kind"])
        if fact["state"] != OVER or who not in seen:
            kinds.append(Kind(fact["kind"]))
        seen.discard(who) if fact["state"] == OVER else seen.add(who)
    return kinds


def breaches_of(heard: Sequence[dict[str, Any]], allowed: Allowed) -> list[str]:
    """What is wrong with what people heard, when all is over."""
    told: dict[tuple[str, str], dict[str, Any]] = {}
    wrong = []
    for fact in facts_of(heard):
        who = (fact["model"], fact["kind"])
        if fact["state"] == OVER:
            told.pop(who, None)
            continue
        before = told.get(who)
        if before and (Kind(fact["kind"]) not in OF_A_RUN or before["reason"] == fact["reason"]):
            wrong.append(f"people were told twice that {who[0]} is {who[1]}: {before['reason']}; {fact['reason']}")
        told[who] = fact
    wrong += [f"people were never told that {model} is {kind} no more" for model, kind in told]
    kinds = set(kinds_of(heard))
    if unheard := allowed.told - kinds:
        wrong.append(f"nobody was told: {', '.join(sorted(unheard))}")
    if needless := kinds - allowed.told - allowed.may:
        why = [fact["reason"] for fact in facts_of(heard) if fact["kind"] in needless]
        wrong.append(f"people were told of {', '.join(sorted(needless))}, which is none of it: {why[:2]}")
    return wrong
