"""Memory beside a page that nobody may touch: a read outside of a message kills its process."""

from __future__ import annotations

import ctypes
import mmap
import os

PAGE = mmap.PAGESIZE
PROT_NONE = 0
"""mprotect(2)."""


def before_the_forbidden(message: bytes) -> memoryview:
    """The message in memory in which the byte behind its last one is forbidden."""
    room = -(-len(message) // PAGE) * PAGE
    return _beside(message, room + PAGE, room - len(message), room)


def behind_the_forbidden(message: bytes) -> memoryview:
    """The message in memory in which the byte before its first one is forbidden."""
    return _beside(message, PAGE + max(1, len(message)), PAGE, 0)


def _beside(message: bytes, size: int, start: int, forbidden: int) -> memoryview:
    """A copy of the message at `start` of `size` fresh bytes, of which one page is forbidden."""
    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory[start : start + len(message)] = message
    libc = ctypes.CDLL(None, use_errno=True)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + forbidden
    if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(PAGE), PROT_NONE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return memoryview(memory)[start : start + len(message)].toreadonly()
