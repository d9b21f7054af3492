"""What the gate found in a run, and what it withholds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """Fields of one variable that fail a check. leads: minutes. why: one clause with numbers and limits."""

    variable: str
    leads: tuple[int, ...]
    why: str


@dataclass(frozen=True)
class Verdict:
    """What the gate found. withheld: variable -> leads, minutes. whole: of which variables nothing is left.

    compared: how many variables could be held against the last run. off: nothing is withheld, whatever was found.
    refused: why nothing may be published, in words; empty where something may.
    """

    findings: tuple[Finding, ...] = ()
    withheld: Mapping[str, frozenset[int]] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    fields: int = 0
    variables: int = 0
    compared: int = 0
    passes: int = 0
    off: bool = False
    refused: str = ""

    @property
    def doubted(self) -> frozenset[tuple[str, int]]:
        """(variable, lead) of the fields that a check blames. A variable that is withheld whole has others too."""
        return frozenset((one.variable, lead) for one in self.findings for lead in one.leads)

    def lets_pass(self, names: Iterable[str], lead: int) -> bool:
        """Whether a message may go into variables at a lead (minutes): none of them is withheld there."""
        return not any(name in self.whole or lead in self.withheld.get(name, ()) for name in names)

    def leaves_out_more(self, before: Verdict | None) -> bool:
        """Whether fields are withheld that the run was measured with."""
        return not self.off and self.withheld != (before.withheld if before else {})

    def reasons(self) -> dict[str, str]:
        """Variable -> which leads are withheld, and why."""
        return {} if self.off else {name: self._reason(name) for name in sorted(self.withheld)}

    def _reason(self, name: str) -> str:
        where = "all leads" if name in self.whole else f"lead {in_hours(self.withheld[name])}"
        first, *more = [finding.why for finding in self.findings if finding.variable == name]
        return f"{where}: {first}" + (f"; and {len(more)} more" if more else "")

    def skipped(self) -> str:
        """What could not be checked, in words; nothing where all was."""
        missing = self.variables - self.compared
        return f"{missing} of {self.variables} variables have no last run to be compared with" if missing else ""

    def provenance(self) -> dict[str, object]:
        """Plain JSON of all of it."""
        return {
            "off": self.off,
            "fields": self.fields,
            "skipped": self.skipped(),
            "findings": [f"{one.variable}: {one.why}" for one in self.findings],
        }


def accept(verdict: Verdict) -> None:
    """An appeal that nobody makes."""


def in_hours(leads: Iterable[int]) -> str:
    """Leads (minutes) as '6, 7 h', or the first and the last of many."""
    hours = [f"{lead / 60:g}" for lead in sorted(leads)]
    return f"{', '.join(hours)} h" if len(hours) <= 4 else f"{hours[0]} to {hours[-1]} h ({len(hours)} of them)"
