"""Simulated runs that benchmarks keep and use again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from deployments.bench.loads import Load
from deployments.simulator.run import simulate_run
from tasks.scan import stage_files
from tasks.wanted import StagedMessage

INIT_TIME = datetime(2026, 11, 25, tzinfo=UTC)


@dataclass(frozen=True)
class KeptRun:
    """Some leads (hours) of a load's run, laid out below `folder` as a mirror has them; all files of one product."""

    load: Load
    leads: tuple[int, ...]
    folder: Path

    def make(self, advance: Callable[[int, int], None]) -> None:
        """Simulate the leads that are not there yet; `advance` counts them. Raises what `simulate_run` does."""
        absent = [lead for lead in self.leads if not self._index(lead).exists()]
        if absent:
            simulate_run(
                self.folder, self.load.model, INIT_TIME, absent, self.load.grid, advance, producer=self.load.producer
            )

    def _index(self, lead: int) -> Path:
        """A lead's last index is written after all its data."""
        return self.folder / self.load.model.products[0].apart()[-1].index_path(INIT_TIME, lead)

    def messages(self) -> tuple[StagedMessage, ...]:
        """All of them where they lie, variable after variable, in the order of their leads."""
        model = self.load.model
        files = [self.folder / model.products[0].data_path(INIT_TIME, lead) for lead in self.leads]
        found = stage_files(files, model.wanted, INIT_TIME).messages
        return tuple(sorted(found, key=lambda message: (message.variable, message.lead)))

    def only(self, leads: tuple[int, ...]) -> KeptRun:
        """The same with fewer leads."""
        return replace(self, leads=leads)
