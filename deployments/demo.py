"""The whole house on one machine: simulated buckets, Prefect flows, a bucket folder, sync, the API."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

from deployments.children import Child, Children, free_port
from deployments.simulator.server import serve

MODELS = ("gfs", "ifs")
PLACE = "52.52,13.405"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Demo:
    """A demo that runs: where to look, and one forecast as parsed JSON."""

    forecast_url: str
    docs_url: str
    prefect_url: str
    forecast: dict[str, Any]
    children: tuple[Child, ...]

    def watch(self) -> None:
        """Returns never; raises ChildFailed when a server ends."""
        while True:
            for child in self.children:
                child.check()
            sleep(1)


@contextmanager
def running(folder: Path, step: float, tell: Tell) -> Iterator[Demo]:
    """Everything started and one forecast asked; all of it ends with the block.

    `folder` is emptied first. `step`: grid step of the simulated runs in degrees. Raises ChildFailed.
    """
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    with Children(folder / "logs") as children:
        prefect, prefect_env = _start_prefect(children, folder)
        tell(f"simulating one run of {' and '.join(MODELS)} as public buckets hold them ({step:g} degree grid)")
        runs = [
            _windlass(children, f"simulate-{model}", ("simulate", str(folder / "public" / model), "--model", model,
                      "--step", f"{step:g}"))
            for model in MODELS
        ]  # fmt: skip
        for run in runs:
            run.wait()
        tell("waiting for the Prefect server")
        prefect.answer(f"{prefect_env['PREFECT_API_URL']}/health")
        bucket, stores = folder / "bucket", folder / "stores"
        with serve(folder / "public") as public:
            tell(f"ingesting from {public.url} through Prefect flows")
            flows = [
                _windlass(
                    children,
                    f"ingest-{model}",
                    ("ingest", model, "--mirror", f"{public.url}/{model}", "--bucket", str(bucket),
                     "--work", str(folder / "work")),
                    prefect_env,
                )
                for model in MODELS
            ]  # fmt: skip
            for flow in flows:
                flow.wait()
        tell("syncing the published runs")
        _windlass(children, "sync", ("sync", "--bucket", str(bucket), "--to", str(stores), "--once")).wait()
        tell("starting the API")
        port = free_port(8080)
        api = _windlass(children, "serve", ("serve", "--stores", str(stores), "--port", str(port)))
        forecast_url = f"http://127.0.0.1:{port}/forecast/demo/{PLACE}?units=si"
        forecast = api.answer(forecast_url)
        yield Demo(
            forecast_url=forecast_url,
            docs_url=f"http://127.0.0.1:{port}/docs",
            prefect_url=prefect_env["PREFECT_API_URL"].removesuffix("/api") + "/dashboard",
            forecast=json.loads(forecast),
            children=(prefect, api),
        )


def _start_prefect(children: Children, folder: Path) -> tuple[Child, dict[str, str]]:
    """A Prefect server with a database of its own, and the environment of those who use it."""
    port = free_port(4200)
    env = {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    command = (sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))
    return children.start("prefect-server", command, env), env


def _windlass(children: Children, name: str, arguments: Sequence[str], env: dict[str, str] | None = None) -> Child:
    return children.start(name, (sys.executable, "-m", "deployments.cli", *arguments), env or {})
