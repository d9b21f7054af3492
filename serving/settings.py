"""How a server's worker builds the API: from the environment, once."""

from __future__ import annotations

import gc
import logging
from datetime import datetime

from fastapi import FastAPI
from pydantic import AwareDatetime, Field

from serving.app import create_app
from serving.clock import wall_clock
from serving.forecast import warm
from storage.settings import Settings

FACTORY = "serving.settings:api"


class ApiSettings(Settings):
    """WINDLASS_STORES: the folder of stores; WINDLASS_NOW: a time at which the clock stands still."""

    now: AwareDatetime | None = Field(default=None, description="freeze the clock at this time, to replay an old run")


def api() -> FastAPI:
    """The application that `uvicorn --factory` asks for in every worker."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(name)s: %(message)s")
    settings = ApiSettings()
    frozen = settings.now
    # What lives until the process ends need not be looked through for garbage, time and again while it answers.
    warm()
    gc.freeze()

    def standing_still() -> datetime:
        assert frozen is not None
        return frozen

    return create_app(settings.stores, standing_still if frozen else wall_clock)
