"""Files on disk: written whole or not at all, read with an error that names the file."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from vslnb.errors import InputError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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


def write_bytes(path: Path, content: bytes) -> None:
    """A file, whole or not at all: written aside, synced, renamed.

    Raises:
        InputError: for a full disk, with the room that is needed; what was there stays.
    """
    aside = path.with_name(path.name + ".tmp")
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
        if fault.errno not in FULL:
            raise
        free = shutil.disk_usage(path.parent).free
        problem = f"no room: {size / 2**20:.1f} MiB are needed, {free / 2**20:.1f} MiB are free"
        if fault.errno == errno.EFBIG:
            problem = f"no room: {size / 2**20:.1f} MiB are needed, more than a file may have here"
        raise InputError(path, problem, "Make room and start again; what was whole is kept.") from None
