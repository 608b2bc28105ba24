"""The error a user is meant to read."""

from __future__ import annotations

from pathlib import Path


class InputError(ValueError):
    """Something given to us is wrong: says where it is, what is wrong and what to do.

    Args:
        where: the file, with a line or row if there is one.
        problem: what was found.
        remedy: what the user can do about it.

    >>> print(InputError("test_caps.txt, line 3", "the caption is empty", "Write a caption or remove the image."))
    test_caps.txt, line 3: the caption is empty. Write a caption or remove the image.
    """

    def __init__(self, where: str | Path, problem: str, remedy: str):
        super().__init__(where, problem, remedy)  # as they are, so that the error crosses processes

    def __str__(self) -> str:
        where, problem, remedy = self.args
        return f"{where}: {problem.rstrip('.')}. {remedy}"


class FolderBusyError(InputError):
    """Another process writes to the place that was named."""


class StaleCacheError(InputError):
    """What is kept there belongs to other weights, other data or an older program, or is damaged."""
