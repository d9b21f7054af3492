"""The log group of flow runs, with an end to what it keeps."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError


def keep_log_group(logs: Any, name: str, days: int) -> None:
    """Create the group where it is not there, and set how many days it keeps its lines. May run again at any time.

    `logs`: a boto3 client of CloudWatch Logs. Raises ClientError. A group that ECS creates by itself keeps its lines
    for ever: retention is no part of a task definition.
    """
    try:
        logs.create_log_group(logGroupName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
    logs.put_retention_policy(logGroupName=name, retentionInDays=days)
