"""Search of one's photos by a sentence, or of captions by a photo: what `vslnb search` does."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vslnb.browser.free_text import unknown_in_query
from vslnb.data.changes import digest_of, notice_changes
from vslnb.data.importing.features import features_of_photo
from vslnb.data.importing.names import Folder
from vslnb.data.precomp import SPLITS, file_hash, load_split, load_vocabulary
from vslnb.errors import InputError
from vslnb.models import Matcher
from vslnb.retrieval.gallery import (
    BLOCK,
    Gallery,
    backbone_of,
    features_of,
    folder_of_our_own,
    gallery_of,
    search,
)
from vslnb.retrieval.similarity import encode_captions, encode_images
from vslnb.run_folder import RunFolder
from vslnb.storage import read_json, write_json
from vslnb.training.run import load_matcher

READ = "photos.json"  # of a gallery of photos: those that could be read, in its order


@dataclass(frozen=True)
class FoundPhotos:
    """The best of what was searched: scores with a path or a caption, of how many, and words that are not known."""

    what: str
    rows: list[tuple[float, str]]
    total: int
    unknown: list[str]


def search_photos(
    run: Path,
    data: Path,
    split: str = "all",
    query: str | None = None,
    image: Path | None = None,
    photos: Path | None = None,
    top: int = 10,
) -> FoundPhotos:
    """The best pictures for a sentence or the best captions for a photo.

    Args:
        run: a trained run.
        data: the data set to search, or the one whose vocabulary and backbone count.
        split: the name of one, or `all` that are there.
        query: a sentence; or else
        image: a photo.
        photos: a folder of photos without captions, searched instead of the data set.
        top: how many.

    Raises:
        InputError: for a query none of whose words is known, or photos or splits that are not there.
    """
    names = [name for name in SPLITS if (data / f"{name}_ims.npy").exists()]
    if split != "all" and split not in names:
        raise InputError(f"--split {split}", f"not in {data}", f"Use all, {', '.join(names)}.")
    # `testall` holds `test` in the field's own data sets.
    wanted = (
        [split] if split != "all" else [name for name in names if name != "testall" or "test" not in names]
    )
    if not wanted:
        raise InputError(data, "no train, dev, test or testall features here", "See `vslnb import --help`.")
    parts, vocabulary = [load_split(data, name) for name in wanted], load_vocabulary(data)
    if not photos:
        notice_changes(data, needed=not image)
    model = load_matcher(run, parts[0], vocabulary, "cpu")
    unknown = [] if query is None else unknown_in_query(query, vocabulary)
    if query is not None:
        (asked,) = encode_captions(model, *vocabulary.encode_all([query]))
    elif image is not None:
        (asked,) = encode_images(model, [features_of(image, parts)])
    else:
        raise InputError("search", "nothing to search with", "Give a sentence, or a photo with --image.")
    kind = "images" if image is None else "captions"
    found: list[tuple[float, str]] = []
    total = 0
    galleries: list[tuple[Gallery, Sequence[object]]]
    if photos:
        galleries = [_gallery_of_photos(run, model, photos, data)]
    else:
        galleries = [
            (
                gallery_of(run, model, part, vocabulary, kind),
                part.captions if image else part.pictures() or part.ids,
            )
            for part in parts
        ]
    for gallery, shown in galleries:
        items, scores = search(model, gallery, asked, top)
        found += [(float(score), str(shown[item])) for item, score in zip(items, scores)]
        total += len(gallery)
    found.sort(key=lambda row: -row[0])
    where = f"{photos}" if photos else f"{data} ({', '.join(wanted)})"
    return FoundPhotos(
        f"{'pictures' if image is None else 'captions'} of {where}", found[:top], total, unknown
    )


def _gallery_of_photos(run: Path, model: Matcher, folder: Path, data: Path) -> tuple[Gallery, list[Path]]:
    """A gallery of photos without captions and their paths; kept beside the run while the photos stay the same.

    Raises:
        InputError: for a folder without photos, or a data set whose features we cannot make.
    """
    if not folder.is_dir():
        raise InputError(folder, "there is no such folder", "Name a folder of photos.")
    names = Folder(folder)
    photos = [names.root / name for name in names.photos]
    if not photos:
        raise InputError(folder, "no photos are in this folder", "Name a folder of photos.")
    key = hashlib.sha256("".join(digest_of(photo) for photo in photos).encode()).hexdigest()
    files = RunFolder(run)
    place = files.galleries_folder / f"photos-{key[:16]}"
    if not files.may_write(files.galleries_folder):
        place = folder_of_our_own(run) / place.name
    gallery = Gallery(place, "images", f"{file_hash(files.best_file)} {key}")
    if not len(gallery):
        backbone, features, readable = backbone_of(data), [], []
        for name, photo in zip(names.photos, photos):
            try:
                features.append(features_of_photo(backbone, photo))
                readable.append(name)
            except InputError as fault:
                warnings.warn(f"left out: {fault}", stacklevel=2)
        if not readable:
            raise InputError(folder, "none of its photos can be read", "Name another folder.")
        place.mkdir(parents=True, exist_ok=True)
        write_json(place / READ, {"photos": readable})
        blocks = (np.stack(features[k : k + BLOCK]) for k in range(0, len(features), BLOCK))
        gallery.add(len(features), encode_images(model, blocks))
    readable = read_json(place / READ, "Remove its folder; it will be made again.", ("photos",))["photos"]
    return gallery, [names.root / str(name) for name in readable]
