"""A schema as the merge kernel wants it: names become rows once per store, never per request."""

from __future__ import annotations

import weakref
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.quantities import KIND_NAMES, QUANTITIES, Method, Quantity, Recipe
from serving.series import MAX_GAP
from storage.schema import StoreSchema


@dataclass(frozen=True)
class Plan:
    """Which rows of a store fill which quantity, and when its leads are valid.

    valid: [time] s; intervals: [variable, time] s; rows: [quantity, 5] row of each name, -1 absent;
    methods: [quantity]; factors: [quantity]; wide: whether any step between leads is too wide to be told across;
    first, last: valid times of the first and the last lead, s; expected: `methods` as they would be with the variables
    that were withheld.
    """

    valid: NDArray[np.int64]
    intervals: NDArray[np.int64]
    rows: NDArray[np.int64]
    methods: NDArray[np.int64]
    factors: NDArray[np.float64]
    wide: bool
    first: int
    last: int
    expected: NDArray[np.int64]


def make_plan(schema: StoreSchema) -> Plan:
    """Which row of the store fills which quantity, and how."""
    row_of = {name: row for row, name in enumerate(schema.names)}
    rows = np.full((len(QUANTITIES), len(KIND_NAMES)), -1, dtype=np.int64)
    methods = np.zeros(len(QUANTITIES), dtype=np.int64)
    expected = np.zeros(len(QUANTITIES), dtype=np.int64)
    factors = np.ones(len(QUANTITIES))
    for q, quantity in enumerate(QUANTITIES):
        if recipe := _recipe(quantity, row_of):
            rows[q, : len(recipe.names)] = [row_of.get(name, -1) for name in recipe.names]
            methods[q] = recipe.method
            factors[q] = recipe.factor
        if recipe := _recipe(quantity, {*row_of, *schema.withheld}):
            expected[q] = recipe.method
    valid = int(schema.init_time.timestamp()) + 60 * np.array(schema.lead_times, dtype=np.int64)
    return Plan(
        valid=valid,
        intervals=60 * np.array([stored.intervals for stored in schema.variables], dtype=np.int64),
        rows=rows,
        methods=methods,
        factors=factors,
        wide=bool((np.diff(valid) > MAX_GAP).any()),
        first=int(valid[0]),
        last=int(valid[-1]),
        expected=expected,
    )


def _recipe(quantity: Quantity, names: Collection[str]) -> Recipe | None:
    """The first recipe whose variables are there."""
    for recipe in quantity.recipes:
        enough = any if recipe.method is Method.PRECIPITATION_KIND else all
        if enough(name in names for name in recipe.names):
            return recipe
    return None


_plans: dict[int, tuple[weakref.ref[StoreSchema], Plan]] = {}


def plan_of(schema: StoreSchema) -> Plan:
    """`make_plan`, remembered for as long as the schema object lives."""
    key = id(schema)
    held = _plans.get(key)
    if held is not None and held[0]() is schema:
        return held[1]
    plan = make_plan(schema)
    _plans[key] = (weakref.ref(schema, lambda _: _plans.pop(key, None)), plan)
    return plan
