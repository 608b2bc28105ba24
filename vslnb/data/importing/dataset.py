"""Your own photos and captions, or Flickr8k, into the SCAN layout with region features."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from vslnb.data.importing.caption_files import Item, check_pictures, read_captions, read_flickr8k
from vslnb.data.importing.features import Backbone, EfficientNetLite0, extract, fingerprint, readable
from vslnb.data.precomp import MANIFEST, SPLITS, read_manifest, write_manifest, write_split
from vslnb.errors import InputError
from vslnb.storage import locked, read_json, write_bytes, write_json

PLAN = "import.part.json"  # there while an import is unfinished
RATINGS = ("ExpertAnnotations.txt", "CrowdFlowerAnnotations.txt")


@dataclass(frozen=True)
class Request:
    """All that an import depends on, but for the photos themselves."""

    name: str
    origin: str
    root: str
    items: list[Item]
    captions_per_image: int
    backbone: str
    dev_share: float = 0.0
    test_share: float = 0.0
    seed: int = 0

    def key(self) -> str:
        """A hash that tells this import from another into the same folder."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()


def import_flickr8k(
    source: str | Path, dest: str | Path, backbone: Backbone | None = None, progress: bool = True
) -> dict:
    """Flickr8k with its official split and, where they are there, its human ratings, copied as they are.

    Returns:
        A report: images a split, what was left out and why, seconds.

    Raises:
        InputError: if a file is missing or damaged.
    """
    source = Path(source)
    texts = source if (source / "Flickr8k.token.txt").exists() else source / "Flickr8k_text"
    folders = [source / name for name in ("images", "Images", "Flicker8k_Dataset", "Flickr8k_Dataset")]
    root = next((folder for folder in folders if folder.is_dir()), folders[0])
    items = read_flickr8k(texts)
    chosen = (backbone or EfficientNetLite0).name
    request = Request("flickr8k", "Flickr8k", str(root.resolve()), items, 5, chosen)
    ratings = [texts / name for name in RATINGS if (texts / name).exists()]
    return _run(request, Path(dest), backbone, progress, ratings)


def import_captions(
    images_dir: str | Path,
    captions_file: str | Path,
    dest: str | Path,
    captions_per_image: int = 5,
    dev_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 0,
    backbone: Backbone | None = None,
    progress: bool = True,
) -> dict:
    """Your own photos: captions of any kind `read_captions` knows, split by the file or else at random.

    Raises:
        InputError: for a damaged file, a photo outside the folder or with too few captions, or no photo at all.
    """
    images_dir, captions_file = Path(images_dir), Path(captions_file)
    if not images_dir.is_dir():
        raise InputError(images_dir, "there is no such folder", "Name the folder of the photos.")
    if captions_per_image < 1 or min(dev_share, test_share) < 0 or dev_share + test_share >= 1:
        problem = f"{captions_per_image} captions an image, shares {dev_share} and {test_share}"
        raise InputError("import captions", problem, "At least one caption; shares that leave a train split.")
    items = read_captions(captions_file)
    check_pictures(items, captions_file)
    chosen = (backbone or EfficientNetLite0).name
    root, shares = str(images_dir.resolve()), (dev_share, test_share, seed)
    request = Request(
        captions_file.stem, captions_file.name, root, items, captions_per_image, chosen, *shares
    )
    return _run(request, Path(dest), backbone, progress, [])


def _run(
    request: Request, dest: Path, backbone: Backbone | None, progress: bool, extras: Sequence[Path]
) -> dict:
    """Check, split, extract, write; `dataset.json` last, as the mark of a whole import."""
    start = time.perf_counter()
    if dest.exists() and not dest.is_dir():
        raise InputError(dest, "this is a file", "Name a folder to write the data set to.")
    if (dest / MANIFEST).exists():
        return _complete(request, dest)
    _read_plan(request, dest)  # before the photos are read, which takes a while
    items, left_out = _usable(request, progress)
    splits = _divide(items, request)
    backbone = backbone or EfficientNetLite0()
    with locked(dest):
        _write(request, dest, splits, backbone, progress)
        for path in extras:
            write_bytes(dest / path.name, path.read_bytes())
        facts = {
            "name": request.name,
            "backbone": backbone.name,
            "left_out": left_out,
            "request": request.key(),
        }
        facts |= {"captions_dropped": sum(len(item.captions) - request.captions_per_image for item in items)}
        facts |= {"without_split": len(request.items) - len(items) - len(left_out)}
        manifest = write_manifest(dest, request.origin, request.captions_per_image, request.root, **facts)
        (dest / PLAN).unlink(missing_ok=True)
    return _report(manifest, time.perf_counter() - start)


