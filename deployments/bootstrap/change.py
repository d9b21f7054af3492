"""Change: what a bootstrap did to one thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Did(StrEnum):
    """What was done."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REMOVED = "removed"


@dataclass(frozen=True)
class Change:
    """One thing of a kind; `detail`: what was wrong with it, or what an operator has set on it by hand."""

    kind: str
    name: str
    did: Did
    detail: str = ""


def differences(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The names of the fields in which a thing is not as it is wanted, empty where there are none."""
    return ", ".join(name for name, value in wanted.items() if there.get(name) != value)
