"""A schema as the merge kernels want it: names become rows once per store, never per request."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.preference import source_name
from serving.quantities import INDEX, KIND_NAMES, QUANTITIES, Method, Quantity, Recipe
from serving.series import MAX_GAP
from storage.schema import ANALYSIS, StoreSchema

HELD = 3600
"""How long what an analysis says is held to be so, in both directions, s."""
ALWAYS = -(2**62)
_KIND, _STORM = INDEX["kind"], INDEX["storm_distance"]


class Steps(NamedTuple):
    """The ways in which a store fills quantities, in the order in which they are tried.

    quantities: [step] row of the quantity; methods: [step]; rows: [step, 5] row of each name, -1 absent; factors:
    [step]; after: [step] s, a step is tried for slots that end later.
    """

    quantities: NDArray[np.int64]
    methods: NDArray[np.int64]
    rows: NDArray[np.int64]
    factors: NDArray[np.float64]
    after: NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """Which rows of a store fill which quantity, and when its leads are valid.

    source, time: what the `flags` of an answer call the model, and the run; bounds: the shape of a reading's `bounds`.
    valid: [time] s; intervals: [variable, time] s; begins: [variable] when the first of them begins, s; steps: of what
    is filled slot by slot; methods: [quantity] of each quantity's first recipe; expected: `methods` as they would be
    with the variables that were withheld; gives, should: [quantity], whether `steps` fill it, or would with what was
    withheld. kind, storm: rows of the recipes that are not of slots alone, None where there is none; by_chance: whether
    `kind` tells of chances.
    wide: whether any step between leads is too wide to be told across; first, last: valid times of the first and the
    last lead, s; reach: [quantity, 2] both, of each; held: how long an instant is held, s, 0 for a forecast.
    """

    model: str
    source: str
    time: str
    valid: NDArray[np.int64]
    intervals: NDArray[np.int64]
    begins: NDArray[np.int64]
    steps: Steps
    methods: NDArray[np.int64]
    expected: NDArray[np.int64]
    gives: NDArray[np.bool_]
    should: NDArray[np.bool_]
    kind: NDArray[np.int64] | None
    by_chance: bool
    storm: NDArray[np.int64] | None
    bounds: tuple[int, int]
    wide: bool
    first: int
    last: int
    reach: NDArray[np.int64]
    held: int


def time_of(schema: StoreSchema) -> str:
    """When a run began, as `sourceTimes` tells it: of an analysis, which there is every quarter of an hour, with the
    minutes."""
    return f"{schema.init_time:%Y-%m-%d %H:%M}Z" if ANALYSIS in schema.traits else f"{schema.init_time:%Y-%m-%d %H}Z"


def make_plan(schema: StoreSchema) -> Plan:
    """Which row of the store fills which quantity, and how."""
    row_of = {name: row for row, name in enumerate(schema.names)}
    valid = int(schema.init_time.timestamp()) + 60 * np.array(schema.lead_times, dtype=np.int64)
    intervals = 60 * np.array([stored.intervals for stored in schema.variables], dtype=np.int64)
    rows = np.full((len(QUANTITIES), len(KIND_NAMES)), -1, dtype=np.int64)
    methods = np.zeros(len(QUANTITIES), dtype=np.int64)
    expected = np.zeros(len(QUANTITIES), dtype=np.int64)
    steps: list[tuple[int, Recipe, int]] = []
    for q, quantity in enumerate(QUANTITIES):
        after = ALWAYS
        for n, recipe in enumerate(_recipes(quantity, row_of)):
            if n == 0:
                rows[q, : len(recipe.names)] = [row_of.get(name, -1) for name in recipe.names]
                methods[q] = recipe.method
            if recipe.method < Method.PRECIPITATION_KIND:
                steps.append((q, recipe, after))
            if recipe.method is Method.SHARE:
                # An hour that is missing among hours is not made of the six that it lies in: they speak after them.
                ends = valid[intervals[row_of[recipe.names[0]]] > 0]
                after = int(ends[-1]) if len(ends) else after
        if meant := next(_recipes(quantity, {*row_of, *schema.withheld}), None):
            expected[q] = meant.method
    return Plan(
        model=schema.model,
        source=source_name(schema.model),
        time=time_of(schema),
        valid=valid,
        intervals=intervals,
        begins=(valid - intervals).min(axis=1),
        steps=_steps(steps, row_of),
        methods=methods,
        expected=expected,
        gives=(methods > 0) & (methods < Method.PRECIPITATION_KIND),
        should=(expected > 0) & (expected < Method.PRECIPITATION_KIND),
        kind=rows[_KIND] if methods[_KIND] else None,
        by_chance=bool(methods[_KIND] == Method.KIND_BY_CHANCE),
        storm=rows[_STORM] if methods[_STORM] else None,
        bounds=(len(QUANTITIES) + len(steps), 2),
        wide=bool((np.diff(valid) > MAX_GAP).any()),
        first=int(valid[0]),
        last=int(valid[-1]),
        reach=np.tile(valid[[0, -1]], (len(QUANTITIES), 1)),
        held=HELD if ANALYSIS in schema.traits else 0,
    )


def _recipes(quantity: Quantity, names: Collection[str]) -> Iterator[Recipe]:
    """The recipes whose variables are there."""
    for recipe in quantity.recipes:
        enough = any if recipe.method in (Method.PRECIPITATION_KIND, Method.KIND_BY_CHANCE) else all
        if enough(name in names for name in recipe.names):
            yield recipe


def _steps(steps: list[tuple[int, Recipe, int]], row_of: dict[str, int]) -> Steps:
    rows = np.full((len(steps), len(KIND_NAMES)), -1, dtype=np.int64)
    for n, (_, recipe, _) in enumerate(steps):
        rows[n, : len(recipe.names)] = [row_of[name] for name in recipe.names]
    return Steps(
        quantities=np.array([q for q, _, _ in steps], dtype=np.int64),
        methods=np.array([recipe.method for _, recipe, _ in steps], dtype=np.int64),
        rows=rows,
        factors=np.array([recipe.factor for _, recipe, _ in steps], dtype=np.float64),
        after=np.array([after for _, _, after in steps], dtype=np.int64),
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
