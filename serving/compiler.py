"""What the compiler leaves behind: pages of its library that nobody reads once every kernel is loaded."""

from __future__ import annotations

import ctypes
import mmap
import re
from pathlib import Path

LIBRARY = "libllvmlite.so"
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ +(.*)")


def give_back(mappings: Path = Path("/proc/self/smaps")) -> int:
    """Take the compiler's pages out of this process's memory; how many bytes of addresses they had.

    Only those go that are as they are in its file, from where the kernel brings them back should they be wanted after
    all. Nothing is done, and 0 returned, where there is no list of mappings: on other systems than Linux.
    """
    try:
        lines = mappings.read_text().splitlines()
    except FileNotFoundError:
        return 0
    libc = ctypes.CDLL(None)
    given = begin = end = 0
    for line in lines:
        if found := _MAPPING.fullmatch(line):
            is_its = Path(found[4]).name == LIBRARY and "w" not in found[3]
            begin, end = (int(found[1], 16), int(found[2], 16)) if is_its else (0, 0)
        # What was written to while the library was linked is no page of the file any more.
        elif end and line.split() == ["Anonymous:", "0", "kB"]:
            libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)
            given += end - begin
    return given
