"""The manifest `dataset.json` and the lines of text of a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from vslnb.errors import InputError
from vslnb.storage import read_json, write_text

MANIFEST = "dataset.json"
MOVED = "picture_root.txt"  # the folder of photos after it was moved; the manifest, which runs know, stays


def picture_root(folder: str | Path) -> Path:
    """The folder of the pictures: where `vslnb import relocate` found them last, else the manifest's."""
    folder = Path(folder)
    moved = folder / MOVED
    told = read_lines(moved)[0] if moved.exists() else read_manifest(folder).get("picture_root", ".")
    return folder / told


def read_lines(path: Path, strip: bool = True) -> list[str]:
    """Lines of a UTF-8 file, stripped of blanks where names may not have them at an end.

    Raises:
        InputError: for a missing file, a line that is not UTF-8, or an empty line.
    """
    if not path.is_file():
        raise InputError(
            path, "there is no such file", "See `vslnb import --help` for how to make a data set."
        )
    lines = []
    for number, raw in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            line = raw.decode("utf-8")
            line = line.strip() if strip else line
        except UnicodeDecodeError:
            raise InputError(
                f"{path}, line {number}", "this is not UTF-8 text", "Save the file as UTF-8."
            ) from None
        if not line:
            raise InputError(
                f"{path}, line {number}", "the line is empty", "Fill it in; line k belongs to item k."
            )
        lines.append(line)
    return lines


def read_manifest(folder: str | Path) -> dict:
    """What `dataset.json` says, or an empty dict for the field's own folders, which have none.

    Raises:
        InputError: if it is not such a manifest.
    """
    path, remedy = Path(folder) / MANIFEST, "Make the data set again."
    if not path.exists():
        return {}
    manifest = read_json(path, remedy, ("captions_per_image", "vocabulary_sha256", "splits"))
    per_image, splits = manifest["captions_per_image"], manifest["splits"]
    if per_image != "all" and (type(per_image) is not int or per_image < 1):
        raise InputError(path, f"captions_per_image is {per_image!r}", remedy)
    if not isinstance(manifest.get("picture_root", "."), str):
        raise InputError(path, f"picture_root is {manifest['picture_root']!r:.60}", remedy)
    if not isinstance(splits, dict) or not all(
        isinstance(split, dict) and isinstance(split.get("sha256"), dict) for split in splits.values()
    ):
        raise InputError(path, "`splits` is not a mapping of splits with their sha256", remedy)
    return manifest


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """One item a line; white space inside an item is folded so that it stays one line."""
    write_text(path, "".join(" ".join(line.split()) + "\n" for line in lines))


def file_hash(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
