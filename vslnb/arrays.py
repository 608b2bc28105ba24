"""Memory-mapped arrays that are filled bit by bit, their room on the disk reserved."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from tokenize import TokenError

import numpy as np

from vslnb.files import room

UNSUPPORTED = (errno.EOPNOTSUPP, errno.EINVAL)  # by some file systems


def new_array(path: Path, dtype: object, shape: tuple[int, ...]) -> np.memmap:
    """A memory-mapped .npy file of zeros whose room on the disk is reserved.

    Raises:
        InputError: for a full disk, with the room that is needed.
    """
    size = int(np.dtype(dtype).itemsize * np.prod(shape, dtype=object))
    try:
        with room(path, size):
            array = np.lib.format.open_memmap(path, "w+", dtype, shape)
            # A map that met a full disk later would kill the process.
            _reserve(path)
        array.flush()
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return array


def open_array(path: Path) -> np.memmap:
    """A memory-mapped .npy file.

    Raises:
        OSError, ValueError: for a file that is missing, short, or no array of numbers.
    """
    try:
        array = np.load(path, mmap_mode="r")
    except (EOFError, SyntaxError, TokenError, RecursionError, OverflowError) as fault:
        raise ValueError(str(fault)) from None  # what numpy lets through of its header's parser
    if not isinstance(array, np.memmap):
        raise ValueError("not one array")
    return array


def array_to_fill(path: Path) -> np.memmap:
    """As `open_array`, to go on writing."""
    open_array(path)  # refuses a short file, which the next line would make longer
    return np.lib.format.open_memmap(path, "r+")


def _reserve(path: Path) -> None:
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as stream:
            try:
                os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
            except OSError as fault:
                if fault.errno not in UNSUPPORTED:
                    raise
