"""Where things lie when nobody says otherwise. Built once, at an entry point."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

HOME = Path("~/.local/share/windlass").expanduser()


class Settings(BaseSettings):
    """Environment variables WINDLASS_BUCKET, ..._STORES, ..._WORK, ..._NOTIFY_URLS; a `.env` file works too."""

    model_config = SettingsConfigDict(env_prefix="WINDLASS_", env_file=".env", extra="ignore")

    bucket: str = Field(default=str(HOME / "bucket"), description="published runs: a folder or s3://bucket/prefix")
    stores: Path = Field(default=HOME / "stores", description="synced runs that the API reads")
    work: Path = Field(default=HOME / "work", description="scratch space of ingest")
    notify_urls: SecretStr | None = Field(default=None, description="addresses that are told of incidents, by commas")
    notify_url: SecretStr | None = Field(default=None, description="one more such address")
    api_urls: str = Field(default="", description="APIs whose /health sync-check asks, by commas; none: the stores")
    log_format: Literal["text", "json"] = Field(default="text", description="lines of the log: text or JSON objects")
    dask_address: str | None = Field(
        default=None, description="Dask scheduler that flows fetch on, ensembles are reduced on"
    )
    sqs_url: str | None = Field(default=None, description="a queue of AWS that hears of objects in public buckets")

    @field_validator("bucket", "stores", "work", mode="before")
    @classmethod
    def _names_a_place(cls, value: object) -> object:
        """`WINDLASS_STORES=$NEVER_SET` is empty, and the folder of that name is whichever one happens to be at hand."""
        if isinstance(value, str) and not value.strip():
            raise ValueError("it is empty: give it a value, or unset it for the default")
        return value
