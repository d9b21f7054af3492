"""What of an AWS account the pools name. Built once, at an entry point."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Names = Annotated[tuple[str, ...], NoDecode]


class EcsSettings(BaseSettings):
    """Environment variables WINDLASS_ECS_IMAGE, ..._SUBNETS and so on; a `.env` file works too."""

    model_config = SettingsConfigDict(
        env_prefix="WINDLASS_ECS_", env_file=".env", extra="ignore", populate_by_name=True
    )

    bucket: str = Field(
        default="", validation_alias="WINDLASS_BUCKET", description="published runs: s3://bucket/prefix"
    )

    api_urls: str = Field(
        default="", validation_alias="WINDLASS_API_URLS", description="APIs whose /health sync-check asks"
    )
    dask_address: str = Field(
        default="", validation_alias="WINDLASS_DASK_ADDRESS", description="Dask scheduler that flows fetch on"
    )
    region: str = Field(default="us-east-1", description="where the cluster is; GFS and IFS lie in buckets there")
    cluster: str = Field(default="windlass", description="ECS cluster that has FARGATE and FARGATE_SPOT")
    image: str = Field(default="windlass:latest", description="image of deployments/Dockerfile, tagged by commit")
    architecture: Literal["ARM64", "X86_64"] = Field(default="ARM64", description="what the image was built for")
    subnets: Names = Field(default=(), description="subnet ids, separated by commas; none: the default VPC's")
    security_groups: Names = Field(default=(), description="security group ids, separated by commas")
    public_ip: bool = Field(default=True, description="tasks get a public address: the subnets have no NAT gateway")
    task_role_arn: str | None = Field(default=None, description="what a flow run may do: the bucket")
    execution_role_arn: str | None = Field(default=None, description="what ECS may do to start it: image, log, secrets")
    log_group: str = Field(default="/windlass/flows", description="CloudWatch log group of flow runs")
    log_days: int = Field(default=30, description="days that its lines are kept; one of CloudWatch's own numbers")
    notify_secret_arn: str | None = Field(default=None, description="secret that holds WINDLASS_NOTIFY_URLS")
    api_auth_secret_arn: str | None = Field(default=None, description="secret that holds PREFECT_API_AUTH_STRING")

    @field_validator("subnets", "security_groups", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value
