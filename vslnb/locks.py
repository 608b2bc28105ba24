"""One writer a folder at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from vslnb.errors import Busy, InputError

PATIENCE = 3  # seconds; a worker whose parent was killed is gone sooner


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from writing to a folder, which is made where it is missing.

    Raises:
        Busy: if another process has it.
        InputError: if it is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(folder, "this is a file", "Name a folder.") from None
    lock = FileLock(folder / ".lock", timeout=PATIENCE)
    try:
        lock.acquire()
    except Timeout:
        problem = "another process is writing here"
        raise Busy(folder, problem, "Wait for its end, or name another folder.") from None
    try:
        yield
    finally:
        lock.release()
