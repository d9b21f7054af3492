"""A schema as the merge kernel wants it: names become rows once per store, never per request."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.quantities import KIND_NAMES, QUANTITIES, Method
from storage.schema import StoreSchema


@dataclass(frozen=True)
class Plan:
    """Which rows of a store fill which quantity, and when its leads are valid.

    valid: [time] s; intervals: [variable, time] s; rows: [quantity, 5] row of each name, -1 absent;
    methods: [quantity]; factors: [quantity].
    """

    valid: NDArray[np.int64]
    intervals: NDArray[np.int64]
    rows: NDArray[np.int64]
    methods: NDArray[np.int64]
    factors: NDArray[np.float64]


def make_plan(schema: StoreSchema) -> Plan:
    """Which row of the store fills which quantity, and how."""
    row_of = {name: row for row, name in enumerate(schema.names)}
    init = int(schema.init_time.timestamp())
    rows = np.full((len(QUANTITIES), len(KIND_NAMES)), -1, dtype=np.int64)
    methods = np.zeros(len(QUANTITIES), dtype=np.int64)
    factors = np.ones(len(QUANTITIES))
    for q, quantity in enumerate(QUANTITIES):
        for recipe in quantity.recipes:
            found = [row_of.get(name, -1) for name in recipe.names]
            any_will_do = recipe.method is Method.PRECIPITATION_KIND
            if max(found) >= 0 if any_will_do else min(found) >= 0:
                rows[q, : len(found)] = found
                methods[q] = recipe.method
                factors[q] = recipe.factor
                break
    return Plan(
        valid=init + 60 * np.array(schema.lead_times, dtype=np.int64),
        intervals=60 * np.array([stored.intervals for stored in schema.variables], dtype=np.int64),
        rows=rows,
        methods=methods,
        factors=factors,
    )


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
