"""The gate before publication: what looks wrong is withheld field by field, and a run that looks wrong is refused.

What is withheld is treated as if it had never come: the store is written without it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from storage.grids import Grid
from tasks.checks import CHECKS, Blame, Case, Check
from tasks.errors import GateFailed
from tasks.normal import Normal
from tasks.relations import between
from tasks.statistics import Measured
from tasks.verdict import Finding, Verdict, accept

FEW, MANY = 2, 0.25
"""Of a variable's fields: more than both are too many to believe the others."""
REQUIRED, FIELDS = 0.25, 0.5
"""A run is refused where a larger part is withheld, of the required variables (and 2 at least) or of all fields."""
PASSES = 2
"""Times a variable's fields are judged one by one; what still fails is withheld whole."""


@dataclass(frozen=True)
class Gate:
    """What the gate knows beforehand.

    required: variables that the model cannot do without. off: judge, but let pass. appeal: hears every verdict that
    withholds more than the one before, or refuses, before it comes into force; what it raises ends the judging.
    """

    required: frozenset[str] = frozenset()
    normals: Mapping[str, Normal] = field(default_factory=dict)
    off: bool = False
    checks: Sequence[Check] = CHECKS
    appeal: Callable[[Verdict], None] = accept

    def judge(
        self,
        run: str,
        grid: Grid,
        measured: Sequence[Measured],
        before: Verdict | None = None,
        together: Sequence[frozenset[str]] = (),
    ) -> Verdict:
        """The verdict on what was measured of a run, from which the fields that `before` withheld were left out.

        `together`: variables that are made of the same messages, and are withheld together.
        Raises GateFailed where too much is wrong.
        """
        before = before or Verdict()
        earth = part_of_earth(grid)
        cases = [Case(one, earth, self.normals.get(one.name)) for one in measured]
        found = [finding for case in cases for finding in self._of_one(case)]
        marked = {finding.variable for finding in found}
        found += [Finding(*row) for row in between([case for case in cases if case.fields.name not in marked])]
        fields = {one.name: one for one in measured}
        found += [
            Finding(other, finding.leads, f"made with {finding.variable}: {finding.why}")
            for finding in found
            for group in together
            if finding.variable in group
            for other in sorted(group & fields.keys() - {finding.variable})
        ]
        withheld, whole = dict(before.withheld), set(before.whole)
        for name in dict.fromkeys(finding.variable for finding in found):
            bad = {lead for finding in found if finding.variable == name for lead in finding.leads}
            gone = withheld.get(name, frozenset())
            all_of_it = gone.union(fields[name].leads.tolist())
            many = len(bad | gone) > max(FEW, MANY * len(all_of_it)) or bad | gone == all_of_it
            if many or before.passes >= PASSES:
                whole.add(name)
            withheld[name] = all_of_it if name in whole else gone | _without_echoes(fields[name], bad)
        for group in together:
            one = group & fields.keys()
            if one & whole:
                whole |= one
                withheld |= {name: frozenset(fields[name].leads.tolist()) for name in one}
        first = before.passes == 0
        verdict = Verdict(
            findings=(*before.findings, *found),
            withheld=withheld,
            whole=frozenset(whole),
            fields=sum(len(one.leads) for one in measured) if first else before.fields,
            variables=len(measured) if first else before.variables,
            compared=sum(case.normal is not None for case in cases) if first else before.compared,
            passes=before.passes + 1,
            off=self.off,
        )
        if self.off:
            return verdict
        verdict = replace(verdict, refused=self._refused(verdict, before.whole.union(fields)))
        if verdict.refused or verdict.leaves_out_more(before):
            self.appeal(verdict)
        if verdict.refused:
            raise GateFailed(
                f"{run}: {verdict.refused}. Nothing was published. If the producer has changed its data, correct the "
                "model's file; if they are right as they are, ingest with --no-gate; if its mirrors spoiled them, name "
                "another one with --mirror"
            )
        return verdict

    def _of_one(self, case: Case) -> Iterator[Finding]:
        """What the checks say of one variable."""
        clean = True
        for check in self.checks:
            # Which side of a difference is wrong can be told once no single field is.
            if check.blame is not Blame.FEWER or clean:
                for finding in judged(check, case):
                    clean = False
                    yield finding

    def _refused(self, verdict: Verdict, names: frozenset[str]) -> str:
        """Why a run is refused, of which `names` came; empty where it is not."""
        gone = sum(map(len, verdict.withheld.values()))
        required = names & self.required
        lost = required & verdict.whole
        if names == verdict.whole:
            what, limit = "all variables", "some must be left"
        elif len(lost) >= FEW and len(lost) > REQUIRED * len(required):
            what = f"{len(lost)} of {len(required)} required variables"
            limit = f"{REQUIRED:.0%} may be"
        elif gone > FIELDS * verdict.fields:
            what, limit = f"{gone} of {verdict.fields} fields", f"{FIELDS:.0%} may be"
        else:
            return ""
        reasons = "; ".join(f"{name}, {why}" for name, why in list(verdict.reasons().items())[: FEW + 1])
        return f"{what} would be withheld, and {limit}: {reasons}"


