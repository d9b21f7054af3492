"""What a bootstrap is to bring about, from the environment: on one machine, or on ECS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deployments.bootstrap.pools import MODELS_AT_ONCE, Pool, Queue, process_pool
from deployments.bootstrap.run import Wanted
from deployments.bootstrap.settings import CHECKOUT, BootstrapSettings
from storage.settings import Settings
from tasks.channels import read_channels, split_addresses

LOCAL_POOL = "windlass"
ECS_LIGHT, ECS_HEAVY = "windlass-small", "windlass-medium"
ECS_CODE = "/opt/windlass"
"""Where deployments/Dockerfile puts the code."""


LIGHT, HEAVY = Queue("light", 1, None), Queue("heavy", 2, MODELS_AT_ONCE)


def local_wanted(file: Path | None = None) -> Wanted:
    """Flow runs are processes of the machine that the worker runs on; raises NotifyError."""
    settings = BootstrapSettings()
    light, heavy = settings.pool_light or LOCAL_POOL, settings.pool_heavy or LOCAL_POOL
    queues: dict[str, list[Queue]] = {light: [LIGHT]}
    queues.setdefault(heavy, []).append(HEAVY)
    pools = [process_pool(name, theirs) for name, theirs in queues.items()]
    return _wanted(pools, light, heavy, settings.code_dir or str(CHECKOUT), file)


def ecs_wanted(file: Path | None = None) -> Wanted:
    """Flow runs are tasks on Fargate; raises NotifyError, and ValueError for what an ECS pool needs and is not set.

    A pool of another name than the ECS pools have is one of processes, beside the worker.
    """
    from deployments.ecs.pools import pool_templates
    from deployments.ecs.settings import EcsSettings

    settings = BootstrapSettings()
    light, heavy = settings.pool_light or ECS_LIGHT, settings.pool_heavy or ECS_HEAVY
    # Each task has a machine of its own: any number at once.
    queues: dict[str, list[Queue]] = {light: [LIGHT]}
    queues.setdefault(heavy, []).append(replace(HEAVY, limit=None))
    pools = [
        Pool(name, "ecs", "Windlass flow runs as tasks on Fargate", template, tuple(queues.pop(name, ())))
        for name, template in pool_templates(EcsSettings()).items()
    ]
    pools += [process_pool(name, theirs) for name, theirs in queues.items()]
    return _wanted(pools, light, heavy, settings.code_dir or ECS_CODE, file)


def _wanted(pools: Sequence[Pool], light: str, heavy: str, code: str, file: Path | None) -> Wanted:
    settings = Settings()
    # A bad address is refused here, not dropped at 3 a.m.
    read_channels(settings)
    texts = [secret.get_secret_value() for secret in (settings.notify_urls, settings.notify_url) if secret]
    return Wanted(
        pools=pools,
        variables={"windlass_pool_light": light, "windlass_pool_heavy": heavy, "windlass_code": code},
        urls=list(dict.fromkeys(url for text in texts for url in split_addresses(text))),
        file=file or CHECKOUT / "prefect.yaml",
    )
