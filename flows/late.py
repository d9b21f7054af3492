"""Files of optional products that land after those of the first: waited for a little, and then done without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from flows.crew import Crew, Piece
from flows.leads import leads_in_words
from flows.model import Model
from flows.search import Found
from flows.staging import StagedGroup, complete_group, groups_of
from flows.tail import wait_for
from storage.run_time import run_time
from tasks.ask import LeadOrder
from tasks.clock import Clock
from tasks.wanted import Product


def completed(
    model: Model,
    found: Found,
    orders: Sequence[LeadOrder],
    groups: Sequence[StagedGroup],
    crew: Crew,
    clock: Clock,
) -> tuple[list[StagedGroup], list[str]]:
    """The staged groups with the late files that came in time, and in words what did not."""
    problems = []
    for product in model.products[1:]:
        groups = _with(model, found, orders, groups, product, crew, clock)
        if lacking := _late(groups, product):
            problems.append(f"{product.name}: no mirror has the files of leads {leads_in_words(lacking)}")
            crew.say(f"{model.name} {run_time(found.init_time)}: {problems[-1]}; it goes on without them")
    return list(groups), problems


def _with(
    model: Model,
    found: Found,
    orders: Sequence[LeadOrder],
    groups: Sequence[StagedGroup],
    product: Product,
    crew: Crew,
    clock: Clock,
) -> Sequence[StagedGroup]:
    deadline = model.deadline(found.init_time, found.leads[-1])
    until = min(clock.now() + timedelta(minutes=product.grace), deadline)
    # A run that is taken up again, or long after it was due, is looked at once.
    while late := _late(groups, product):
        seen = wait_for(model, found, late, until, crew, clock, product)
        if seen is None:
            break
        due = [order for order in orders if order.lead in late and order.lead <= seen]
        brought = crew.spread("fetch", [_piece(group, product) for group in groups_of(due)])
        new = {result.lead: result for group in brought for result in group.results}
        groups = [
            replace(group, results=tuple(new.get(result.lead, result) for result in group.results)) for group in groups
        ]
        if clock.now() >= until:
            break
    return groups


def _late(groups: Sequence[StagedGroup], product: Product) -> list[int]:
    return sorted(result.lead for group in groups for result in group.results if product.name in result.late)


def _piece(orders: Sequence[LeadOrder], product: Product) -> Piece[StagedGroup]:
    leads = leads_in_words(order.lead for order in orders)
    return Piece(f"fetch {product.name} {leads}", len(orders), partial(complete_group, orders, product))
