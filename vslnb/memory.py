"""What a process keeps in memory: blocks that come and go thousands of times, but not the files it maps."""

from __future__ import annotations

import ctypes
import mmap
import sys

import numpy as np

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def keep_freed_memory() -> bool:
    """Tell glibc not to hand large blocks back to the system after each use, a third of a step's time.

    Memory in use is the same; what was freed is reused. Returns whether it took effect (Linux with glibc).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, 2**30) and mallopt(M_TRIM_THRESHOLD, 2**31 - 1))


def forget(array: np.ndarray) -> None:
    """Let go of what was read from or flushed to a memory map; the system reads it again when it is needed.

    Without it a pass over a file ends with all of the file in this process's memory. Does nothing for an
    array that is no memory map, or where the system knows no such advice.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
