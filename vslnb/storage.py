"""How we write to disk: files whole or not at all, memory-mapped arrays with reserved room, one writer a folder."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import mmap
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import BinaryIO

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import DTypeLike

from vslnb.errors import FolderBusyError, InputError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CANNOT_RESERVE = (errno.EOPNOTSUPP, errno.EINVAL)  # of some file systems
LOCK_SECONDS = 3  # a worker whose parent was killed is gone sooner


def read_json(
    path: str | Path, remedy: str, keys: Sequence[str] = (), error: type[InputError] = InputError
) -> dict:
    """A JSON object that has some keys.

    Raises:
        InputError: (or `error`) for a file that is missing, is no JSON object or lacks a key, with `remedy`.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as fault:
        raise error(path, f"cannot be read ({fault.strerror})", remedy) from None
    except (ValueError, RecursionError) as fault:
        raise error(path, f"not valid JSON ({fault})", remedy) from None
    if not isinstance(content, dict):
        raise error(path, "not a JSON object", remedy)
    missing = [key for key in keys if key not in content]
    if missing:
        raise error(path, f"no {', '.join(missing)} in it", remedy)
    return content


def write_json(path: Path, content: dict | list) -> None:
    """A JSON file, whole or not at all."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """A UTF-8 file, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def aside_of(path: Path) -> Path:
    """Where a file is written before it is renamed; a kill in between leaves that.

    >>> aside_of(Path("run/config.json")).name
    'config.json.tmp'
    """
    return path.with_name(path.name + ".tmp")


def write_bytes(path: Path, content: bytes) -> None:
    """A file, whole or not at all: written aside, synced, renamed.

    Raises:
        InputError: for a full disk, with the room that is needed; what was there stays.
    """
    aside = aside_of(path)
    try:
        with room(path, len(content)), aside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_stream(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """A file, whole or not at all, of what `write` puts into a stream."""
    stream = io.BytesIO()
    write(stream)
    write_bytes(path, stream.getvalue())


def sync_folder(folder: Path) -> None:
    """Make renames in a folder outlast a power cut, where the system can."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


@contextlib.contextmanager
def room(path: Path, size: int) -> Iterator[None]:
    """Say how much room a file of `size` bytes needs where the disk is full."""
    try:
        yield
    except OSError as fault:
        if fault.errno not in DISK_FULL:
            raise
        free = shutil.disk_usage(path.parent).free
        problem = f"no room: {size / 2**20:.1f} MiB are needed, {free / 2**20:.1f} MiB are free"
        if fault.errno == errno.EFBIG:
            problem = f"no room: {size / 2**20:.1f} MiB are needed, more than a file may have here"
        raise InputError(path, problem, "Make room and start again; what was whole is kept.") from None


def new_array(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> np.memmap:
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
                if fault.errno not in CANNOT_RESERVE:
                    raise


def fetch(array: np.ndarray, rows: np.ndarray) -> None:
    """Ask the system to read some rows of a memory map, all at once and before the first of them is touched.

    Without it each row is read when it is copied, a few pages at a time, while the disk waits in between. Does nothing
    for an array that is no memory map, or where the system knows no such advice.

    Args:
        array: a memory map, or a part of one along its first axis.
        rows: numbers along the first axis.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is None or not hasattr(mmap, "MADV_WILLNEED"):
        return
    for start, length in pages(array, mapped, rows):
        mapped.madvise(mmap.MADV_WILLNEED, start, length)


def pages(array: np.ndarray, mapped: mmap.mmap, rows: np.ndarray) -> Iterator[tuple[int, int]]:
    """Where rows of an array lie in its memory map: the start of a page, and the bytes from there to the row's end."""
    first = array.ctypes.data - np.frombuffer(mapped, np.uint8).ctypes.data
    for row in rows:
        begin = first + int(row) * array.strides[0]
        start = begin // mmap.PAGESIZE * mmap.PAGESIZE
        yield start, begin + array.strides[0] - start


def forget(array: np.ndarray) -> None:
    """Let go of what was read from or flushed to a memory map; the system reads it again when it is needed.

    Without it a pass over a file ends with all of the file in this process's memory. Does nothing for an
    array that is no memory map, or where the system knows no such advice.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from writing to a folder, which is made where it is missing.

    Raises:
        FolderBusyError: if another process has it.
        InputError: if it is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(folder, "this is a file", "Name a folder.") from None
    lock = FileLock(folder / ".lock", timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        problem = "another process is writing here"
        raise FolderBusyError(folder, problem, "Wait for its end, or name another folder.") from None
    try:
        yield
    finally:
        lock.release()
