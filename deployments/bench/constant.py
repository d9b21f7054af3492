"""The floor of the API: FastAPI returning bytes that are there already."""

from __future__ import annotations

import os
from pathlib import Path

from fastapi import FastAPI, Response


def create_app() -> FastAPI:
    """Every path answers with the bytes of the file that WINDLASS_BENCH_BODY names."""
    body = Path(os.environ["WINDLASS_BENCH_BODY"]).read_bytes()
    app = FastAPI()

    @app.get("/forecast/{key}/{location}")
    async def constant(key: str, location: str) -> Response:
        return Response(body, media_type="application/json")

    return app
