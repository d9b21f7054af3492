"""What is still to be published of a model's newest runs, and which lead tells that work on it may begin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flows.leads import leads_in_words
from flows.model import Model
from storage.run_time import run_time
from tasks.arrival import Sought

LOOK_BACK = 3
"""Nominal runs, of which the newest may not have begun to arrive; for what is older there is the cron."""

Order = tuple[datetime, int]
"""What is published or to be: the run, and how many of its times."""
NOTHING: Order = (datetime.min.replace(tzinfo=UTC), 0)


@dataclass(frozen=True)
class Goal:
    """A stage of a run. `sign`: the lead (hours) whose arrival says that the last of `leads` follows at once.

    `expected`: when the sign lands; `due`: when the last lead does; `overdue`: when that is waited for no longer.
    `complete`: these are all leads of the run. `times`: how many they hold.
    """

    model: str
    init_time: datetime
    leads: tuple[int, ...]
    sign: int
    expected: datetime
    due: datetime
    overdue: datetime
    complete: bool
    times: int

    @property
    def order(self) -> Order:
        return self.init_time, self.times

    def sought(self, now: datetime) -> list[Sought]:
        """Leads to look for: the sign, and the last one when that should be there; a run may have a hole."""
        leads = dict.fromkeys((self.leads[-1], self.sign) if now >= self.due else (self.sign,))
        return [Sought(self.init_time, lead) for lead in leads]

    def __str__(self) -> str:
        return f"{self.model} {run_time(self.init_time)} leads {leads_in_words(self.leads)}"

    def payload(self) -> dict[str, Any]:
        """Plain JSON for whoever is told."""
        return {
            "init_time": f"{self.init_time:%Y-%m-%dT%H:%MZ}",
            "leads": leads_in_words(self.leads),
            "complete": self.complete,
        }


def goals(model: Model, now: datetime, published: Order) -> list[Goal]:
    """What of the newest runs is not published, the newest run and its longest stage first."""
    found: list[Goal] = []
    for init_time in model.init_times(now, LOOK_BACK):
        stages = model.stages_of(init_time)
        some = [
            Goal(
                model=model.name,
                init_time=init_time,
                leads=leads,
                sign=(sign := model.herald(init_time, leads, before)),
                expected=model.arrives(init_time, sign),
                due=model.arrives(init_time, leads[-1]),
                overdue=model.deadline(init_time, leads[-1]),
                complete=leads == stages[-1],
                times=len(model.times(leads)),
            )
            for before, leads in zip([(), *stages], stages, strict=False)
        ]
        found += reversed(some)
    return [goal for goal in found if goal.order > published]
