"""Photos that changed, or went, after their features were made: noticed by size, time and content."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from vslnb.data.manifest import MOVED, picture_root, read_lines
from vslnb.data.precomp import SPLITS
from vslnb.errors import InputError
from vslnb.storage import read_json, write_json, write_text

PHOTOS = "photos.json"  # of every photo its size, time of change and SHA-256 when its features were made


class PhotosMissing(UserWarning):
    """Photos of a data set are not where they were."""


@dataclass(frozen=True)
class Changes:
    """Photos, by their path below `root`, that are gone or have another content."""

    root: Path
    total: int
    missing: list[str]
    changed: list[str]


def digest_of(path: Path) -> str:
    """SHA-256 of a file; a file of the same size and time is read once."""
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=100_000)
def _digest(path: Path, size: int, time: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_photos(folder: Path, root: Path, pictures: Sequence[str], digests: Mapping[str, str]) -> None:
    """Note the photos whose features are in a data set."""
    stats = {picture: (root / picture).stat() for picture in pictures}
    write_json(
        folder / PHOTOS,
        {name: [stat.st_size, stat.st_mtime_ns, digests[name]] for name, stat in stats.items()},
    )


def find_changes(folder: str | Path, thorough: bool = False) -> Changes:
    """What happened to the photos of a data set since its features were made.

    Args:
        folder: the data set.
        thorough: compare the content of all photos, not only of those whose time has changed.

    Raises:
        InputError: for a note of the photos that is damaged.
    """
    folder = Path(folder)
    root, path = picture_root(folder), folder / PHOTOS
    noted = read_json(path, "Remove it; changes are then not noticed.") if path.exists() else {}
    for name, entry in noted.items():
        sound = isinstance(entry, list) and [type(part) for part in entry] == [int, int, str]
        if not sound or Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(
                path, f"the entry of {name!r:.60} is damaged", "Remove it; changes are then not noticed."
            )
    names = list(noted) or _pictures(folder)
    missing, changed = [], []
    for name in names:
        try:
            stat = (root / name).stat()
        except (OSError, ValueError):
            missing.append(name)
            continue
        if name in noted:
            size, time, digest = noted[name]
            if stat.st_size != size or (
                (thorough or stat.st_mtime_ns != time) and digest_of(root / name) != digest
            ):
                changed.append(name)
    return Changes(root, len(names), missing, changed)


def _pictures(folder: Path) -> list[str]:
    """The pictures of a data set that was made before photos were noted."""
    lists = [folder / f"{name}_pictures.txt" for name in SPLITS]
    return [line for path in lists if path.exists() for line in read_lines(path, strip=False)]


def notice_changes(folder: str | Path, needed: bool = False) -> None:
    """Refuse a data set whose photos have changed; warn of photos that are gone, or refuse where they are needed.

    Raises:
        InputError: with what to do.
    """
    changes = find_changes(folder)
    if changes.changed:
        raise InputError(folder, *changed_words(changes))
    if changes.missing:
        problem, remedy = missing_words(folder, changes)
        if needed:
            raise InputError(folder, problem, remedy)
        warnings.warn(PhotosMissing(f"{folder}: {problem}. {remedy}"), stacklevel=2)


def changed_words(changes: Changes) -> tuple[str, str]:
    """Problem and remedy of photos whose content changed."""
    problem = (
        f"{len(changes.changed):,} of {changes.total:,} photos have changed since their features were made, "
        f"such as {changes.root / changes.changed[0]}"
    )
    return problem, "Put the old photos back, or import into a new folder and train again."


def missing_words(folder: str | Path, changes: Changes) -> tuple[str, str]:
    """Problem and remedy of photos that are gone."""
    problem = (
        f"{len(changes.missing):,} of {changes.total:,} photos are not there any more, such as "
        f"{changes.root / changes.missing[0]}"
    )
    return problem, f"If their folder was moved, name the new one: `vslnb import relocate {folder} PHOTOS`."


def relocate(folder: str | Path, photos: str | Path) -> int:
    """Look for the photos of a data set in another folder from now on; how many of them are there.

    Raises:
        InputError: if none of them is there, or some have another content; nothing has then changed.
    """
    folder, photos, moved = Path(folder), Path(photos), Path(folder) / MOVED
    if not photos.is_dir():
        raise InputError(photos, "there is no such folder", "Name the folder of the photos.")
    if not any((folder / f"{name}_pictures.txt").exists() for name in SPLITS):
        raise InputError(
            folder, "this is no data set with photos", "Name a folder that `vslnb import` wrote."
        )
    before = moved.read_bytes() if moved.exists() else None
    write_text(moved, f"{photos.resolve()}\n")
    changes = find_changes(folder)
    if changes.changed or len(changes.missing) == changes.total:
        moved.unlink() if before is None else moved.write_bytes(before)
        if changes.changed:
            raise InputError(photos, *changed_words(changes))
        problem = f"none of the {changes.total:,} photos is here, such as {changes.missing[0]}"
        raise InputError(photos, problem, "Name the folder that holds them.")
    return changes.total - len(changes.missing)
