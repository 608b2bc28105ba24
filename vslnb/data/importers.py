"""Photos and captions, as people have them, into the SCAN layout.

Captions come as a Flickr token file (`NAME.jpg#k<TAB>caption`), a Karpathy JSON or a CSV with a header.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from vslnb.data.precomp import MANIFEST, read_lines, read_manifest, write_manifest, write_split
from vslnb.data.regions import Backbone, EfficientNetLite0, extract, readable
from vslnb.errors import InputError

RATINGS = ("ExpertAnnotations.txt", "CrowdFlowerAnnotations.txt")


@dataclass
class Item:
    """One photo: its path below the photos' folder, its captions, and its split if the source names one."""

    picture: str
    captions: list[str] = field(default_factory=list)
    split: str | None = None


def read_captions(path: str | Path) -> dict[str, Item]:
    """Items by picture, from any of the three kinds of file.

    Raises:
        InputError: naming the line and what was expected there.
    """
    path = Path(path)
    if path.suffix.lower() == ".json":
        return _read_karpathy(path)
    lines = read_lines(path)
    is_token_file = bool(lines) and "\t" in lines[0] and "#" in lines[0].split("\t")[0]
    return _read_tokens(path, lines) if is_token_file else _read_csv(path)


def _read_tokens(path: Path, lines: list[str]) -> dict[str, Item]:
    items: dict[str, Item] = {}
    for number, line in enumerate(lines, start=1):
        name, tab, caption = line.partition("\t")
        picture, mark, _ = name.rpartition("#")
        if not (tab and mark and caption.strip()):
            raise InputError(f"{path}, line {number}", "not NAME#k<TAB>caption", "Mend or remove the line.")
        items.setdefault(picture, Item(picture)).captions.append(caption.strip())
    return items


def _read_karpathy(path: Path) -> dict[str, Item]:
    remedy = "Expected images, each with filename, split and sentences[].raw, as in Karpathy's dataset JSON."
    try:
        images = json.loads(path.read_text(encoding="utf-8"))["images"]
    except FileNotFoundError:
        raise InputError(path, "there is no such file", remedy) from None
    except (ValueError, KeyError, TypeError) as fault:
        raise InputError(path, f"not such a JSON ({fault!r})", remedy) from None
    items = {}
    for number, image in enumerate(images):
        try:
            picture = str(Path(image.get("filepath", "")) / image["filename"])
            captions = [sentence["raw"].strip() for sentence in image["sentences"]]
            split = {"restval": "train", "val": "dev"}.get(image.get("split"), image.get("split"))
        except (KeyError, TypeError, AttributeError) as fault:
            raise InputError(f"{path}, image {number}", f"incomplete ({fault!r})", remedy) from None
        items[picture] = Item(picture, [c for c in captions if c], split)
    return items


def _read_csv(path: Path) -> dict[str, Item]:
    remedy = "Give a header with the columns image and caption (and split, if you have one)."
    text = path.read_text(encoding="utf-8-sig")
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    rows = csv.DictReader(text.splitlines(), delimiter=delimiter)
    names = {(name or "").strip().lower(): name for name in rows.fieldnames or []}
    image = next((names[k] for k in ("image", "filename", "file_name", "image_name") if k in names), None)
    caption = next((names[k] for k in ("caption", "comment", "text") if k in names), None)
    if image is None or caption is None:
        raise InputError(f"{path}, line 1", f"no image and caption among the columns {list(names)}", remedy)
    items: dict[str, Item] = {}
    for row in rows:
        picture, words = (row[image] or "").strip(), (row[caption] or "").strip()
        if not picture or not words:
            raise InputError(f"{path}, line {rows.line_num}", "no picture or no caption in this row", remedy)
        item = items.setdefault(picture, Item(picture))
        item.captions.append(words)
        if "split" in names:
            item.split = {"val": "dev"}.get(row[names["split"]], row[names["split"]])
    return items


