"""The stage of a session: simulated runs, mirrors, and a healthy morning that every world begins with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from deployments.chaos.deeds import Came, bring, sync
from deployments.chaos.outage import LONG_RUNS
from deployments.chaos.scenario import RUNS, USUAL, Stage
from deployments.chaos.site import open_site
from deployments.chaos.truth import truth_of
from deployments.chaos.upstream import long_models, short_models, simulate
from deployments.chaos.world import open_world
from flows.crew import ignore
from serving.forecast import warm

GRACE = timedelta(minutes=5)


@contextmanager
def open_stage(folder: Path, advance: Callable[[int, int], None] = ignore) -> Iterator[Stage]:
    """Everything that scenarios have in common, below `folder`. Takes some seconds, which `advance` counts."""
    upstream = simulate(folder / "upstream", short_models(), RUNS, advance)
    warm()
    with open_site(upstream) as site:
        morning = folder / "morning"
        for init_time in USUAL.published:
            # Every world begins when all of a run has landed.
            now = max(model.arrives(init_time, model.leads(init_time)[-1]) for model in upstream.models)
            like = morning if morning.exists() else None
            with open_world(site, folder / "world", min(now + GRACE, USUAL.start), 0, like=like) as world:
                for model in world.models:
                    (attempt,) = bring(world, model)
                    if attempt.came is not Came.PUBLISHED:
                        raise RuntimeError(f"a healthy morning fails: {attempt}")
                sync(world)
                shutil.rmtree(morning, ignore_errors=True)
                shutil.copytree(folder / "world", morning, ignore=shutil.ignore_patterns(".*", "work"))
            shutil.rmtree(folder / "world")
        yield Stage(site, truth_of(upstream), morning)


@contextmanager
def open_long_stage(folder: Path, advance: Callable[[int, int], None] = ignore) -> Iterator[Stage]:
    """The same for outages of days, which begin with nothing published."""
    upstream = simulate(folder / "upstream", long_models(), LONG_RUNS, advance)
    warm()
    with open_site(upstream) as site:
        yield Stage(site, truth_of(upstream), folder / "nothing")
