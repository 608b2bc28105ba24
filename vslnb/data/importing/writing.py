"""The splits of an import, written one after the other, so that an interrupted one goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

from vslnb.data.importing.features import Backbone, extract, fingerprint
from vslnb.data.importing.items import Item
from vslnb.data.importing.request import PLAN, Request, read_plan
from vslnb.data.importing.summary import Captions
from vslnb.data.precomp import write_split
from vslnb.storage import write_json, write_text


def write_splits(
    request: Request,
    dest: Path,
    splits: dict[str, list[Item]],
    backbone: Backbone,
    progress: bool,
    digests: dict[str, str],
    captions: Captions,
) -> None:
    """Features, captions, ids and boxes of every split, going on where an interrupted import stopped."""
    plan = read_plan(request, dest)
    for name, members in splits.items():
        paths = [Path(request.root) / item.picture for item in members]
        hashes = [digests[item.picture] for item in members]
        key = fingerprint(paths, backbone.name, hashes)
        if plan["finished"].get(name) != key:
            write_json(dest / PLAN, plan)  # first, so that features found later are known as ours
            extract(paths, backbone, dest / f"{name}_ims.npy", progress=progress, digests=hashes)
            plan["finished"][name] = key
            write_json(dest / PLAN, plan)
        texts = [text for item in members for text in item.captions[: captions.per_image]]
        ids, pictures = [item.id for item in members], [item.picture for item in members]
        boxes = None if backbone.boxes is None else backbone.boxes[None]
        write_split(dest, name, texts, ids, boxes, pictures)
        if captions.per_image is None:
            counts = "".join(f"{len(item.captions)}\n" for item in members)
            write_text(dest / f"{name}_counts.txt", counts)