def _without_echoes(fields: Measured, bad: Collection[int]) -> frozenset[int]:
    """The leads in `bad`, but of consecutive amounts or means the last: a spoiled total spoils what follows it too.

    Whether it was that is seen once the others are gone.
    """
    if not fields.variable.statistic.adds_up:
        return frozenset(bad)
    leads = fields.leads.tolist()
    threes = zip([None, *leads[:-1]], leads, [*leads[1:], None], strict=True)
    return frozenset(bad) - {one for before, one, after in threes if before in bad and after not in bad}


def judged(check: Check, case: Case) -> Iterator[Finding]:
    """One finding, or none, of a check of one variable."""
    values = check.measure(case)
    low, high = (np.broadcast_to(np.asarray(limit, np.float64), values.shape) for limit in check.allowed(case))
    bad = (values < low) | (values > high)
    if not bad.any():
        return
    leads = case.fields.leads
    blamed = _BLAMED[check.blame](bad, case, high)
    worst = int(np.argmax(bad))
    unit = check.unit % (case.fields.variable.units if "%s" in check.unit else ())
    why = f"{check.name} {values[worst]:.4g} {unit}".rstrip()
    yield Finding(
        case.fields.name,
        tuple(leads[blamed].tolist()),
        f"{why} at {leads[worst] / 60:g} h, allowed {_allowed(float(low[worst]), float(high[worst]))}",
    )


def _allowed(low: float, high: float) -> str:
    if not np.isfinite(low):
        return f"at most {high:.4g}"
    return f"{low:.4g} to {high:.4g}" if np.isfinite(high) else f"at least {low:.4g}"


Bad = NDArray[np.bool_]


def _field(bad: Bad, case: Case, high: NDArray[np.float64]) -> Bad:
    return bad


def _pair(bad: Bad, case: Case, high: NDArray[np.float64]) -> Bad:
    return bad | np.append(bad[1:], False)


def _fewer(bad: Bad, case: Case, high: NDArray[np.float64]) -> Bad:
    """All fields but the most numerous that no difference parts; what lies on both sides of one odd field is one."""
    side = np.cumsum(bad)
    odd = np.flatnonzero(bad[:-1] & bad[1:])
    for one in odd:
        if case.fields.across[one] <= high[one]:
            side[side == side[one + 1]] = side[one - 1]
    sides, counts = np.unique(side, return_counts=True)
    fewer: Bad = side != sides[np.argmax(counts)]
    return fewer


_BLAMED = {Blame.FIELD: _field, Blame.PAIR: _pair, Blame.FEWER: _fewer}


def part_of_earth(grid: Grid) -> float:
    """The part of the earth's surface between the outermost points of a grid, to a few per cent; at least 0."""
    ys, xs = (np.unique(np.linspace(0, count - 1, min(count, 73)).astype(int)) for count in grid.shape)
    lats, lons = np.radians(grid.latlons(ys, slice(None)))
    lats, lons = lats[:, xs], lons[:, xs]
    points = np.stack([np.cos(lats) * np.cos(lons), np.cos(lats) * np.sin(lons), np.sin(lats)], axis=-1)
    sides = points[1:, 1:] - points[:-1, :-1], points[1:, :-1] - points[:-1, 1:]
    area = np.linalg.norm(np.cross(*sides), axis=-1).sum() / 2
    # The last column of a global grid is not its first again.
    return float(area / (4 * np.pi) * len(xs) / max(len(xs) - 1, 1))
