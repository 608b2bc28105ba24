"""A similarity matrix on disk that grows block by block and survives an interruption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vslnb.errors import InputError
from vslnb.files import read_json, write_json

REMEDY = "Remove the folder, or give another."


class MatrixFile:
    """`scores.npy` (N, C) float32 in a folder, with a note of what it belongs to and which blocks are whole.

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
            InputError: if another matrix is there, or a damaged one.
        """
        self.folder, self.key, self.done = Path(folder), key, []
        self.folder.mkdir(parents=True, exist_ok=True)
        path, note = self.folder / "scores.npy", self.folder / "scores.json"
        if not note.exists():
            self.scores = np.lib.format.open_memmap(path, "w+", np.float32, shape)
            write_json(note, {"key": key, "done": []})
            return
        found = read_json(note, REMEDY, ("key", "done"))
        if found["key"] != key:
            raise InputError(self.folder, "scores of another model or other data are here", REMEDY)
        try:
            self.scores = np.lib.format.open_memmap(path, "r+")
        except (OSError, ValueError) as fault:
            raise InputError(path, f"a damaged matrix ({fault})", REMEDY) from None
        if self.scores.shape != shape or self.scores.dtype != np.float32:
            raise InputError(path, f"{self.scores.dtype} {self.scores.shape}, not float32 {shape}", REMEDY)
        self.done = list(found["done"])

    def add(self, number: int, columns: Sequence[int], block: np.ndarray) -> None:
        """Write the columns of a block; it counts once it is on the disk."""
        self.scores[:, columns] = block
        self.scores.flush()
        self.done.append(number)
        write_json(self.folder / "scores.json", {"key": self.key, "done": self.done})
