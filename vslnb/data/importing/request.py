"""What tells an import from another into the same folder, and what is there of it: nothing, a part, or all."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from vslnb.data.changes import PHOTOS, changed_words, find_changes
from vslnb.data.importing import summary
from vslnb.data.importing.items import Item
from vslnb.data.importing.summary import UNNAMED
from vslnb.data.precomp import SPLITS, picture_root, read_manifest
from vslnb.errors import InputError
from vslnb.storage import read_json

PLAN = "import.part.json"  # there while an import is unfinished


@dataclass(frozen=True)
class Request:
    """All that an import depends on, but for the photos themselves. `captions_per_image` may be "all"."""

    name: str
    origin: str
    root: str
    items: list[Item]
    captions_per_image: int | str
    backbone: str
    dev_share: float = 0.0
    test_share: float = 0.0
    seed: int = 0

    def key(self) -> str:
        """A hash that tells this import from another into the same folder."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()


def report_of(dest: Path, manifest: dict, seconds: float, **more: str) -> dict:
    """The report of an import: images a split, what was left out and why, seconds."""
    images = {name: split["images"] for name, split in manifest["splits"].items()}
    kept = {key: manifest[key] for key in ("captions_dropped", "without_split") if key in manifest}
    left_out = manifest.get("left_out", [])
    if (dest / summary.FULL_LIST).exists():
        rows = (dest / summary.FULL_LIST).read_text(encoding="utf-8").splitlines()[1:]
        pairs = [row.partition("\t") for row in rows]
        left_out = [{"picture": what, "reason": reason} for what, _, reason in pairs if reason != UNNAMED]
    missing = [name for name in ("train", "dev", "test") if name not in images]
    if missing:
        more["note"] = f"no {' or '.join(missing)} split: a model needs all three to train"
    return {"images": images, **kept, "left_out": left_out, "seconds": round(seconds, 1), **more}


def complete(request: Request, dest: Path) -> dict:
    """The report of an import that is already there, if it is this one and its photos are still the same.

    Raises:
        InputError: for another data set, or photos that have changed since.
    """
    manifest = read_manifest(dest)
    if manifest.get("request") != request.key():
        root = manifest.get("picture_root", ".")
        if root != request.root and manifest.get("request") == replace(request, root=root).key():
            if picture_root(dest) == Path(request.root):
                return _checked(dest, manifest)
            problem = f"this data set is already here, with its photos in {root}"
            remedy = f"If you moved them, run `vslnb import relocate {dest} {request.root}`."
            raise InputError(dest, problem, remedy)
        problem = "another data set is already here, made from other captions, photos or options"
        raise InputError(dest, problem, "Choose another folder or remove this one.")
    return _checked(dest, manifest)


def _checked(dest: Path, manifest: dict) -> dict:
    changes = find_changes(dest, thorough=True) if (dest / PHOTOS).exists() else None
    if changes and changes.changed:
        problem, _ = changed_words(changes)
        raise InputError(dest, problem, "Import into a new folder, or remove this one and import again.")
    return report_of(dest, manifest, 0.0, note="the import was already complete; nothing was done")


def read_plan(request: Request, dest: Path) -> dict:
    """What an interrupted run of the same import has finished.

    Raises:
        InputError: if the folder holds features that this import did not make.
    """
    plan = {"request": request.key(), "finished": {}}
    remedy = "Choose another folder or remove this one."
    if (dest / PLAN).exists():
        found = read_json(dest / PLAN, "Remove it; photos are read again.", ("request", "finished"))
        if found["request"] != plan["request"]:
            raise InputError(dest, "a different import was interrupted here", remedy)
        return found
    if any((dest / f"{name}_ims.npy").exists() for name in SPLITS):
        problem = "features are here that this import did not make"
        raise InputError(dest, f"{problem}, and no unfinished import either", remedy)
    return plan
