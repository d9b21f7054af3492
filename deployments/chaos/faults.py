"""The table of faults: rows and columns of the matrix."""

from __future__ import annotations

from deployments.chaos.fault import Fault
from deployments.chaos.rows import buckets, files, machines, mirrors
from deployments.chaos.world import World

FAULTS: tuple[Fault[World], ...] = (*mirrors.rows(), *files.rows(), *machines.rows(), *buckets.rows())