def import_flickr8k(
    source: str | Path, dest: str | Path, backbone: Backbone | None = None, progress: bool = True
) -> dict:
    """Flickr8k with its official split; human ratings are copied along.

    Args:
        source: a folder with `images/`, `Flickr8k.token.txt` and `Flickr_8k.{train,dev,test}Images.txt`.
        dest: folder to write; an interrupted import goes on.
        backbone: default EfficientNet-Lite0.
        progress: show progress bars.

    Returns:
        Counts a split and what was left out.
    """
    source, dest = Path(source), Path(dest)
    items = read_captions(source / "Flickr8k.token.txt")
    chosen = []
    for split in ("train", "dev", "test"):
        listing = source / f"Flickr_8k.{split}Images.txt"
        for number, name in enumerate(read_lines(listing), start=1):
            if name not in items:
                raise InputError(
                    f"{listing}, line {number}", f"{name} has no captions", "Mend the token file."
                )
            chosen.append(Item(name, items[name].captions, split))
    report = _write(chosen, source / "images", dest, 5, "flickr8k", backbone, progress)
    for name in RATINGS:
        if (source / name).exists():
            shutil.copy(source / name, dest / name)
    return report


def import_captions(
    images: str | Path,
    captions: str | Path,
    dest: str | Path,
    captions_per_image: int = 5,
    backbone: Backbone | None = None,
    progress: bool = True,
) -> dict:
    """Your own photos and captions; without splits in the file, a tenth each goes to dev and test.

    Args:
        images: folder of photos; the file's names are below it.
        captions: CSV, Flickr token file or Karpathy JSON.
        dest: folder to write; an interrupted import goes on.
        captions_per_image: Q; a photo's first Q captions are used.
        backbone: default EfficientNet-Lite0.
        progress: show progress bars.

    Returns:
        Counts a split and what was left out.

    Raises:
        InputError: for photos with fewer captions, or paths outside the folder.
    """
    images, items = Path(images), list(read_captions(captions).values())
    short = [item.picture for item in items if len(item.captions) < captions_per_image]
    if short:
        raise InputError(
            captions,
            f"{len(short)} photos have fewer than {captions_per_image} captions, such as {short[0]}",
            "Complete them, or use --captions-per-image with a smaller number.",
        )
    for item in items:
        if not (images / item.picture).resolve().is_relative_to(images.resolve()):
            raise InputError(
                captions, f"{item.picture} lies outside {images}", "Name photos below that folder."
            )
        item.captions = item.captions[:captions_per_image]
        # By hash, so that a photo keeps its split when others come or go.
        tenth = int(hashlib.sha256(item.picture.encode()).hexdigest(), 16) % 10
        item.split = item.split or {0: "test", 1: "dev"}.get(tenth, "train")
    return _write(items, images, Path(dest), captions_per_image, images.resolve().name, backbone, progress)


def _write(
    items: list[Item],
    root: Path,
    dest: Path,
    per_image: int,
    name: str,
    backbone: Backbone | None,
    progress: bool,
) -> dict:
    if dest.exists() and (dest / MANIFEST).exists():
        manifest = read_manifest(dest)
        if manifest.get("name") != name:
            raise InputError(dest, "this folder holds another data set", "Name a new folder.")
        return {"already complete": {s: v["images"] for s, v in manifest["splits"].items()}}
    backbone = backbone or EfficientNetLite0()
    dest.mkdir(parents=True, exist_ok=True)
    faults = readable([root / item.picture for item in items], backbone.size, progress)
    left_out = {item.picture: fault for item, fault in zip(items, faults) if fault}
    kept = [item for item, fault in zip(items, faults) if not fault]
    if not kept:
        raise InputError(
            root, "none of the photos could be read", f"For example: {next(iter(left_out.values()), '')}"
        )
    counts = {}
    for split in dict.fromkeys(item.split for item in kept):
        part = [item for item in kept if item.split == split]
        pictures = [item.picture for item in part]
        listing = dest / f"{split}_pictures.txt"  # written after the features: there, they are whole
        if not (listing.exists() and read_lines(listing) == pictures):
            extract([root / picture for picture in pictures], backbone, dest / f"{split}_ims.npy", progress)
        captions = [caption for item in part for caption in item.captions]
        write_split(dest, split, captions, pictures, backbone.boxes[None], pictures)
        counts[split] = len(part)
    write_manifest(
        dest,
        f"imported by vslnb from {name}",
        per_image,
        str(root.resolve()),
        name=name,
        backbone=backbone.name,
        left_out=left_out,
    )
    return {"images": counts, "left_out": left_out}
