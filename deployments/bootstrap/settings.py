"""What differs between a laptop and ECS. Built once, at an entry point."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT = Path(__file__).parents[2]


class BootstrapSettings(BaseSettings):
    """Environment variables WINDLASS_POOL_LIGHT, ..._POOL_HEAVY, ..._CODE_DIR; a `.env` file works too."""

    model_config = SettingsConfigDict(env_prefix="WINDLASS_", env_file=".env", extra="ignore")

    pool_light: str | None = Field(default=None, description="work pool of the chores")
    pool_heavy: str | None = Field(default=None, description="work pool of the models")
    code_dir: str | None = Field(default=None, description="where this code lies for those who run flows")
