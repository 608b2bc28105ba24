"""A similarity matrix on disk that grows block by block and survives an interruption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vslnb.errors import StaleCacheError
from vslnb.storage import array_to_fill, forget, new_array, read_json, write_json

REMEDY = "Remove the folder, or give another."


class MatrixFile:
    """`scores.npy` (C, N) float32 in a folder, with a note of what it belongs to and which blocks are whole.

    A caption a row, so that a block of captions touches no more of the file than its own numbers.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> MatrixFile(folder, (2, 3), "key").add(0, [0, 2], np.ones((2, 2)))
    >>> MatrixFile(folder, (2, 3), "key").done
    [0]
    """

    def __init__(self, folder: str | Path, shape: tuple[int, int], key: str):
        """Open the matrix that is there, or begin one.

        Args:
            folder: where it lives.
            shape: N images, C captions.
            key: tells it from every other matrix.

        Raises:
            StaleCacheError: if another matrix is there, or a damaged one.
            InputError: if there is no room for it.
        """
        self.folder, self.key, self.done = Path(folder), key, []
        self.folder.mkdir(parents=True, exist_ok=True)
        path, note = self.folder / "scores.npy", self.folder / "scores.json"
        if not note.exists():
            self._file = new_array(path, np.float32, shape[::-1])
            write_json(note, {"key": key, "done": []})
            return
        found = read_json(note, REMEDY, ("key", "done"), StaleCacheError)
        if found["key"] != key:
            raise StaleCacheError(self.folder, "scores of another model or other data are here", REMEDY)
        try:
            self._file = array_to_fill(path)
        except (OSError, ValueError) as fault:
            raise StaleCacheError(path, f"a damaged matrix ({fault})", REMEDY) from None
        if self._file.shape != shape[::-1] or self._file.dtype != np.float32:
            raise StaleCacheError(
                path, f"{self._file.dtype} {self._file.shape}, not float32 {shape[::-1]}", REMEDY
            )
        if not isinstance(found["done"], list) or not all(type(number) is int for number in found["done"]):
            raise StaleCacheError(note, f"`done` is {found['done']!r:.60}", REMEDY)
        self.done = found["done"]

    @property
    def scores(self) -> np.ndarray:
        """The matrix (N, C), a memory map."""
        return self._file.T

    def add(self, number: int, columns: Sequence[int] | np.ndarray, block: np.ndarray) -> None:
        """Write the columns (N, n) of a block; it counts once it is on the disk."""
        self._file[columns] = block.T
        self._file.flush()
        forget(self._file)
        self.done.append(number)
        write_json(self.folder / "scores.json", {"key": self.key, "done": self.done})
