"""Where things lie when nobody says otherwise. Built once, at an entry point."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
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
    dask_address: str | None = Field(default=None, description="Dask scheduler that flows fetch on: tcp://host:8786")
    sqs_url: str | None = Field(default=None, description="a queue of AWS that hears of objects in public buckets")