def _write(
    request: Request, dest: Path, splits: dict[str, list[Item]], backbone: Backbone, progress: bool
) -> None:
    """Features, captions, ids and boxes of every split, going on where an interrupted import stopped."""
    plan, q = _read_plan(request, dest), request.captions_per_image
    for name, members in splits.items():
        paths = [Path(request.root) / item.picture for item in members]
        key = fingerprint(paths, backbone.name)
        if plan["finished"].get(name) != key:
            write_json(dest / PLAN, plan)  # first, so that features found later are known as ours
            extract(paths, backbone, dest / f"{name}_ims.npy", progress=progress)
            plan["finished"][name] = key
            write_json(dest / PLAN, plan)
        captions = [caption for item in members for caption in item.captions[:q]]
        ids, pictures = [item.id for item in members], [item.picture for item in members]
        write_split(dest, name, captions, ids, backbone.boxes[None], pictures)


def _report(manifest: dict, seconds: float, **more: str) -> dict:
    images = {name: split["images"] for name, split in manifest["splits"].items()}
    kept = {key: manifest[key] for key in ("captions_dropped", "without_split", "left_out")}
    missing = [name for name in ("train", "dev", "test") if name not in images]
    if missing:
        more["note"] = f"no {' or '.join(missing)} split: a model needs all three to train"
    return {"images": images, **kept, "seconds": round(seconds, 1), **more}


def _complete(request: Request, dest: Path) -> dict:
    """The report of an import that is already there, if it is this one."""
    manifest = read_manifest(dest)
    if manifest.get("request") != request.key():
        raise InputError(
            dest, "another data set is already here", "Choose another folder or remove this one."
        )
    return _report(manifest, 0.0, note="the import was already complete; nothing was done")


def _read_plan(request: Request, dest: Path) -> dict:
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
        raise InputError(dest, "features of another origin are here", remedy)
    return plan


def _usable(request: Request, progress: bool) -> tuple[list[Item], list[dict[str, str]]]:
    """The items to import, and the photos left out with the reason."""
    items, q = request.items, request.captions_per_image
    faults = readable([Path(request.root) / item.picture for item in items], progress)
    left_out = [{"picture": item.picture, "reason": fault} for item, fault in zip(items, faults) if fault]
    items = [item for item, fault in zip(items, faults) if not fault]
    if any(item.split for item in request.items):  # a file that splits means the rest to stay out
        items = [item for item in items if item.split]
    if not items:
        reason = left_out[0]["reason"] if left_out else "no photo is named"
        raise InputError(request.root, f"no photo to import ({reason})", "Check the folder of photos.")
    few = [f"{item.picture} ({len(item.captions)})" for item in items if len(item.captions) < q]
    if few:
        problem = f"{len(few)} photos have fewer than {q} captions: {', '.join(few[:5])}"
        raise InputError(request.origin, problem, "Use `--captions-per-image N` with a smaller N.")
    return items, left_out


def _divide(items: list[Item], request: Request) -> dict[str, list[Item]]:
    """Items by split, in the file's order; without a split in the file, drawn by a hash of id and seed."""
    if items[0].split is None:

        def draw(item: Item) -> str:
            return hashlib.sha256(f"{request.seed} {item.id}".encode()).hexdigest()

        shuffled = sorted(items, key=draw)
        shares = (request.dev_share, request.test_share)
        dev, test = (max(1, round(share * len(items))) if share else 0 for share in shares)
        if dev + test >= len(items):
            problem = f"{len(items)} photos are too few for {dev} in dev, {test} in test and a train split"
            raise InputError(request.origin, problem, "Add photos.")
        drawn = ["dev"] * dev + ["test"] * test + ["train"] * (len(items) - dev - test)
        names = {item.id: name for item, name in zip(shuffled, drawn)}
        items = [replace(item, split=names[item.id]) for item in items]
    splits = {name: [item for item in items if item.split == name] for name in SPLITS}
    return {name: members for name, members in splits.items() if members}
