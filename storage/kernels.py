"""How the loops of serving and of the point read are compiled: once per machine, kept on disk, without the GIL."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from numba import njit
from numba.core.dispatcher import Dispatcher

P = ParamSpec("P")
R = TypeVar("R")


@cache
def _sources(room: Path) -> str:
    """A fingerprint of every source file of a room."""
    digest = hashlib.sha256()
    for path in sorted(room.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile on first call, or load what an earlier process compiled.

    Numba recompiles a cached function when its own file changes, not when a function or constant changes that it
    took from another file. Kernels of a room call each other across files, so all of them carry the fingerprint of all.
    """
    compiled = njit(cache=True, nogil=True, error_model="numpy")(function)
    if isinstance(compiled, Dispatcher):
        held: Any = compiled
        held._cache._cache_file._source_stamp = _sources(Path(function.__code__.co_filename).parent)
    result: Callable[P, R] = compiled
    return result
