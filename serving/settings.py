"""How a server's worker builds the API: from the environment, once."""

from __future__ import annotations

import gc
import logging
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI
from pydantic import AwareDatetime, Field

from serving.app import create_app
from serving.clock import wall_clock
from serving.compiler import give_back
from serving.forecast import warm
from serving.terrain import open_terrain
from storage.logs import log_to_stderr
from storage.settings import Settings

FACTORY = "serving.settings:api"


class ApiSettings(Settings):
    """WINDLASS_STORES: the folder of stores; WINDLASS_NOW: a time at which the clock stands still; WINDLASS_TERRAIN: a
    store of how high places lie; WINDLASS_NODE: what answers call this machine."""

    now: AwareDatetime | None = Field(default=None, description="freeze the clock at this time, to replay an old run")
    terrain: Path | None = Field(default=None, description="a store of terrain height, to which temperatures are led")
    node: str = Field(
        default="",
        pattern=r"^[!-~]{0,64}$",
        description="what X-Node-ID calls this machine, its host name where nothing else",
    )


def api() -> FastAPI:
    """The application that `uvicorn --factory` asks for in every worker."""
    settings = ApiSettings()
    log_to_stderr(settings, logging.INFO)
    frozen = settings.now
    terrain = open_terrain(settings.terrain) if settings.terrain else None
    # What lives until the process ends need not be looked through for garbage, time and again while it answers.
    warm()
    give_back()
    gc.freeze()

    def standing_still() -> datetime:
        assert frozen is not None
        return frozen

    return create_app(settings.stores, standing_still if frozen else wall_clock, terrain=terrain, node=settings.node)
